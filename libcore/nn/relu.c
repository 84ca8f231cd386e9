/* relu: max(x, 0). Its gradient needs only the sign of the output, so it works in place. */
#include "nn.h"

#include "../simd.h"

static void forward_range(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	simd()->relu(io->x[0] + first, io->y + first, n);
}

static void relu_forward(const struct nn_io *io)
{
	nn_each(io, io->rows * shape_items(&io->node->row), 1, forward_range);
}

static void backward_range(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	simd()->relu_back(io->y + first, io->dy + first, io->dx[0] + first, n, io->add[0]);
}

static void relu_backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each(io, io->rows * shape_items(&io->node->row), 1, backward_range);
}

const struct nn_op nn_relu = {
	.name = "relu",
	.help = "max(x, 0)",
	.inputs = 1,
	.flags = NN_BACK_Y | NN_INPLACE | NN_AGAIN,
	.shape = nn_like_input,
	.forward = relu_forward,
	.backward = relu_backward,
};
