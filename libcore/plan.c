/* plan: makes a plan of a graph (layout.c gives everything its place) and runs it forward and
 * backward (see graph.h). Nothing is allocated after plan_create. */
#include "plan.h"

#include "blas.h"
#include "profile.h"
#include "simd.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 15 }; /* floats passed on by one block of work */
/* What a fixed plan's values of a span may take: SIMD_NEAR floats a thread, and this share of its
 * constants. */
enum { SHARE = 4 };

/* ---- making ------------------------------------------------------------------------ */

static int make_tables(struct plan *p, struct cvt_err *e)
{
	const struct graph *g = p->graph;
	for (size_t i = 0; i < p->nodes; i++) {
		p->slot[i] = (struct slot){.edge = p->edges,
			.param = p->params,
			.value = GRAPH_NONE,
			.grad = GRAPH_NONE,
			.save = GRAPH_NONE,
			.again = GRAPH_NONE,
			.wanted = GRAPH_NONE,
			.first_again = GRAPH_NONE,
			.next_again = GRAPH_NONE,
			.reader = GRAPH_NONE,
			.host = GRAPH_NONE,
			.affine = GRAPH_NONE,
			.plus = GRAPH_NONE,
			.root = i};
		p->edges += g->node[i].nin;
		p->params += g->node[i].nparam;
	}
	p->x = mem_alloc(p->edges, sizeof *p->x, e);
	p->dx = mem_alloc(p->edges, sizeof *p->dx, e);
	p->add = mem_alloc(p->edges, sizeof *p->add, e);
	p->w = mem_alloc(p->params, sizeof *p->w, e);
	p->dw = mem_alloc(p->params, sizeof *p->dw, e);
	p->step = mem_alloc(p->nodes, sizeof *p->step, e);
	p->turn = mem_alloc(2 * p->nodes, sizeof *p->turn, e);
	return p->x && p->dx && p->add && p->w && p->dw && p->step && p->turn ? CVT_OK : CVT_SYSTEM;
}

static int open_for(struct plan **out, struct graph *g, const struct plan_spec *s, size_t rows,
	struct cvt_err *e)
{
	struct plan *p = *out = mem_alloc(1, sizeof *p, e);
	if (!p)
		return CVT_SYSTEM;
	p->graph = g;
	p->most = s->rows;
	p->rows = rows;
	p->nodes = g->n;
	p->threads = s->threads ? s->threads : 1;
	p->fixed = s->fixed && s->loss == GRAPH_NONE;
	p->slot = mem_alloc(p->nodes, sizeof *p->slot, e);
	int code = p->slot ? make_tables(p, e) : CVT_SYSTEM;
	if (code == CVT_OK)
		code = plan_lay_out(p, s, e);
	if (code != CVT_OK) {
		plan_free(p);
		*out = NULL;
	}
	return code;
}

/* Rows go one by one in a fixed plan, but where views are stacked. */
static bool may_part(const struct plan *p)
{
	for (size_t i = 0; i < p->nodes; i++)
		if (p->slot[i].used && p->graph->node[i].mult != 1)
			return false;
	return p->fixed;
}

/* How many rows go at a time through a plan that was laid out for all of them. Few, and values are still
 * near when the next operator reads them; but constants are read anew for each span, which must pay: the
 * sizes are within 5 % of the best one for the networks of tests/bench. */
static size_t choose_span(const struct plan *p, const struct plan_spec *s)
{
	const size_t row = p->arena_floats / p->most + 1;
	const size_t near = (SIMD_NEAR + p->constant_floats / SHARE) / row * p->threads;
	const size_t span = s->span ? s->span : near ? near : 1;
	if (!may_part(p) || span >= p->most)
		return p->most;
	const size_t spans = (p->most + span - 1) / span;
	return (p->most + spans - 1) / spans; /* of nearly equal size */
}

