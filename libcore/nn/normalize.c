/* normalize: x / |x| along the last dimension (a norm below 1e-12 counts as 1e-12, as in PyTorch).
 * With y the output, dx = (dy - y (y . dy)) / |x|. */
#include "nn.h"

#include "../simd.h"

#include <math.h>

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(nn_like_input(g, n, e));
	n->save_row = nn_vectors(&n->row); /* 1 / |x| of each vector */
	return CVT_OK;
}

static void each_vector(const struct nn_io *io, nn_range *work)
{
	nn_each(io, io->rows * nn_vectors(&io->node->row), nn_last(&io->node->row), work);
}

static void forward_vectors(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t C = nn_last(&io->node->row);
	(void)slot;
	for (size_t v = first; v < first + count; v++) {
		const float *x = io->x[0] + v * C, norm = sqrtf(simd()->dot(x, x, C));
		io->save[v] = 1 / fmaxf(norm, 1e-12f);
		simd()->times(x, io->save[v], io->y + v * C, C, false);
	}
}

static void forward(const struct nn_io *io)
{
	each_vector(io, forward_vectors);
}

static void backward_vectors(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t C = nn_last(&io->node->row);
	(void)slot;
	for (size_t v = first; v < first + count; v++) {
		const float *y = io->y + v * C, *dy = io->dy + v * C;
		const float along = simd()->dot(y, dy, C), scale = io->save[v];
		simd()->times(dy, scale, io->dx[0] + v * C, C, io->add[0]);
		simd()->times(y, -along * scale, io->dx[0] + v * C, C, true);
	}
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		each_vector(io, backward_vectors);
}

const struct nn_op nn_normalize = {
	.name = "normalize",
	.help = "x / |x| along the last dimension",
	.inputs = 1,
	.flags = NN_BACK_Y | NN_INPLACE,
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
