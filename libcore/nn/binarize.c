/*
 * binarize: a picture as black and white by chance, 1 with the probability that its grey says: b =
 * [u < x], u uniform, x in 0..1 (bytes: x / 255). Salakhutdinov and Murray, "On the quantitative
 * analysis of deep belief networks" (2008). In evaluation the same row always gives the same
 * picture, so that a test set is binarised once.
 */
#include "draw.h"

#include <math.h>

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	const struct node *in = &g->node[n->in[0]];
	if (in->dtype != DT_U1 && in->dtype != DT_F4)
		return cvt_fail(e, CVT_INPUT, "binarize: takes u1 or f4 pictures, not %s",
			dtype_name(in->dtype));
	n->row = in->row;
	return draw_check_index(g, n, 1, e);
}

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t items = nn_row_items(io, 0);
	const bool bytes = io->graph->node[io->node->in[0]].dtype == DT_U1;
	const uint8_t *u1 = nn_input(io, 0);
	(void)slot;
	for (size_t row = first; row < first + count; row++) {
		struct rng r;
		draw_row(&r, io, row, 1, 1, 0);
		for (size_t i = row * items; i < (row + 1) * items; i++) {
			const float x = bytes ? (float)u1[i] / 255 : io->x[0][i];
			io->y[i] = isnan(x) ? x : (float)(rng_uniform(&r) < x);
		}
	}
}

static void forward(const struct nn_io *io)
{
	nn_each_row(io, forward_rows);
}

const struct nn_op nn_binarize = {
	.name = "binarize",
	.help = "1 with the probability that a pixel's grey says, else 0",
	.inputs = -1,
	.flags = NN_STOP,
	.shape = shape,
	.forward = forward,
};
