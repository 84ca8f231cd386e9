/* l1: mean absolute error, or smooth near 0 (Huber, "Robust estimation of a location parameter",
 * 1964; as Girshick, "Fast R-CNN", 2015, scales it):
 * s = sum over a row of |d| - beta/2 where |d| >= beta, else d^2 / (2 beta), with d = x - t. */
#include "loss.h"

#include <math.h>

static double row(const struct nn_io *io, size_t r, double *count)
{
	const float *x = loss_input(io, 0, r), *t = loss_input(io, 1, r);
	const size_t n = nn_row_items(io, 0);
	const double beta = io->node->arg[0].a;
	double sum = 0;
	for (size_t i = 0; i < n; i++) {
		const double d = fabs((double)x[i] - (double)t[i]);
		sum += d >= beta ? d - beta / 2 : d * d / (2 * beta);
	}
	*count = (double)n;
	return sum;
}

static void put_slopes(
	float *to, const float *x, const float *t, size_t n, float beta, float scale, bool add)
{
	for (size_t i = 0; i < n; i++) {
		const float d = x[i] - t[i];
		const float slope = fabsf(d) < beta ? d / beta : (float)((d > 0) - (d < 0));
		nn_put(&to[i], scale * slope, add);
	}
}

static void row_back(const struct nn_io *io, size_t r, float scale)
{
	const float *x = loss_input(io, 0, r), *t = loss_input(io, 1, r);
	const size_t n = nn_row_items(io, 0);
	const float beta = (float)io->node->arg[0].a;
	if (io->dx[0])
		put_slopes(loss_gradient(io, 0, r), x, t, n, beta, scale, io->add[0]);
	if (io->dx[1])
		put_slopes(loss_gradient(io, 1, r), x, t, n, beta, -scale, io->add[1]);
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	if (!(n->arg[0].a >= 0))
		return cvt_fail(e, CVT_USAGE, "l1: beta must be at least 0, not %g", n->arg[0].a);
	return loss_shape_same(g, n, e);
}

static void forward(const struct nn_io *io)
{
	loss_forward(io, row);
}

static void backward(const struct nn_io *io)
{
	loss_backward(io, row_back);
}

const struct nn_op loss_l1 = {
	.name = "l1",
	.help = "mean of |x - t|; beta rounds it off near 0 (smooth L1)",
	.inputs = -1,
	.flags = NN_BACK_X,
	.arg = {{"beta", 0, false, false, false, "quadratic where |x - t| is smaller"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
	.learns = LOSS_NUMBERS,
	.likelihood = {1, 1},
};
