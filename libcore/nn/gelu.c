/* gelu: x P(x), P the normal distribution function (Hendrycks and Gimpel, "Gaussian error linear
 * units", 2016): the exact form, not the one with tanh. */
#include "nn.h"

#include "../simd.h"

static void forward_items(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	simd()->gelu(io->x[0] + first, io->y + first, n);
}

static void forward(const struct nn_io *io)
{
	nn_each_item(io, forward_items);
}

static void backward_items(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	simd()->gelu_back(io->x[0] + first, io->dy + first, io->dx[0] + first, n, io->add[0]);
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each_item(io, backward_items);
}

const struct nn_op nn_gelu = {
	.name = "gelu",
	.help = "x P(x), P the normal distribution function",
	.inputs = 1,
	.flags = NN_BACK_X | NN_INPLACE | NN_AGAIN,
	.shape = nn_like_input,
	.forward = forward,
	.backward = backward,
};
