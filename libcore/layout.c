/*
 * layout: lays the memory of a graph for at most N rows into one arena (see graph.h, plan.h).
 *
 * Time is counted in steps: forward of the planned nodes 0..F-1 in order, backward F..2F-1 in
 * reverse. Every value, kept intermediate and gradient is a buffer that lives for an interval of
 * steps; buffers whose intervals do not meet may share bytes. Largest first, each takes the lowest
 * place that is free throughout its life (greedy by size: Pisarchyk and Lee, "Efficient memory
 * management for deep neural net inference", 2020).
 *
 * Sharing before that: a view, and an operator that works in place, keep their input's buffer when
 * nobody needs the old value; and the gradient of an operator that only passes it on is its
 * input's.
 */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is needed ---------------------------------------------------------------- */

bool plan_param_wanted(const struct graph *g, const struct plan_spec *s, size_t p)
{
	if (g->param[p].kind == PARAM_BUFFER)
		return false;
	return s->train_param ? s->train_param[p] : !g->param[p].frozen;
}

static bool node_has_wanted_param(
	const struct graph *g, const struct plan_spec *s, const struct node *n)
{
	for (size_t i = 0; i < n->nparam; i++)
		if (plan_param_wanted(g, s, n->param[i]))
			return true;
	return false;
}

/* Ancestors of what is asked for; the order of the array is a topological one. */
static void mark_used(struct plan *p, const struct plan_spec *s)
{
	const struct graph *g = p->graph;
	for (size_t i = 0; i < s->nkeep; i++)
		p->slot[s->keep[i]].used = true;
	if (s->loss != GRAPH_NONE)
		p->slot[s->loss].used = true;
	for (size_t i = p->nodes; i-- > 0;)
		for (size_t k = 0; p->slot[i].used && k < g->node[i].nin; k++)
			p->slot[g->node[i].in[k]].used = true;
	for (size_t i = 0; i < p->nodes; i++)
		if (p->slot[i].used)
			p->slot[i].step = p->steps++;
}

unsigned plan_flags(const struct plan *p, size_t node)
{
	return p->slot[node].host != GRAPH_NONE ? NN_VIEW : p->graph->node[node].op->flags;
}

static void count_readers(struct plan *p, const struct plan_spec *s)
{
	for (size_t i = 0; i < s->nkeep; i++)
		p->slot[s->keep[i]].readers++;
	for (size_t i = 0; i < s->nkeep_grad; i++)
		p->slot[s->keep_grad[i]].readers++;
	for (size_t i = 0; i < p->nodes; i++)
		for (size_t k = 0; p->slot[i].used && k < p->graph->node[i].nin; k++) {
			struct slot *in = &p->slot[p->graph->node[i].in[k]];
			in->readers++;
			in->reader = i;
		}
}

static bool same_size(const struct node *a, const struct node *b)
{
	return a->mult == b->mult && a->dtype == b->dtype
	       && shape_items(&a->row) == shape_items(&b->row);
}

/* The node that alone reads the value of node `last`, if it is an operator of that name (NULL: of
 * NN_AFFINE) that node i's memory can hold; else GRAPH_NONE. */
static size_t only_reader(const struct plan *p, size_t i, size_t last, const char *name)
{
	const struct slot *t = &p->slot[last];
	if (t->readers != 1 || t->reader == GRAPH_NONE)
		return GRAPH_NONE;
	const struct node *n = &p->graph->node[t->reader];
	const bool is = name ? strcmp(n->op->name, name) == 0 : (n->op->flags & NN_AFFINE) != 0;
	return is && same_size(n, &p->graph->node[i]) ? t->reader : GRAPH_NONE;
}

/* Behind what a run that does not train leaves as it is (drop-path at the end of a branch): node i's
 * value is its value, too. */
static size_t past_views(struct plan *p, size_t i, size_t last)
{
	for (;;) {
		const size_t next = p->slot[last].reader;
		if (p->slot[last].readers != 1 || next == GRAPH_NONE
			|| !(p->graph->node[next].op->flags & NN_EVAL_VIEW)
			|| !same_size(&p->graph->node[next], &p->graph->node[i]))
			return last;
		p->slot[next].host = i;
		last = next;
	}
}

/* What node i takes over from its readers (nn_op.folds). The other value of a sum must be there when
 * node i runs: it comes from an earlier node. */
