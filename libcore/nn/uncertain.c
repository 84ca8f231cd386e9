/*
 * uncertain: a loss weighed by what the network believes of its own error (Kendall, Gal and Cipolla,
 * "Multi-task learning using uncertainty to weigh losses", 2018): y = a exp(-s) x + b s with a
 * learned s, the log of the likelihood's spread. A squared error is a Gauss's, a = b = 1/2; softmax
 * has a = 1, b = 1/2; an absolute error is a Laplace's, a = b = 1. A loss has one number a batch, so
 * sums go item by item.
 */
#include "nn.h"

#include <math.h>

static const size_t one = 1;

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(nn_like_input(g, n, e));
	return graph_param(g, n, "", PARAM_BIAS, LAYOUT_PLAIN, 1, &one, INIT_ZERO, 0, e);
}

static size_t items(const struct nn_io *io)
{
	return io->rows * shape_items(&io->node->row);
}

static void forward(const struct nn_io *io)
{
	const float a = (float)io->node->arg[0].a, b = (float)io->node->arg[1].a;
	const float s = io->w[0][0], certain = a * expf(-s);
	for (size_t i = 0; i < items(io); i++)
		io->y[i] = certain * io->x[0][i] + b * s;
}

static void backward(const struct nn_io *io)
{
	const float a = (float)io->node->arg[0].a, b = (float)io->node->arg[1].a;
	const float certain = a * expf(-io->w[0][0]);
	double sum = 0;
	for (size_t i = 0; i < items(io); i++) {
		sum += (double)io->dy[i] * (double)(b - certain * io->x[0][i]);
		if (io->dx[0])
			nn_put(&io->dx[0][i], certain * io->dy[i], io->add[0]);
	}
	if (io->dw[0])
		io->dw[0][0] += (float)sum;
}

const struct nn_op nn_uncertain = {
	.name = "uncertain",
	.help = "a exp(-s) x + b s with a learned s: a loss weighed by its uncertainty",
	.inputs = 1,
	.flags = NN_BACK_X,
	.arg = {{"a", 1, false, false, false, "of the loss"},
		{"b", 0.5, false, false, false, "of the log"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
