/*
 * reparameterize: a draw from a normal distribution that lets the gradient through (Kingma and
 * Welling, "Auto-encoding variational Bayes", 2014): the input is a mean m and a log variance v for
 * each of D numbers, the output z = m + exp(v / 2) n with n standard normal.
 *
 * Gradient: dm = dz, dv = dz (n exp(v / 2)) / 2, for which the product is kept.
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
	n->save_row = in->dims[0] / 2;
	return draw_check_index(g, n, 1, e);
}

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t D = io->node->row.dims[0];
	(void)slot;
	for (size_t row = first; row < first + count; row++) {
		const float *m = io->x[0] + row * 2 * D, *v = m + D;
		float *noise = io->save + row * D;
		struct rng r;
		draw_row(&r, io, row, 1, 2, io->run->step);
		for (size_t i = 0; i < D; i++) {
			noise[i] = expf(v[i] / 2) * rng_normal(&r);
			io->y[row * D + i] = m[i] + noise[i];
		}
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
		const float *noise = io->save + row * D, *dz = io->dy + row * D;
		float *dm = io->dx[0] + row * 2 * D, *dv = dm + D;
		for (size_t i = 0; i < D; i++) {
			nn_put(&dm[i], dz[i], io->add[0]);
			nn_put(&dv[i], dz[i] * noise[i] / 2, io->add[0]);
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
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
