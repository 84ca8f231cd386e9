/*
 * log-weight: what one draw z from q(z | x) says about log p(x), for a picture x, what the decoder
 * made of z, z itself, and the mean and log variance of q:
 *
 *     w = log p(x | z) + log N(z; 0, I) - log N(z; m, exp v)
 *
 * Its mean over draws is the evidence lower bound; log mean exp w is the importance weighted bound
 * (Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016). p(x | z) is Bernoulli
 * with the decoder's logits, or, with sigma above 0, normal around what it gives.
 */
#include "nn.h"

#include <math.h>

enum { X, DECODED, Z, MOMENTS, INPUTS };

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	if (n->nin != INPUTS)
		return cvt_fail(e, CVT_USAGE, "log-weight: takes picture, logits, z and moments");
	for (size_t i = 0; i < INPUTS; i++)
		TRY(nn_need_float(g, n, i, e));
	const size_t D = shape_items(nn_input_shape(g, n, Z));
	if (shape_items(nn_input_shape(g, n, X)) != shape_items(nn_input_shape(g, n, DECODED))
		|| shape_items(nn_input_shape(g, n, MOMENTS)) != 2 * D)
		return cvt_fail(e, CVT_INPUT, "log-weight: its inputs do not go together");
	n->row = (struct shape){0};
	return CVT_OK;
}

static double log_bernoulli(const float *x, const float *logit, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++) {
		const double l = (double)logit[i];
		sum += l * (double)x[i] - (l > 0 ? l : 0) - (double)log1pf(expf(-fabsf(logit[i])));
	}
	return sum;
}

static double log_normal(const float *x, const float *mean, size_t n, double sigma)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++) {
		const double far = ((double)x[i] - (double)mean[i]) / sigma;
		sum -= 0.5 * far * far + log(sigma) + 0.91893853320467274;
	}
	return sum;
}

/* log N(z; 0, I) - log N(z; m, exp v): the constants cancel. */
static double log_ratio(const float *z, const float *m, const float *v, size_t D)
{
	double sum = 0;
	for (size_t i = 0; i < D; i++) {
		const double far = (double)z[i] - (double)m[i];
		sum += 0.5
		       * (far * far * exp(-(double)v[i]) + (double)v[i]
			       - (double)z[i] * (double)z[i]);
	}
	return sum;
}

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t n = nn_row_items(io, X), D = nn_row_items(io, Z);
	const double sigma = io->node->arg[0].a;
	(void)slot;
	for (size_t r = first; r < first + count; r++) {
		const float *x = io->x[X] + r * n, *y = io->x[DECODED] + r * n;
		const float *m = io->x[MOMENTS] + r * 2 * D;
		const double p = sigma > 0 ? log_normal(x, y, n, sigma) : log_bernoulli(x, y, n);
		io->y[r] = (float)(p + log_ratio(io->x[Z] + r * D, m, m + D, D));
	}
}

static void forward(const struct nn_io *io)
{
	nn_each(io, io->rows, nn_row_items(io, X), forward_rows);
}

const struct nn_op nn_log_weight = {
	.name = "log-weight",
	.help = "log p(x, z) / q(z | x) of one draw, for bounds of the likelihood",
	.inputs = -1,
	.flags = NN_STOP,
	.arg = {{"sigma", 0, false, false, false, "of a normal likelihood; 0 = Bernoulli"}},
	.shape = shape,
	.forward = forward,
};
