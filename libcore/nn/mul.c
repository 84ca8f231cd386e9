/*
 * mul: the product of two inputs, where the smaller may be one number a channel (1,1,C) or one a
 * row: gates, squeeze and excitation (Hu, Shen and Sun, "Squeeze-and-excitation networks", 2018).
 *
 * The larger input is read as vectors as long as the smaller: the whole row, the channels, one
 * number.
 */
#include "nn.h"

#include "../simd.h"

static size_t larger(const struct shape *a, const struct shape *b)
{
	return shape_items(b) > shape_items(a) ? 1 : 0;
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	const struct node *a = &g->node[n->in[0]], *b = &g->node[n->in[1]];
	TRY(nn_need_float(g, n, 0, e));
	TRY(nn_need_float(g, n, 1, e));
	const struct shape *big = larger(&a->row, &b->row) ? &b->row : &a->row;
	const struct shape *small = big == &a->row ? &b->row : &a->row;
	const size_t items = shape_items(small);
	const bool channels = items == nn_last(big) && nn_last(small) == items;
	if (a->mult != b->mult || !(shape_same(big, small) || channels || items == 1)) {
		char x[100], y[100];
		return cvt_fail(e, CVT_INPUT,
			"mul: %s and %s do not go together; they must be equal, or one has one "
			"number a "
			"channel or a row",
			shape_text(&a->row, x, sizeof x), shape_text(&b->row, y, sizeof y));
	}
	n->row = *big;
	return CVT_OK;
}

/* One row: the two inputs by size. */
struct pair {
	size_t big, small; /* which input */
	size_t items, step;
};

static struct pair pair_of(const struct nn_io *io)
{
	const size_t big = larger(nn_row(io, 0), nn_row(io, 1));
	return (struct pair){big, 1 - big, nn_row_items(io, big), nn_row_items(io, 1 - big)};
}

static void multiply(const float *a, const float *small, float *to, const struct pair *p, bool add)
{
	if (p->step == 1)
		simd()->times(a, small[0], to, p->items, add);
	else
		for (size_t i = 0; i < p->items; i += p->step)
			simd()->mul(a + i, small, to + i, p->step, add);
}

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const struct pair p = pair_of(io);
	(void)slot;
	for (size_t r = first; r < first + count; r++)
		multiply(io->x[p.big] + r * p.items, io->x[p.small] + r * p.step,
			io->y + r * p.items, &p, false);
}

static void forward(const struct nn_io *io)
{
	nn_each_row(io, forward_rows);
}

static void small_gradient(
	const float *big, const float *dy, float *to, const struct pair *p, bool add)
{
	if (p->step == 1)
		nn_put(to, simd()->dot(big, dy, p->items), add);
	else
		for (size_t i = 0; i < p->items; i += p->step)
			simd()->mul(big + i, dy + i, to, p->step, add || i > 0);
}

static void backward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const struct pair p = pair_of(io);
	float *d_big = io->dx[p.big], *d_small = io->dx[p.small];
	(void)slot;
	for (size_t r = first; r < first + count; r++) {
		const float *dy = io->dy + r * p.items, *big = io->x[p.big] + r * p.items;
		const float *small = io->x[p.small] + r * p.step;
		/* in the order of the inputs: if they are one, the second adds to the first */
		for (size_t k = 0; k < 2; k++)
			if (k == p.big && d_big)
				multiply(dy, small, d_big + r * p.items, &p, io->add[k]);
			else if (k == p.small && d_small)
				small_gradient(big, dy, d_small + r * p.step, &p, io->add[k]);
	}
}

static void backward(const struct nn_io *io)
{
	nn_each_row(io, backward_rows);
}

const struct nn_op nn_mul = {
	.name = "mul",
	.help = "the product of two inputs; one may have a number a channel, or a row",
	.inputs = 2,
	.flags = NN_BACK_X,
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
