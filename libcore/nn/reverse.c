/* reverse: its input, whose gradient is turned round, times lambda (Ganin and Lempitsky,
 * "Unsupervised domain adaptation by backpropagation", 2015). lambda is read at every run: a method
 * may change it. */
#include "nn.h"

#include "../simd.h"

static void backward_items(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	simd()->times(io->dy + first, -(float)io->node->arg[0].a, io->dx[0] + first, n, io->add[0]);
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each_item(io, backward_items);
}

const struct nn_op nn_reverse = {
	.name = "reverse",
	.help = "its input; the gradient times -lambda",
	.inputs = 1,
	.flags = NN_INPLACE,
	.arg = {{"lambda", 1, false, true, false, "factor of the gradient"}},
	.shape = nn_like_input,
	.forward = nn_copy_forward,
	.backward = backward,
};
