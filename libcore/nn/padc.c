/* padc: P channels of zeros before, and P behind, those there are (shortcut A of He et al., "Deep
 * residual learning", 2016). */
#include "nn.h"

#include <string.h>

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	size_t P;
	TRY(nn_like_input(g, n, e));
	TRY(nn_count(n, 0, 0, &P, e));
	if (n->row.ndim == 0)
		return cvt_fail(e, CVT_INPUT, "padc: takes channels, not single numbers");
	n->row.dims[n->row.ndim - 1] += 2 * P;
	return CVT_OK;
}

static void forward_vectors(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t P = (size_t)io->node->arg[0].a, wide = nn_last(&io->node->row),
		     C = wide - 2 * P;
	(void)slot;
	for (size_t v = first; v < first + count; v++) {
		float *y = io->y + v * wide;
		memset(y, 0, P * sizeof *y);
		memcpy(y + P, io->x[0] + v * C, C * sizeof *y);
		memset(y + P + C, 0, P * sizeof *y);
	}
}

static void each_vector(const struct nn_io *io, nn_range *work)
{
	nn_each(io, io->rows * nn_vectors(&io->node->row), nn_last(&io->node->row), work);
}

static void forward(const struct nn_io *io)
{
	each_vector(io, forward_vectors);
}

static void backward_vectors(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t P = (size_t)io->node->arg[0].a, wide = nn_last(&io->node->row),
		     C = wide - 2 * P;
	(void)slot;
	for (size_t v = first; v < first + count; v++)
		nn_put_all(io->dx[0] + v * C, io->dy + v * wide + P, C, io->add[0]);
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		each_vector(io, backward_vectors);
}

const struct nn_op nn_padc = {
	.name = "padc",
	.help = "P channels of zeros on both sides",
	.inputs = 1,
	.flags = NN_AGAIN,
	.arg = {{"P", 0, true, true, false, "channels on each side"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
