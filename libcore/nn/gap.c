/* gap: global average pooling, a picture (H,W,C) to the mean of its places (1,1,C). */
#include "window.h"

#include "../simd.h"

static int gap_shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	struct window v = {0};
	TRY(window_picture(g, n, &v, e));
	n->row = (struct shape){3, {1, 1, v.c}};
	return CVT_OK;
}

static void forward_rows(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	const size_t c = nn_last(nn_row(io, 0)), places = nn_vectors(nn_row(io, 0));
	for (size_t row = first; row < first + n; row++) {
		float *y = io->y + row * c;
		simd()->sum_rows(io->x[0] + row * places * c, places, c, y);
		for (size_t k = 0; k < c; k++)
			y[k] /= (float)places;
	}
}

static void gap_forward(const struct nn_io *io)
{
	nn_each(io, io->rows, nn_row_items(io, 0), forward_rows);
}

static void backward_rows(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	const size_t c = nn_last(nn_row(io, 0)), places = nn_vectors(nn_row(io, 0));
	const float scale = 1 / (float)places;
	for (size_t row = first; row < first + n; row++)
		simd()->spread_rows(io->dy + row * c, scale, places, c,
			io->dx[0] + row * places * c, io->add[0]);
}

static void gap_backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each(io, io->rows, nn_row_items(io, 0), backward_rows);
}

const struct nn_op nn_gap = {
	.name = "gap",
	.help = "global average pooling: H x W x C to 1 x 1 x C",
	.inputs = 1,
	.shape = gap_shape,
	.forward = gap_forward,
	.backward = gap_backward,
};
