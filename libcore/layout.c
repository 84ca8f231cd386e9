/*
 * layout: lays the memory of a graph for at most N rows into one arena (see graph.h, plan.h).
 *
 * Time is counted in calls: forward of the planned nodes 0..F-1 in order, then the turns of backward
 * (again.c), which go through them in reverse and compute some values a second time. Every value, kept
 * intermediate and gradient is a buffer that lives for an interval of time; buffers whose intervals do
 * not meet may share bytes (place.c).
 *
 * Sharing before that: a view, and an operator that works in place, keep their input's buffer when
 * nobody needs the old value; and the gradient of an operator that only passes it on is its
 * input's, of a sum at the end of a branch that of both.
 */
#include "plan.h"

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
	const struct nn_op *op = p->graph->node[node].op;
	if (p->slot[node].host != GRAPH_NONE || p->graph->node[node].view)
		return NN_VIEW;
	return p->slot[node].absorbs && op->absorbing ? op->absorbing : op->flags;
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

bool plan_same_size(const struct node *a, const struct node *b)
{
	return a->mult == b->mult && a->dtype == b->dtype
	       && shape_items(&a->row) == shape_items(&b->row);
}

size_t plan_viewed(const struct plan *p, size_t i)
{
	return p->slot[i].host != GRAPH_NONE ? p->slot[i].host : p->graph->node[i].in[0];
}

