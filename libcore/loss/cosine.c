/* cosine: one minus the cosine of prediction and target, s = 1 - x.t / (|x| |t|) for each vector of
 * a row; a norm below 1e-8 counts as 1e-8. */
#include "loss.h"

#include <math.h>

struct angle {
	double xx, tt, xt; /* norms (not squared), product */
};

static struct angle measure(const float *x, const float *t, size_t n)
{
	struct angle a = {0};
	for (size_t i = 0; i < n; i++) {
		a.xx += (double)x[i] * (double)x[i];
		a.tt += (double)t[i] * (double)t[i];
		a.xt += (double)x[i] * (double)t[i];
	}
	a.xx = fmax(sqrt(a.xx), 1e-8);
	a.tt = fmax(sqrt(a.tt), 1e-8);
	return a;
}

static double row(const struct nn_io *io, size_t r, double *count)
{
	const float *x = loss_input(io, 0, r), *t = loss_input(io, 1, r);
	const size_t n = nn_last(nn_row(io, 0)), vectors = nn_vectors(nn_row(io, 0));
	double sum = 0;
	for (size_t v = 0; v < vectors; v++) {
		const struct angle a = measure(x + v * n, t + v * n, n);
		sum += 1 - a.xt / (a.xx * a.tt);
	}
	*count = (double)vectors;
	return sum;
}

/* d(-cos)/dx = (cos x / |x| - t / |t|) / |x|, and the same with x and t exchanged. */
static void put(float *to, const float *x, const float *t, size_t n, double x_norm, double t_norm,
	double cosine, float scale, bool add)
{
	const float a = scale * (float)(cosine / (x_norm * x_norm));
	const float b = scale * (float)(1 / (x_norm * t_norm));
	for (size_t i = 0; i < n; i++)
		nn_put(&to[i], a * x[i] - b * t[i], add);
}

static void row_back(const struct nn_io *io, size_t r, float scale)
{
	const float *x = loss_input(io, 0, r), *t = loss_input(io, 1, r);
	float *dx = loss_gradient(io, 0, r), *dt = loss_gradient(io, 1, r);
	const size_t n = nn_last(nn_row(io, 0)), vectors = nn_vectors(nn_row(io, 0));
	for (size_t v = 0; v < vectors; v++) {
		const size_t at = v * n;
		const struct angle a = measure(x + at, t + at, n);
		const double cosine = a.xt / (a.xx * a.tt);
		if (dx)
			put(dx + at, x + at, t + at, n, a.xx, a.tt, cosine, scale, io->add[0]);
		if (dt)
			put(dt + at, t + at, x + at, n, a.tt, a.xx, cosine, scale, io->add[1]);
	}
}

static void forward(const struct nn_io *io)
{
	loss_forward(io, row);
}

static void backward(const struct nn_io *io)
{
	loss_backward(io, row_back);
}

const struct nn_op loss_cosine = {
	.name = "cosine",
	.help = "mean of 1 - cos(x, t)",
	.inputs = -1,
	.flags = NN_BACK_X,
	.shape = loss_shape_same,
	.forward = forward,
	.backward = backward,
};