static int plan_open(
	struct plan **out, struct graph *g, const struct plan_spec *s, struct cvt_err *e)
{
	TRY(open_for(out, g, s, s->rows, e));
	const size_t span = choose_span(*out, s);
	if (span == s->rows)
		return CVT_OK;
	plan_free(*out);
	TRY(open_for(out, g, s, span, e));
	for (size_t i = 0; i < s->nkeep; i++)
		(*out)->whole_floats += s->rows * shape_items(&g->node[s->keep[i]].row);
	return CVT_OK;
}

static float *buffer_place(const struct plan *p, size_t buffer)
{
	return buffer == GRAPH_NONE ? NULL : p->arena + p->buffer[buffer].offset;
}

static float *constant_place(const struct plan *p, const struct slot *t)
{
	return t->fixed_floats ? p->constant + t->fixed : NULL;
}

/* Everything of a step that is the same in every run. */
static void make_step(struct plan *p, size_t i, const struct plan_spec *s)
{
	struct graph *g = p->graph;
	const struct node *n = &g->node[i];
	struct slot *t = &p->slot[i];
	for (size_t k = 0; k < n->nin; k++) {
		const struct slot *in = &p->slot[n->in[k]];
		const bool flows = t->back && in->back && !(n->op->flags & NN_STOP);
		p->dx[t->edge + k] = flows ? buffer_place(p, in->grad) : NULL;
	}
	for (size_t k = 0; k < n->nparam; k++) {
		p->w[t->param + k] = param_data(g, n->param[k]);
		p->dw[t->param + k] =
			plan_param_wanted(g, s, n->param[k]) ? param_grad(g, n->param[k]) : NULL;
	}
	p->step[t->step] = (struct step){.node = i,
		.io = {.graph = g,
			.node = n,
			.most = p->most,
			.x = p->x + t->edge,
			.dy = buffer_place(p, t->grad),
			.dx = p->dx + t->edge,
			.add = p->add + t->edge,
			.absorbs = t->absorbs,
			.fixed = constant_place(p, t),
			.affine = t->affine == GRAPH_NONE ? NULL
							  : constant_place(p, &p->slot[t->affine]),
			.w = p->w + t->param,
			.dw = p->dw + t->param,
			.save = buffer_place(p, t->save),
			.work = p->work,
			.thread_work = p->work + p->work_floats,
			.thread_stride = p->thread_floats}};
}

/* From the last step to the first: what an operator folds is prepared before it. */
static void prepare_constants(struct plan *p)
{
	const struct run run = {0};
	for (size_t i = p->steps; i-- > 0;) {
		struct nn_io io = p->step[i].io;
		io.run = &run;
		if (io.fixed)
			(void)io.node->op->prepare(&io, io.fixed);
	}
}

/* Kept values of all rows, end to end; what only views an input is read where that is bound. */
static void place_whole(struct plan *p, const struct plan_spec *s)
{
	float *at = p->whole;
	for (size_t i = 0; i < s->nkeep && p->whole_floats; i++) {
		struct slot *t = &p->slot[s->keep[i]];
		if (t->value != GRAPH_NONE)
			t->whole = at;
		at += p->most * shape_items(&p->graph->node[s->keep[i]].row);
	}
}

/* Floats of what lies in the arena, and of the scratch behind it. */
static size_t room(const struct plan *p)
{
	return p->arena_floats + p->work_floats + p->threads * p->thread_floats;
}

/* What is prepared of parameters counts with these. A network of a few bytes can have values of any
 * size: more than the machine has are not tried. */
static int charge(const struct plan *p, struct cvt_err *e)
{
	const size_t machine = 2 * mem_default_budget(), given = p->graph->most;
	const size_t most = given > machine ? given : machine;
	size_t bytes = (room(p) + p->whole_floats) * sizeof(float);
	TRY(graph_charge(p->graph, p->constant_floats * sizeof(float), e));
	if (!given || p->borrows || bytes <= most)
		return CVT_OK;
	return cvt_fail(e, CVT_LIMIT,
		"the network's values for a batch of %zu rows take %zu MiB, which is more than "
		"this machine has; take smaller batches or pictures, or raise --max-memory",
		p->most, bytes >> 20);
}

