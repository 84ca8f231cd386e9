/* nn: the list of operators, and what they share (see nn.h). */
#include "nn.h"

#include "../loss/loss.h"
#include "../simd.h"

#include <string.h>

const struct nn_op *const nn_ops[] = {
#define NN(name) &nn_##name,
#include "nn.def"
#undef NN
	NULL,
};

const struct nn_op *const loss_ops[] = {
#define LOSS(name) &loss_##name,
#include "../loss/loss.def"
#undef LOSS
	NULL,
};

static const struct nn_op *find_in(const struct nn_op *const *list, const char *name)
{
	for (; *list; list++)
		if (strcmp((*list)->name, name) == 0)
			return *list;
	return NULL;
}

const struct nn_op *nn_find(const char *name)
{
	const struct nn_op *op = find_in(nn_ops, name);
	return op ? op : find_in(loss_ops, name);
}

/* ---- cutting work ------------------------------------------------------------------ */

struct job {
	const struct nn_io *io;
	nn_range *work;
	size_t n, size;
	bool slot_is_block;
};

static void run_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	size_t first;
	const size_t count = par_span(j->n, j->size, block, &first);
	j->work(j->io, first, count, j->slot_is_block ? block : thread);
}

void nn_each(const struct nn_io *io, size_t n, size_t floats, nn_range *work)
{
	enum { BLOCK = 1 << 14 };
	const size_t size = floats < BLOCK ? BLOCK / (floats ? floats : 1) : 1;
	struct job j = {io, work, n, size, false};
	par_for(io->run->par, par_blocks(n, size), run_block, &j);
}

void nn_each_item(const struct nn_io *io, nn_range *work)
{
	nn_each(io, io->rows * shape_items(&io->node->row), 1, work);
}

void nn_each_row(const struct nn_io *io, nn_range *work)
{
	nn_each(io, io->rows, shape_items(&io->node->row), work);
}

size_t nn_parts(const struct nn_io *io, size_t n, nn_range *work)
{
	const size_t size = (n + NN_PARTS - 1) / NN_PARTS;
	const size_t parts = size ? (n + size - 1) / size : 0;
	struct job j = {io, work, n, size, true};
	par_for(io->run->par, parts, run_block, &j);
	return parts;
}

void nn_add_parts(float *to, const float *part, size_t parts, size_t stride, size_t items)
{
	for (size_t c = 0; c < items; c++) {
		double sum = 0;
		for (size_t p = 0; p < parts; p++)
			sum += (double)part[p * stride + c];
		to[c] += (float)sum;
	}
}

struct sums {
	float *sum;
	size_t parts, items;
};

enum { SUM_CHUNK = 1 << 13 }; /* floats joined by one block of work */

static void join_chunk(void *context, size_t chunk, unsigned thread)
{
	(void)thread;
	const struct sums *s = context;
	size_t first;
	const size_t n = par_span(s->items, SUM_CHUNK, chunk, &first);
	for (size_t p = 1; p < s->parts; p++)
		simd()->add(s->sum + first, s->sum + p * s->items + first, n);
}

void nn_join_sums(const struct nn_io *io, float *sum, size_t parts, size_t items)
{
	struct sums s = {sum, parts, items};
	par_for(io->run->par, par_blocks(items, SUM_CHUNK), join_chunk, &s);
}

static void sum_part(const struct nn_io *io, size_t first, size_t n, size_t part)
{
	const size_t C = nn_last(&io->node->row);
	simd()->sum_rows(io->dy + first * C, n, C, io->work + part * C);
}

void nn_add_vectors(const struct nn_io *io, float *db)
{
	const size_t C = nn_last(&io->node->row);
	const size_t parts = nn_parts(io, io->rows * nn_vectors(&io->node->row), sum_part);
	nn_add_parts(db, io->work, parts, C, C);
}

/* ---- shapes ------------------------------------------------------------------------ */

size_t nn_last(const struct shape *s)
{
	return s->ndim ? s->dims[s->ndim - 1] : 1;
}

size_t nn_vectors(const struct shape *s)
{
	return shape_items(s) / nn_last(s);
}

const struct shape *nn_row(const struct nn_io *io, size_t i)
{
	return nn_input_shape(io->graph, io->node, i);
}

size_t nn_row_items(const struct nn_io *io, size_t i)
{
	return shape_items(nn_row(io, i));
}

void nn_put_all(float *to, const float *from, size_t n, bool add)
{
	if (add)
		simd()->add(to, from, n);
	else if (to != from)
		memcpy(to, from, n * sizeof *to);
}

static void copy_items(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	(void)slot;
	nn_put_all(io->y + first, io->x[0] + first, count, false);
}

void nn_copy_forward(const struct nn_io *io)
{
	if (io->y != io->x[0])
		nn_each_item(io, copy_items);
}

int nn_need_float(const struct graph *g, const struct node *n, size_t i, struct cvt_err *e)
{
	const struct node *in = &g->node[n->in[i]];
	if (in->dtype == DT_F4)
		return CVT_OK;
	return cvt_fail(e, CVT_INPUT, "%s: its input is %s, not <f4%s", n->op->name,
		dtype_name(in->dtype), in->dtype == DT_U1 ? "; put 'standardize' before it" : "");
}

int nn_like_input(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(nn_need_float(g, n, 0, e));
	n->row = *nn_input_shape(g, n, 0);
	return CVT_OK;
}

int nn_view_shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	(void)e;
	n->dtype = g->node[n->in[0]].dtype;
	n->row = *nn_input_shape(g, n, 0);
	return CVT_OK;
}

int nn_need_picture(const struct graph *g, const struct node *n, struct cvt_err *e)
{
	char text[100];
	const struct shape *s = nn_input_shape(g, n, 0);
	TRY(nn_need_float(g, n, 0, e));
	if (s->ndim == 3)
		return CVT_OK;
	return cvt_fail(e, CVT_INPUT, "%s: takes a map (H,W,C), not %s", n->op->name,
		shape_text(s, text, sizeof text));
}

int nn_same_inputs(const struct graph *g, struct node *n, struct cvt_err *e)
{
	const struct node *first = &g->node[n->in[0]];
	for (size_t i = 0; i < n->nin; i++) {
		const struct node *in = &g->node[n->in[i]];
		TRY(nn_need_float(g, n, i, e));
		if (!shape_same(&in->row, &first->row) || in->mult != first->mult) {
			char a[100], b[100];
			return cvt_fail(e, CVT_INPUT,
				"%s: its inputs are %s and %s; they must be equal", n->op->name,
				shape_text(&first->row, a, sizeof a),
				shape_text(&in->row, b, sizeof b));
		}
	}
	n->row = first->row;
	n->mult = first->mult;
	return CVT_OK;
}

int nn_count(const struct node *n, size_t i, size_t least, size_t *to, struct cvt_err *e)
{
	const double v = n->arg[i].a;
	if (!(v >= (double)least) || v > 1e9 || v != (double)(size_t)v) {
		const char *name = n->op->arg[i].name ? n->op->arg[i].name : n->op->arg[0].name;
		return cvt_fail(e, CVT_USAGE,
			"%s: %s must be a whole number of at least %zu, not %g", n->op->name, name,
			least, v);
	}
	*to = (size_t)v;
	return CVT_OK;
}

int nn_at_least_0(const struct node *n, size_t i, struct cvt_err *e)
{
	if (n->arg[i].a >= 0)
		return CVT_OK;
	return cvt_fail(e, CVT_USAGE, "%s: %s must be at least 0, not %g", n->op->name,
		n->op->arg[i].name, n->arg[i].a);
}