static void fold_readers(struct plan *p, size_t i)
{
	const struct graph *g = p->graph;
	const unsigned folds = g->node[i].op->folds;
	struct slot *t = &p->slot[i];
	size_t last = i, next;
	if ((folds & FOLD_AFFINE) && (next = only_reader(p, i, last, NULL)) != GRAPH_NONE) {
		p->slot[next].host = i;
		t->affine = last = next;
	}
	if (folds & FOLD_SUM)
		last = past_views(p, i, last);
	if ((folds & FOLD_SUM) && (next = only_reader(p, i, last, "sum")) != GRAPH_NONE
		&& g->node[next].nin == 2) {
		const size_t other = g->node[next].in[g->node[next].in[0] == last];
		if (other < i) {
			p->slot[next].host = i;
			t->plus = other;
			last = next;
		}
	}
	if ((folds & FOLD_RELU) && (next = only_reader(p, i, last, "relu")) != GRAPH_NONE) {
		p->slot[next].host = i;
		t->absorbs = true;
	}
}

static void mark_folded(struct plan *p)
{
	for (size_t i = 0; i < p->nodes && p->fixed; i++)
		if (p->slot[i].used && p->slot[i].host == GRAPH_NONE)
			fold_readers(p, i);
}

/* Two operators in one pass over memory: an operator that can do its reader's work (nn_op.absorbs)
 * does it when nobody else reads its value. */
static void mark_absorbed(struct plan *p)
{
	for (size_t i = 0; i < p->nodes; i++) {
		const struct node *n = &p->graph->node[i];
		if (!p->slot[i].used || p->slot[i].host != GRAPH_NONE || n->nin != 1)
			continue;
		struct slot *in = &p->slot[n->in[0]];
		const char *name = p->graph->node[n->in[0]].op->absorbs;
		if (!name || in->host != GRAPH_NONE || in->readers != 1
			|| strcmp(name, n->op->name) != 0)
			continue;
		in->absorbs = true;
		p->slot[i].host = n->in[0];
	}
}

static void mark_backward(struct plan *p, const struct plan_spec *s)
{
	const struct graph *g = p->graph;
	if (s->loss == GRAPH_NONE)
		return;
	for (size_t i = 0; i < s->nkeep_grad; i++)
		p->slot[s->keep_grad[i]].wants = true;
	for (size_t i = 0; i < p->nodes; i++) {
		const struct node *n = &g->node[i];
		struct slot *t = &p->slot[i];
		t->wants = t->wants || node_has_wanted_param(g, s, n);
		for (size_t k = 0; k < n->nin && !(n->op->flags & NN_STOP); k++)
			t->wants = t->wants || p->slot[n->in[k]].wants;
	}
	p->slot[s->loss].back = p->slot[s->loss].wants;
	for (size_t i = s->loss + 1; i-- > 0;) {
		const struct node *n = &g->node[i];
		for (size_t k = 0; k < n->nin && p->slot[i].back; k++)
			if (p->slot[n->in[k]].wants && !(n->op->flags & NN_STOP))
				p->slot[n->in[k]].back = true;
	}
}

static size_t back_step(const struct plan *p, size_t node)
{
	return 2 * p->steps - 1 - p->slot[node].step;
}

/* The last step at which somebody reads the value of node i. */
static void mark_last_uses(struct plan *p, const struct plan_spec *s)
{
	const struct graph *g = p->graph;
	for (size_t i = 0; i < p->nodes; i++) {
		struct slot *t = &p->slot[i];
		const unsigned flags = plan_flags(p, i);
		if (!t->used)
			continue;
		size_t own = t->step;
		if (t->back && (flags & NN_BACK_Y))
			own = back_step(p, i);
		t->last_use = own > t->last_use ? own : t->last_use;
		for (size_t k = 0; k < g->node[i].nin; k++) {
			struct slot *in = &p->slot[g->node[i].in[k]];
			const size_t use =
				t->back && (flags & NN_BACK_X) ? back_step(p, i) : t->step;
			in->last_use = use > in->last_use ? use : in->last_use;
		}
	}
	for (size_t i = 0; i < s->nkeep; i++)
		p->slot[s->keep[i]].last_use = 2 * p->steps;
}

/* ---- buffers ----------------------------------------------------------------------- */

/* Floats of a node's value for the plan's N rows. */
static int value_floats(
	const struct plan *p, const struct node *n, size_t *floats, struct cvt_err *e)
{
	size_t rows = 1;
	const bool fits = (n->mult == 0 || mem_mul(p->rows, n->mult, &rows))
			  && mem_mul(rows, shape_items(&n->row), floats) && *floats < SIZE_MAX / 64;
	return fits ? CVT_OK
		    : cvt_fail(e, CVT_LIMIT, "a batch of that size does not fit in memory");
}