int plan_create(struct plan **out, struct graph *g, const struct plan_spec *s, struct cvt_err *e)
{
	*out = NULL;
	TRY(blas_reserve(s->threads ? s->threads : 1, e));
	TRY(plan_open(out, g, s, e));
	struct plan *p = *out;
	const size_t floats = room(p);
	p->borrows = s->lender && room(s->lender) >= floats;
	const int code = charge(p, e);
	if (code != CVT_OK) {
		plan_free(p);
		*out = NULL;
		return code;
	}
	p->arena = p->borrows ? s->lender->arena : mem_alloc(floats, sizeof *p->arena, e);
	p->constant = mem_alloc(p->constant_floats, sizeof *p->constant, e);
	p->whole = mem_alloc(p->whole_floats, sizeof *p->whole, e);
	if (!p->arena || !p->constant || !p->whole) {
		plan_free(p);
		*out = NULL;
		return CVT_SYSTEM;
	}
	p->work = p->arena + p->arena_floats;
	for (size_t i = 0; i < p->nodes; i++)
		if (p->slot[i].used)
			make_step(p, i, s);
	place_whole(p, s);
	prepare_constants(p);
	if (s->loss != GRAPH_NONE && p->slot[s->loss].grad != GRAPH_NONE)
		p->loss_grad = buffer_place(p, p->slot[s->loss].grad);
	return CVT_OK;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	free(p->slot);
	free(p->buffer);
	if (!p->borrows)
		free(p->arena);
	free(p->constant);
	free(p->whole);
	free(p->step);
	free(p->turn);
	free(p->x);
	free(p->dx);
	free(p->add);
	free(p->w);
	free(p->dw);
	free(p);
}

size_t plan_bytes(const struct plan *p)
{
	return (room(p) + p->constant_floats + p->whole_floats) * sizeof(float);
}

int plan_measure(const struct graph *g, const struct plan_spec *s, size_t *bytes, struct cvt_err *e)
{
	struct plan *p;
	struct graph copy = *g; /* nothing of it is changed; plans that run need it writable */
	TRY(plan_open(&p, &copy, s, e));
	*bytes = plan_bytes(p);
	plan_free(p);
	return CVT_OK;
}

/* ---- running ----------------------------------------------------------------------- */

void plan_bind(struct plan *p, size_t node, const void *data)
{
	p->slot[node].bound = data;
}

/* Of the rows that go now; of the second life, if that is meant and there is one. */
static const void *value_place(const struct plan *p, size_t node, enum pass pass)
{
	const struct slot *t = &p->slot[node];
	if (t->twice && pass != PASS_FORWARD)
		return buffer_place(p, t->again);
	if (t->value != GRAPH_NONE)
		return buffer_place(p, t->value);
	const struct node *in = &p->graph->node[t->root];
	const char *bound = p->slot[t->root].bound;
	return bound ? bound + p->first * shape_items(&in->row) * dtype_size(in->dtype) : NULL;
}

const float *plan_value(const struct plan *p, size_t node)
{
	const struct slot *t = &p->slot[node];
	return !t->used ? NULL : t->whole ? t->whole : value_place(p, node, PASS_FORWARD);
}

float *plan_grad(const struct plan *p, size_t node)
{
	return buffer_place(p, p->slot[node].grad);
}

/* Before all operators are called in one direction. */
static void begin(struct plan *p, const struct run *r, size_t n, enum pass pass)
{
	for (size_t i = 0; i < p->steps; i++) {
		struct nn_io *io = &p->step[i].io;
		io->run = r;
		io->n = n;
		io->first = p->first;
		io->rows = io->node->mult ? n * io->node->mult : 1;
		const struct slot *t = &p->slot[p->step[i].node];
		const size_t y = pass != PASS_FORWARD && t->twice ? t->again : t->value;
		io->y = buffer_place(p, y);
		io->plus = t->plus == GRAPH_NONE ? NULL : value_place(p, t->plus, pass);
		for (size_t k = 0; k < io->node->nin; k++)
			p->x[t->edge + k] = value_place(p, io->node->in[k], pass);
	}
}

