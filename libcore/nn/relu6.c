/* relu6: x between 0 and 6 (Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010; Sandler
 * et al., "MobileNetV2", 2018). The output tells where it was cut, so it works in place. */
#include "nn.h"

#include "../simd.h"

static void forward_items(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	simd()->relu6(io->x[0] + first, io->y + first, n);
}

static void forward(const struct nn_io *io)
{
	nn_each_item(io, forward_items);
}

static void backward_items(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	simd()->relu6_back(io->y + first, io->dy + first, io->dx[0] + first, n, io->add[0]);
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each_item(io, backward_items);
}

const struct nn_op nn_relu6 = {
	.name = "relu6",
	.help = "x between 0 and 6",
	.inputs = 1,
	.flags = NN_BACK_Y | NN_INPLACE | NN_AGAIN,
	.shape = nn_like_input,
	.forward = forward,
	.backward = backward,
};