bool plan_is_view(const struct plan *p, size_t i)
{
	const struct node *n = &p->graph->node[i];
	return (plan_flags(p, i) & NN_VIEW) && n->nin > 0
	       && plan_same_size(n, &p->graph->node[plan_viewed(p, i)]);
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

static size_t end_of_time(const struct plan *p)
{
	return p->steps + p->turns;
}

/* Somebody reads the value of node i at that time: in its second life, if it has one by then. */
static void use(struct plan *p, size_t i, size_t time)
{
	struct slot *t = &p->slot[i];
	size_t *last = t->twice && time >= p->steps ? &t->last_again : &t->last_use;
	*last = time > *last ? time : *last;
}

static void use_inputs(struct plan *p, size_t i, size_t time)
{
	for (size_t k = 0; k < p->graph->node[i].nin; k++)
		use(p, p->graph->node[i].in[k], time);
}

/* The last times at which somebody reads the values. */
static void mark_last_uses(struct plan *p, const struct plan_spec *s)
{
	for (size_t i = 0; i < p->nodes; i++) {
		const struct slot *t = &p->slot[i];
		const unsigned flags = t->back ? plan_flags(p, i) : 0;
		if (!t->used)
			continue;
		use(p, i, t->step);
		use_inputs(p, i, t->step);
		if (flags & NN_BACK_Y)
			use(p, i, t->time[PASS_BACKWARD]);
		if (flags & NN_BACK_X)
			use_inputs(p, i, t->time[PASS_BACKWARD]);
		if (t->twice && t->head == i) {
			use(p, i, t->time[PASS_AGAIN]);
			use_inputs(p, i, t->time[PASS_AGAIN]);
		}
	}
	for (size_t i = 0; i < s->nkeep; i++)
		p->slot[s->keep[i]].last_use = end_of_time(p);
}

/* ---- buffers ----------------------------------------------------------------------- */

static size_t padded(size_t floats)
{
	return (floats + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Floats of a node's value for the plan's N rows. */
static int value_floats(
	const struct plan *p, const struct node *n, size_t *floats, struct cvt_err *e)
{
	size_t rows = 1;
	const bool fits = (n->mult == 0 || mem_mul(p->rows, n->mult, &rows))
			  && mem_mul(rows, shape_items(&n->row), floats) && *floats < SIZE_MAX / 64;
	return fits ? CVT_OK
		    : cvt_fail(e, CVT_LIMIT,
			    "a batch of that size does not fit in memory; lower --batch-size");
}

static int new_buffer(
	struct plan *p, size_t floats, size_t first, size_t last, size_t *which, struct cvt_err *e)
{
	void *b = p->buffer;
	TRY(mem_grow(&b, &p->capacity, p->nbuffers + 1, sizeof *p->buffer, e));
	p->buffer = b;
	p->buffer[p->nbuffers] = (struct buffer){padded(floats), first, last, 0};
	*which = p->nbuffers++;
	return CVT_OK;
}

static void extend(struct buffer *b, size_t first, size_t last)
{
	b->first = first < b->first ? first : b->first;
	b->last = last > b->last ? last : b->last;
}

/* May node i lie in the memory of its first input? Always for a view; in place only if no one reads
 * the input's memory after this step. */
static bool may_share(const struct plan *p, size_t i)
{
	const struct node *n = &p->graph->node[i];
	if (plan_is_view(p, i))
		return true;
	if (n->nin == 0 || !plan_same_size(n, &p->graph->node[n->in[0]]))
		return false;
	const struct slot *root = &p->slot[p->slot[n->in[0]].root];
	return (plan_flags(p, i) & NN_INPLACE) && root->value != GRAPH_NONE
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
		t->root = p->slot[plan_viewed(p, i)].root;
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

/* Scratch is the same for all, so that a cache holds it from call to call. */
static void lay_work(struct plan *p, size_t i)
{
	const struct node *n = &p->graph->node[i];
	const bool ready = p->fixed && n->op->prepare;
	const size_t work = ready ? 0 : n->work_whole + n->work_row * node_rows(p, n);
	p->work_floats = larger(p->work_floats, padded(work));
	p->thread_floats = larger(p->thread_floats, padded(n->work_thread));
}

static int lay_save(struct plan *p, size_t i, struct cvt_err *e)
{
	const struct node *n = &p->graph->node[i];
	struct slot *t = &p->slot[i];
	const size_t save = n->save_whole + n->save_row * node_rows(p, n);
	size_t last = t->back ? t->time[PASS_BACKWARD] : t->step;
	if (t->twice)
		last = larger(last, t->time[PASS_AGAIN]);
	return save == 0 ? CVT_OK : new_buffer(p, save, t->step, last, &t->save, e);
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
	p->constant_floats += padded(t->fixed_floats);
}

/* Values are laid in order. A view extends its root's life, and an operator in place must see all
 * of that: lives of views are known before, because a view's own uses are uses of its root. */
static void spread_view_uses(struct plan *p)
{
	for (size_t i = p->nodes; i-- > 0;) {
		const struct node *n = &p->graph->node[i];
		if (!p->slot[i].used || !(plan_flags(p, i) & NN_VIEW) || n->nin == 0)
			continue;
		struct slot *in = &p->slot[plan_viewed(p, i)];
		in->last_use = larger(in->last_use, p->slot[i].last_use);
		in->last_again = larger(in->last_again, p->slot[i].last_again);
	}
}

/* Where backward finds the value of node i; GRAPH_NONE: where it is bound. */
static size_t place_in_backward(const struct plan *p, size_t i)
{
	const struct slot *t = &p->slot[p->slot[i].head];
	return t->twice ? t->again : t->value;
}

/* The second life of a value, in the memory of the first input where that is read no more. */
static int lay_again(struct plan *p, size_t i, struct cvt_err *e)
{
	const struct node *n = &p->graph->node[i];
	struct slot *t = &p->slot[i];
	const size_t now = t->time[PASS_AGAIN], place = place_in_backward(p, n->in[0]);
	if ((plan_flags(p, i) & NN_INPLACE) && place != GRAPH_NONE && p->buffer[place].last <= now
		&& plan_same_size(n, &p->graph->node[n->in[0]])) {
		t->again = place;
		extend(&p->buffer[place], now, t->last_again);
		return CVT_OK;
	}
	size_t floats;
	TRY(value_floats(p, n, &floats, e));
	return new_buffer(p, floats, now, t->last_again, &t->again, e);
}

static int lay_second_lives(struct plan *p, struct cvt_err *e)
{
	for (size_t i = 0; i < p->turns; i++)
		if (p->turn[i].pass == PASS_AGAIN)
			TRY(lay_again(p, p->turn[i].node, e));
	for (size_t i = 0; i < p->nodes; i++)
		p->slot[i].again = p->slot[p->slot[i].head].again;
	return CVT_OK;
}

/* Does a later input repeat input k? Then its gradient grows while others still read node i's. */
static bool repeats(const struct node *n, size_t k)
{
	for (size_t j = k + 1; j < n->nin; j++)
		if (n->in[j] == n->in[k])
			return true;
	return false;
}

/* The node that reads the gradient of node i, of which this one is a view, and does nothing else with it:
 * it does not work in its place; GRAPH_NONE = there is none. */
static size_t only_reads_gradient(const struct plan *p, size_t i)
{
	const struct node *node = p->graph->node;
	while (p->slot[i].readers == 1 && p->slot[i].grad == GRAPH_NONE && node[i].nin == 1
		&& (plan_flags(p, i) & NN_VIEW) && !(node[i].op->flags & NN_STOP)
		&& plan_same_size(&node[i], &node[node[i].in[0]]))
		i = node[i].in[0];
	const unsigned flags = plan_flags(p, i) | node[i].op->flags;
	const bool reads = p->slot[i].readers == 1 && p->slot[i].grad == GRAPH_NONE
			   && !(flags & (NN_VIEW | NN_INPLACE | NN_PASS | NN_STOP));
	return reads ? i : GRAPH_NONE;
}

/* Nobody adds to the gradient of node x between the backward of node i and that of `reader`. */
static bool rests(const struct plan *p, size_t x, size_t reader, size_t i)
{
	bool rests = x < reader;
	for (size_t j = reader; j < i && rests; j++)
		for (size_t k = 0; p->slot[j].used && k < p->graph->node[j].nin; k++)
			rests = rests && p->graph->node[j].in[k] != x;
	return rests;
}

/* Which input of node i, the sum of two, may have node i's own memory as its gradient though the other has
 * it, too: it is read there before the other's grows (the end of a branch beside what goes around it). */
static size_t lends(const struct plan *p, size_t i)
{
	const struct node *n = &p->graph->node[i];
	const struct slot *t = &p->slot[i];
	if (!(n->op->flags & NN_PASS) || !(plan_flags(p, i) & (NN_PASS | NN_VIEW)) || t->lent
		|| n->nin != 2 || n->in[0] == n->in[1]
		|| p->buffer[t->grad].last > t->time[PASS_BACKWARD])
		return GRAPH_NONE;
	for (size_t k = 0; k < 2; k++) {
		const size_t x = n->in[1 - k], reader = only_reads_gradient(p, n->in[k]);
		if (reader != GRAPH_NONE && p->slot[reader].back && p->slot[x].back
			&& p->slot[x].grad == GRAPH_NONE && rests(p, x, reader, i))
			return k;
	}
	return GRAPH_NONE;
}

/* Gives input k of node i a gradient: node i's own memory if it is passed on unchanged, this is the
 * first contribution and nobody reads node i's gradient later; else a buffer. */
static int lay_gradient(
	struct plan *p, size_t i, size_t k, size_t lent, bool *shared, struct cvt_err *e)
{
	const struct node *n = &p->graph->node[i], *in = &p->graph->node[n->in[k]];
	struct slot *t = &p->slot[n->in[k]];
	const size_t now = p->slot[i].time[PASS_BACKWARD], last = t->time[PASS_BACKWARD];
	const unsigned flags = plan_flags(p, i);
	const bool passes = (flags & NN_PASS) || (k == 0 && (flags & (NN_VIEW | NN_INPLACE)));
	if (t->grad != GRAPH_NONE)
		return CVT_OK;
	struct buffer *mine = &p->buffer[p->slot[i].grad];
	const bool lends = (flags & NN_VIEW) && p->slot[i].lent,
		   free = !*shared && mine->last <= now;
	if (lent != GRAPH_NONE || lends
		|| (passes && free && !repeats(n, k) && plan_same_size(n, in))) {
		*shared = true;
		t->grad = p->slot[i].grad;
		t->lent = lent == k || lends;
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
		TRY(new_buffer(p, floats, p->steps, end_of_time(p), &t->grad, e));
	}
	const size_t start = p->slot[s->loss].time[PASS_BACKWARD];
	if (p->slot[s->loss].grad == GRAPH_NONE)
		TRY(new_buffer(p, 1, start, start, &p->slot[s->loss].grad, e));
	for (size_t i = s->loss + 1; i-- > 0;) {
		const struct node *n = &p->graph->node[i];
		bool shared = false;
		if (!p->slot[i].back || (n->op->flags & NN_STOP))
			continue;
		const size_t lent = lends(p, i);
		for (size_t k = 0; k < n->nin; k++) {
			struct slot *in = &p->slot[n->in[k]];
			p->add[p->slot[i].edge + k] = in->started;
			if (!in->back)
				continue;
			TRY(lay_gradient(p, i, k, lent, &shared, e));
			in->started = true;
		}
	}
	return CVT_OK;
}

int plan_lay_out(struct plan *p, const struct plan_spec *s, struct cvt_err *e)
{
	mark_used(p, s);
	count_readers(p, s);
	plan_fold(p);
	mark_backward(p, s);
	plan_take_turns(p, s);
	mark_last_uses(p, s);
	spread_view_uses(p);
	for (size_t i = 0; i < p->nodes; i++)
		if (p->slot[i].used) {
			TRY(lay_value(p, i, e));
			lay_work(p, i);
			TRY(lay_save(p, i, e));
			lay_constants(p, i);
		}
	TRY(lay_second_lives(p, e));
	TRY(lay_gradients(p, s, e));
	return plan_place(p, e);
}
