/* silu: x s(x) with s(x) = 1 / (1 + exp(-x)) (Elfwing, Uchibe and Doya, "Sigmoid-weighted linear
 * units", 2017). */
#include "nn.h"

#include "../simd.h"

static void forward_items(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	simd()->silu(io->x[0] + first, io->y + first, n);
}

static void forward(const struct nn_io *io)
{
	nn_each_item(io, forward_items);
}

static void backward_items(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	simd()->silu_back(io->x[0] + first, io->dy + first, io->dx[0] + first, n, io->add[0]);
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each_item(io, backward_items);
}

const struct nn_op nn_silu = {
	.name = "silu",
	.help = "x / (1 + exp(-x))",
	.inputs = 1,
	.flags = NN_BACK_X | NN_INPLACE | NN_AGAIN,
	.shape = nn_like_input,
	.forward = forward,
	.backward = backward,
};
