/* times: its input times a number, such as the weight of a loss; read at every run, so that a
 * method may change it. */
#include "nn.h"

#include "../simd.h"

static void forward_items(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	simd()->times(io->x[0] + first, (float)io->node->arg[0].a, io->y + first, n, false);
}

static void forward(const struct nn_io *io)
{
	nn_each_item(io, forward_items);
}

static void backward_items(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	simd()->times(io->dy + first, (float)io->node->arg[0].a, io->dx[0] + first, n, io->add[0]);
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each_item(io, backward_items);
}

const struct nn_op nn_times = {
	.name = "times",
	.help = "its input times the number F",
	.inputs = 1,
	.flags = NN_INPLACE,
	.arg = {{"F", 0, true, true, false, "factor"}},
	.shape = nn_like_input,
	.forward = forward,
	.backward = backward,
};
