/*
 * reparameterize: a draw from a normal distribution that lets the gradient through (Kingma and
 * Welling, "Auto-encoding variational Bayes", 2014): the input is a mean m and a log variance v for
 * each of D numbers, the output z = m + exp(v / 2) n with n standard normal.
 *
 * Gradient: dm = dz, dv = dz n exp(v / 2) / 2, with n drawn again.
 */
#include "draw.h"

#include <math.h>

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(nn_need_float(g, n, 0, e));
	const struct shape *in = nn_input_shape(g, n, 0);
	if (in->ndim != 1 || in->dims[0] % 2 != 0)
		return cvt_fail(e, CVT_INPUT,
			"reparameterize: takes a mean and a log variance for each number: a row of "
			"2 D");
	n->row = (struct shape){1, {in->dims[0] / 2}};
	return draw_check_index(g, n, 1, e);
}

static void row_noise(const struct nn_io *io, size_t row, struct rng *r)
{
	draw_row(r, io, row, 1, 2, io->run->step);
}

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t D = io->node->row.dims[0];
	(void)slot;
	for (size_t row = first; row < first + count; row++) {
		const float *m = io->x[0] + row * 2 * D, *v = m + D;
		struct rng r;
		row_noise(io, row, &r);
		for (size_t i = 0; i < D; i++)
			io->y[row * D + i] = m[i] + expf(v[i] / 2) * rng_normal(&r);
	}
}

static void forward(const struct nn_io *io)
{
	nn_each_row(io, forward_rows);
}

static void backward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t D = io->node->row.dims[0];
	(void)slot;
	for (size_t row = first; row < first + count; row++) {
		const float *v = io->x[0] + row * 2 * D + D, *dz = io->dy + row * D;
		float *dm = io->dx[0] + row * 2 * D, *dv = dm + D;
		struct rng r;
		row_noise(io, row, &r);
		for (size_t i = 0; i < D; i++) {
			nn_put(&dm[i], dz[i], io->add[0]);
			nn_put(&dv[i], dz[i] * rng_normal(&r) * expf(v[i] / 2) / 2, io->add[0]);
		}
	}
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each_row(io, backward_rows);
}

const struct nn_op nn_reparameterize = {
	.name = "reparameterize",
	.help = "a draw from the normal distribution of that mean and log variance",
	.inputs = -1,
	.flags = NN_BACK_X,
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