/* One operator in one direction, its time taken where that is asked for. */
static void call(const struct nn_io *io, void (*work)(const struct nn_io *io), enum pass pass)
{
	static const char *const part[PASSES] = {"forward", "backward", "again"};
	struct profile *profile = io->run->profile;
	const double from = profile ? profile_now() : 0;
	work(io);
	if (profile)
		profile_add(profile, io->node->op->name, part[pass], from,
			pass == PASS_AGAIN ? 0 : profile_flop(io, pass == PASS_BACKWARD));
}

static void forward_span(struct plan *p, const struct run *r, size_t n)
{
	begin(p, r, n, PASS_FORWARD);
	for (size_t i = 0; i < p->steps; i++) {
		const struct nn_io *io = &p->step[i].io;
		const struct slot *t = &p->slot[p->step[i].node];
		if (io->node->op->forward
			&& !((plan_flags(p, p->step[i].node) & NN_VIEW)
				&& t->root != p->step[i].node))
			call(io, io->node->op->forward, PASS_FORWARD);
	}
}

/* Kept values of the rows that went now join those of the others. */
static void keep_whole(const struct plan *p, size_t n)
{
	for (size_t i = 0; i < p->nodes && p->whole_floats; i++) {
		const size_t items = shape_items(&p->graph->node[i].row);
		if (p->slot[i].whole)
			memcpy(p->slot[i].whole + p->first * items, value_place(p, i, PASS_FORWARD),
				n * items * sizeof(float));
	}
}

void plan_forward(struct plan *p, const struct run *r, size_t n)
{
	for (size_t left = n; left > 0; left -= n) {
		n = left < p->rows ? left : p->rows;
		forward_span(p, r, n);
		keep_whole(p, n);
		p->first += n;
	}
	p->first = 0;
}

/* to = from, or to += from: what the backward of a view or of a sum is. */
struct passing {
	float *to;
	const float *from;
	size_t n;
	bool add;
};

static void pass_chunk(void *context, size_t block, unsigned thread)
{
	const struct passing *a = context;
	size_t first;
	const size_t n = par_span(a->n, CHUNK, block, &first);
	float *to = a->to + first;
	const float *from = a->from + first;
	(void)thread;
	for (size_t i = 0; i < n && a->add; i++)
		to[i] += from[i];
	if (!a->add)
		memcpy(to, from, n * sizeof *to);
}

static void pass_gradients(const struct nn_io *io)
{
	const size_t n = io->rows * shape_items(&io->node->row);
	for (size_t k = 0; k < io->node->nin; k++) {
		struct passing a = {io->dx[k], io->dy, n, io->add[k]};
		if (a.to && (a.to != a.from || a.add))
			par_for(io->run->par, par_blocks(n, CHUNK), pass_chunk, &a);
	}
}

static void call_again(const struct plan *p, size_t node)
{
	const struct slot *t = &p->slot[node];
	struct nn_io io = p->step[t->step].io;
	io.again = true;
	call(&io, io.node->op->forward, PASS_AGAIN);
}

static void call_backward(const struct plan *p, size_t node)
{
	const struct nn_io *io = &p->step[p->slot[node].step].io;
	const struct nn_op *op = io->node->op;
	if (op->flags & NN_STOP)
		return;
	if (plan_flags(p, node) & (NN_VIEW | NN_PASS))
		call(io, pass_gradients, PASS_BACKWARD);
	else if (op->backward)
		call(io, op->backward, PASS_BACKWARD);
}

void plan_backward(struct plan *p, const struct run *r, size_t n)
{
	if (!p->loss_grad)
		return;
	begin(p, r, n, PASS_BACKWARD);
	*p->loss_grad = 1;
	for (size_t i = 0; i < p->turns; i++)
		if (p->turn[i].pass == PASS_AGAIN)
			call_again(p, p->turn[i].node);
		else
			call_backward(p, p->turn[i].node);
}
