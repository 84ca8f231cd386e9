/* softmax: exp(x / T) over its sum, along the last dimension. */
#include "nn.h"

#include "../simd.h"

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	if (!(n->arg[0].a > 0))
		return cvt_fail(
			e, CVT_USAGE, "softmax: temperature must be above 0, not %g", n->arg[0].a);
	return nn_like_input(g, n, e);
}

static void each_vector(const struct nn_io *io, nn_range *work)
{
	nn_each(io, io->rows * nn_vectors(&io->node->row), nn_last(&io->node->row), work);
}

static void forward_vectors(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t C = nn_last(&io->node->row);
	const float factor = (float)(1 / io->node->arg[0].a);
	(void)slot;
	for (size_t v = first; v < first + count; v++)
		simd()->softmax(io->x[0] + v * C, io->y + v * C, C, factor);
}

static void forward(const struct nn_io *io)
{
	each_vector(io, forward_vectors);
}

static void backward_vectors(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t C = nn_last(&io->node->row);
	const float factor = (float)(1 / io->node->arg[0].a);
	(void)slot;
	for (size_t v = first; v < first + count; v++)
		simd()->softmax_back(
			io->y + v * C, io->dy + v * C, io->dx[0] + v * C, C, factor, io->add[0]);
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		each_vector(io, backward_vectors);
}

const struct nn_op nn_softmax = {
	.name = "softmax",
	.help = "exp(x / T) over its sum, along the last dimension",
	.inputs = 1,
	.flags = NN_BACK_Y | NN_INPLACE,
	.arg = {{"temperature", 1, false, false, false, "T"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
