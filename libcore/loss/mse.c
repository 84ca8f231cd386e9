/* mse: mean squared error, s = sum over the items of a row of (x - t)^2. */
#include "loss.h"

static double row(const struct nn_io *io, size_t r, double *count)
{
	const float *x = loss_input(io, 0, r), *t = loss_input(io, 1, r);
	const size_t n = nn_row_items(io, 0);
	double sum = 0;
	for (size_t i = 0; i < n; i++) {
		const double d = (double)x[i] - (double)t[i];
		sum += d * d;
	}
	*count = (double)n;
	return sum;
}

static void row_back(const struct nn_io *io, size_t r, float scale)
{
	const float *x = loss_input(io, 0, r), *t = loss_input(io, 1, r);
	float *dx = loss_gradient(io, 0, r), *dt = loss_gradient(io, 1, r);
	const size_t n = nn_row_items(io, 0);
	for (size_t i = 0; dx && i < n; i++)
		nn_put(&dx[i], 2 * scale * (x[i] - t[i]), io->add[0]);
	for (size_t i = 0; dt && i < n; i++)
		nn_put(&dt[i], 2 * scale * (t[i] - x[i]), io->add[1]);
}

static void forward(const struct nn_io *io)
{
	loss_forward(io, row);
}

static void backward(const struct nn_io *io)
{
	loss_backward(io, row_back);
}

const struct nn_op loss_mse = {
	.name = "mse",
	.help = "mean of (x - t)^2",
	.inputs = -1,
	.flags = NN_BACK_X,
	.shape = loss_shape_same,
	.forward = forward,
	.backward = backward,
	.learns = LOSS_NUMBERS,
	.likelihood = {0.5, 0.5},
};
