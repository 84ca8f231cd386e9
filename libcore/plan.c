/* plan: makes a plan of a graph (layout.c gives everything its place) and runs it forward and
 * backward (see graph.h). Nothing is allocated after plan_create. */
#include "plan.h"

#include "blas.h"
#include "profile.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 15 }; /* floats passed on by one block of work */

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
	return p->x && p->dx && p->add && p->w && p->dw && p->step ? CVT_OK : CVT_SYSTEM;
}

static int plan_open(
	struct plan **out, struct graph *g, const struct plan_spec *s, struct cvt_err *e)
{
	struct plan *p = *out = mem_alloc(1, sizeof *p, e);
	if (!p)
		return CVT_SYSTEM;
	p->graph = g;
	p->rows = s->rows;
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
			.most = p->rows,
			.x = p->x + t->edge,
			.y = buffer_place(p, t->value),
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
			.thread_work = p->work ? p->work + p->work_floats : NULL,
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

int plan_create(struct plan **out, struct graph *g, const struct plan_spec *s, struct cvt_err *e)
{
	*out = NULL;
	TRY(blas_reserve(s->threads ? s->threads : 1, e));
	TRY(plan_open(out, g, s, e));
	struct plan *p = *out;
	p->work_floats = (p->work_floats + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
	p->arena = mem_alloc(p->arena_floats, sizeof *p->arena, e);
	p->work = mem_alloc(p->work_floats + p->threads * p->thread_floats, sizeof *p->work, e);
	p->constant = mem_alloc(p->constant_floats, sizeof *p->constant, e);
	if (!p->arena || !p->work || !p->constant) {
		plan_free(p);
		*out = NULL;
		return CVT_SYSTEM;
	}
	for (size_t i = 0; i < p->nodes; i++)
		if (p->slot[i].used)
			make_step(p, i, s);
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
	free(p->arena);
	free(p->work);
	free(p->constant);
	free(p->step);
	free(p->x);
	free(p->dx);
	free(p->add);
	free(p->w);
	free(p->dw);
	free(p);
}

size_t plan_bytes(const struct plan *p)
{
	return (p->arena_floats + p->work_floats + p->threads * p->thread_floats
		       + p->constant_floats)
	       * sizeof(float);
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

static const void *value_place(const struct plan *p, size_t node)
{
	const struct slot *t = &p->slot[node];
	return t->value != GRAPH_NONE ? buffer_place(p, t->value) : p->slot[t->root].bound;
}

const float *plan_value(const struct plan *p, size_t node)
{
	return p->slot[node].used ? value_place(p, node) : NULL;
}

float *plan_grad(const struct plan *p, size_t node)
{
	return buffer_place(p, p->slot[node].grad);
}

static void begin(struct plan *p, const struct run *r, size_t n)
{
	for (size_t i = 0; i < p->steps; i++) {
		struct nn_io *io = &p->step[i].io;
		io->run = r;
		io->n = n;
		io->rows = io->node->mult ? n * io->node->mult : 1;
		const struct slot *t = &p->slot[p->step[i].node];
		io->plus = t->plus == GRAPH_NONE ? NULL : value_place(p, t->plus);
		for (size_t k = 0; k < io->node->nin; k++)
			p->x[t->edge + k] = value_place(p, io->node->in[k]);
	}
}

/* One operator in one direction, its time taken where that is asked for. */
static void call(const struct nn_io *io, void (*work)(const struct nn_io *io), bool back)
{
	struct profile *profile = io->run->profile;
	const double from = profile ? profile_now() : 0;
	work(io);
	if (profile)
		profile_add(profile, io->node->op->name, back ? "backward" : "forward", from,
			profile_flop(io, back));
}

void plan_forward(struct plan *p, const struct run *r, size_t n)
{
	begin(p, r, n);
	for (size_t i = 0; i < p->steps; i++) {
		const struct nn_io *io = &p->step[i].io;
		const struct slot *t = &p->slot[p->step[i].node];
		if (io->node->op->forward
			&& !((plan_flags(p, p->step[i].node) & NN_VIEW)
				&& t->root != p->step[i].node))
			call(io, io->node->op->forward, false);
	}
}

/* to = from, or to += from: what the backward of a view or of a sum is. */
struct pass {
	float *to;
	const float *from;
	size_t n;
	bool add;
};

static void pass_chunk(void *context, size_t block, unsigned thread)
{
	const struct pass *a = context;
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
		struct pass a = {io->dx[k], io->dy, n, io->add[k]};
		if (a.to && (a.to != a.from || a.add))
			par_for(io->run->par, (n + CHUNK - 1) / CHUNK, pass_chunk, &a);
	}
}

void plan_backward(struct plan *p, const struct run *r, size_t n)
{
	if (!p->loss_grad)
		return;
	begin(p, r, n);
	*p->loss_grad = 1;
	for (size_t i = p->steps; i-- > 0;) {
		const struct nn_io *io = &p->step[i].io;
		const struct nn_op *op = io->node->op;
		if (!p->slot[p->step[i].node].back || (op->flags & NN_STOP))
			continue;
		if (plan_flags(p, p->step[i].node) & (NN_VIEW | NN_PASS))
			call(io, pass_gradients, true);
		else if (op->backward)
			call(io, op->backward, true);
	}
}