static int new_buffer(
	struct plan *p, size_t floats, size_t first, size_t last, size_t *which, struct cvt_err *e)
{
	void *b = p->buffer;
	TRY(mem_grow(&b, &p->capacity, p->nbuffers + 1, sizeof *p->buffer, e));
	p->buffer = b;
	const size_t padded = (floats + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
	p->buffer[p->nbuffers] = (struct buffer){padded, first, last, 0};
	*which = p->nbuffers++;
	return CVT_OK;
}

static void extend(struct buffer *b, size_t first, size_t last)
{
	b->first = first < b->first ? first : b->first;
	b->last = last > b->last ? last : b->last;
}

/* The node of whose value node i is a view, if it is one. */
static size_t viewed(const struct plan *p, size_t i)
{
	return p->slot[i].host != GRAPH_NONE ? p->slot[i].host : p->graph->node[i].in[0];
}

/* May node i lie in the memory of its first input? Always for a view; in place only if no one reads
 * the input's memory after this step. */
static bool may_share(const struct plan *p, size_t i)
{
	const struct node *n = &p->graph->node[i];
	if (n->nin == 0 || !same_size(n, &p->graph->node[viewed(p, i)]))
		return false;
	const unsigned flags = plan_flags(p, i);
	if (flags & NN_VIEW)
		return true;
	const struct slot *root = &p->slot[p->slot[n->in[0]].root];
	return (flags & NN_INPLACE) && root->value != GRAPH_NONE
	       && p->buffer[root->value].last <= p->slot[i].step;
}

static int lay_value(struct plan *p, size_t i, struct cvt_err *e)
{
	const struct node *n = &p->graph->node[i];
	struct slot *t = &p->slot[i];
	t->root = i;
	if (!n->op->forward && n->nin == 0) /* an input: bound later */
		return CVT_OK;
	if (may_share(p, i)) {
		t->root = p->slot[viewed(p, i)].root;
		t->value = p->slot[t->root].value;
		if (t->value != GRAPH_NONE)
			extend(&p->buffer[t->value], t->step, t->last_use);
		return CVT_OK;
	}
	size_t floats;
	TRY(value_floats(p, n, &floats, e));
	return new_buffer(p, floats, t->step, t->last_use, &t->value, e);
}

static size_t node_rows(const struct plan *p, const struct node *n)
{
	return n->mult ? p->rows * n->mult : p->rows; /* a loss keeps something of every row */
}

static int lay_extra(struct plan *p, size_t i, struct cvt_err *e)
{
	const struct node *n = &p->graph->node[i];
	struct slot *t = &p->slot[i];
	const size_t save = n->save_whole + n->save_row * node_rows(p, n);
	const bool ready = p->fixed && n->op->prepare;
	const size_t work = ready ? 0 : n->work_whole + n->work_row * node_rows(p, n);
	const size_t thread = (n->work_thread + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
	p->work_floats = work > p->work_floats ? work : p->work_floats;
	p->thread_floats = thread > p->thread_floats ? thread : p->thread_floats;
	if (save == 0)
		return CVT_OK;
	return new_buffer(p, save, t->step, t->back ? back_step(p, i) : t->step, &t->save, e);
}

/* A fixed plan's constants live as long as it does. */
static void lay_constants(struct plan *p, size_t i)
{
	const struct node *n = &p->graph->node[i];
	struct slot *t = &p->slot[i];
	const struct nn_io io = {.graph = p->graph, .node = n, .most = p->most};
	if (!p->fixed || !n->op->prepare)
		return;
	t->fixed = p->constant_floats;
	t->fixed_floats = n->op->prepare(&io, NULL);
	p->constant_floats += (t->fixed_floats + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
}

/* Values are laid in order. A view extends its root's life, and an operator in place must see all
 * of that: lives of views are known before, because a view's own uses are uses of its root. */
static void spread_view_uses(struct plan *p)
{
	for (size_t i = p->nodes; i-- > 0;) {
		const struct node *n = &p->graph->node[i];
		if (!p->slot[i].used || !(plan_flags(p, i) & NN_VIEW) || n->nin == 0)
			continue;
		struct slot *in = &p->slot[viewed(p, i)];
		if (p->slot[i].last_use > in->last_use)
			in->last_use = p->slot[i].last_use;
	}
}

/* Does a later input repeat input k? Then its gradient grows while others still read node i's. */
static bool repeats(const struct node *n, size_t k)
{
	for (size_t j = k + 1; j < n->nin; j++)
		if (n->in[j] == n->in[k])
			return true;
	return false;
}

/* Gives input k of node i a gradient: node i's own memory if it is passed on unchanged, this is the
 * first contribution and nobody reads node i's gradient later; else a buffer. */
static int lay_gradient(struct plan *p, size_t i, size_t k, bool *shared, struct cvt_err *e)
{
	const struct node *n = &p->graph->node[i], *in = &p->graph->node[n->in[k]];
	struct slot *t = &p->slot[n->in[k]];
	const size_t now = back_step(p, i), last = back_step(p, n->in[k]);
	const unsigned flags = plan_flags(p, i);
	const bool passes = (flags & NN_PASS) || (k == 0 && (flags & (NN_VIEW | NN_INPLACE)));
	if (t->grad != GRAPH_NONE)
		return CVT_OK;
	struct buffer *mine = &p->buffer[p->slot[i].grad];
	if (passes && !*shared && !repeats(n, k) && same_size(n, in) && mine->last <= now) {
		*shared = true;
		t->grad = p->slot[i].grad;
		extend(mine, now, last);
		return CVT_OK;
	}
	size_t floats;
	TRY(value_floats(p, in, &floats, e));
	return new_buffer(p, floats, now, last, &t->grad, e);
}

/* Gradients, in the order backward runs. What the caller keeps has a buffer of its own. */
static int lay_gradients(struct plan *p, const struct plan_spec *s, struct cvt_err *e)
{
	if (s->loss == GRAPH_NONE || !p->slot[s->loss].back)
		return CVT_OK;
	for (size_t i = 0; i < s->nkeep_grad; i++) {
		struct slot *t = &p->slot[s->keep_grad[i]];
		size_t floats;
		TRY(value_floats(p, &p->graph->node[s->keep_grad[i]], &floats, e));
		TRY(new_buffer(p, floats, p->steps, 2 * p->steps, &t->grad, e));
	}
	const size_t start = back_step(p, s->loss);
	if (p->slot[s->loss].grad == GRAPH_NONE)
		TRY(new_buffer(p, 1, start, start, &p->slot[s->loss].grad, e));
	for (size_t i = s->loss + 1; i-- > 0;) {
		const struct node *n = &p->graph->node[i];
		bool shared = false;
		for (size_t k = 0; k < n->nin && p->slot[i].back && !(n->op->flags & NN_STOP);
			k++) {
			struct slot *in = &p->slot[n->in[k]];
			p->add[p->slot[i].edge + k] = in->started;
			if (!in->back)
				continue;
			TRY(lay_gradient(p, i, k, &shared, e));
			in->started = true;
		}
	}
	return CVT_OK;
}

/* ---- places ------------------------------------------------------------------------ */

static int larger_first(const void *a, const void *b)
{
	const struct buffer *const *x = a, *const *y = b;
	if ((*x)->floats != (*y)->floats)
		return (*x)->floats < (*y)->floats ? 1 : -1;
	return *x < *y ? -1 : 1; /* both point into one array: a fixed order for equals */
}

/* The lowest offset at which b fits beside those placed so far (sorted by offset) that live at the
 * same time; *at is where it belongs in that order. */
static size_t lowest_place(
	struct buffer *const *placed, size_t n, const struct buffer *b, size_t *at)
{
	size_t offset = 0;
	for (size_t i = 0; i < n; i++) {
		const struct buffer *q = placed[i];
		if (q->last < b->first || b->last < q->first)
			continue;
		if (q->offset >= offset + b->floats)
			break;
		const size_t end = q->offset + q->floats;
		offset = end > offset ? end : offset;
	}
	for (*at = 0; *at < n && placed[*at]->offset <= offset; ++*at)
		;
	return offset;
}

static int place_buffers(struct plan *p, struct cvt_err *e)
{
	struct buffer **order = mem_alloc(p->nbuffers, sizeof *order, e);
	struct buffer **placed = mem_alloc(p->nbuffers, sizeof *placed, e);
	for (size_t i = 0; order && placed && i < p->nbuffers; i++)
		order[i] = &p->buffer[i];
	if (order && placed)
		qsort(order, p->nbuffers, sizeof *order, larger_first);
	for (size_t i = 0; order && placed && i < p->nbuffers; i++) {
		size_t at;
		struct buffer *b = order[i];
		b->offset = lowest_place(placed, i, b, &at);
		memmove(placed + at + 1, placed + at, (i - at) * sizeof *placed);
		placed[at] = b;
		const size_t end = b->offset + b->floats;
		p->arena_floats = end > p->arena_floats ? end : p->arena_floats;
	}
	const bool done = order && placed;
	free(order);
	free(placed);
	return done ? CVT_OK : CVT_SYSTEM;
}

int plan_lay_out(struct plan *p, const struct plan_spec *s, struct cvt_err *e)
{
	mark_used(p, s);
	count_readers(p, s);
	mark_folded(p);
	mark_absorbed(p);
	mark_backward(p, s);
	mark_last_uses(p, s);
	spread_view_uses(p);
	for (size_t i = 0; i < p->nodes; i++)
		if (p->slot[i].used) {
			TRY(lay_value(p, i, e));
			TRY(lay_extra(p, i, e));
			lay_constants(p, i);
		}
	TRY(lay_gradients(p, s, e));
	return place_buffers(p, e);
}
