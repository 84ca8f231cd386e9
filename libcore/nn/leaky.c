/* leaky: x where it is above 0, else slope x (Maas, Hannun and Ng, "Rectifier nonlinearities
 * improve neural network acoustic models", 2013). A slope of at least 0 keeps the sign, so the
 * gradient needs only the output. */
#include "nn.h"

#include "../simd.h"

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(nn_at_least_0(n, 0, e));
	return nn_like_input(g, n, e);
}

static void forward_items(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	simd()->leaky(io->x[0] + first, io->y + first, n, (float)io->node->arg[0].a);
}

static void forward(const struct nn_io *io)
{
	nn_each_item(io, forward_items);
}

static void backward_items(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	simd()->leaky_back(io->y + first, io->dy + first, io->dx[0] + first, n,
		(float)io->node->arg[0].a, io->add[0]);
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each_item(io, backward_items);
}

const struct nn_op nn_leaky = {
	.name = "leaky",
	.help = "x, or slope x where x is below 0",
	.inputs = 1,
	.flags = NN_BACK_Y | NN_INPLACE | NN_AGAIN,
	.arg = {{"slope", 0.01, false, true, false, "factor below 0"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
