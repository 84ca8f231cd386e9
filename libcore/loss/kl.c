/*
 * kl: how far a student's distribution is from a teacher's, at temperature T (Hinton, Vinyals and
 * Dean, "Distilling the knowledge in a neural network", 2015): with p = softmax(z / T) of the
 * teacher's logits z (the target) and q = softmax(x / T), s = T^2 sum over k of p_k log(p_k / q_k)
 * for each vector of a row. T^2 keeps the gradients' size when T is changed.
 *
 * Dimensions: K classes.
 */
#include "loss.h"

#include <math.h>

/* log sum exp of x / T. */
static double log_sum(const float *x, size_t K, double T)
{
	float top = x[0];
	for (size_t k = 1; k < K; k++)
		top = x[k] > top ? x[k] : top;
	double sum = 0; /* at least 1: the largest gives exp(0) */
	for (size_t k = 0; k < K; k++)
		sum += exp(((double)x[k] - (double)top) / T);
	/* cppcheck-suppress invalidFunctionArg */
	return (double)top / T + log(sum);
}

struct pair {
	double x, z, divergence; /* log sums of student and teacher; sum of p log(p / q) */
};

static double log_p(const float *v, double lse, size_t k, double T)
{
	return (double)v[k] / T - lse;
}

static struct pair compare(const float *x, const float *z, size_t K, double T)
{
	struct pair s = {log_sum(x, K, T), log_sum(z, K, T), 0};
	for (size_t k = 0; k < K; k++) {
		const double p = log_p(z, s.z, k, T);
		s.divergence += exp(p) * (p - log_p(x, s.x, k, T));
	}
	return s;
}

static double row(const struct nn_io *io, size_t r, double *count)
{
	const size_t K = nn_last(nn_row(io, 0)), vectors = nn_vectors(nn_row(io, 0));
	const float *x = loss_input(io, 0, r), *z = loss_input(io, 1, r);
	const double T = io->node->arg[0].a;
	double sum = 0;
	for (size_t v = 0; v < vectors; v++)
		sum += T * T * compare(x + v * K, z + v * K, K, T).divergence;
	*count = (double)vectors;
	return sum;
}

/* dx = T (q - p); dz = T p (log(p / q) - divergence). */
static void row_back(const struct nn_io *io, size_t r, float scale)
{
	const size_t K = nn_last(nn_row(io, 0)), vectors = nn_vectors(nn_row(io, 0));
	const double T = io->node->arg[0].a, unit = (double)scale * T;
	float *dx = loss_gradient(io, 0, r), *dz = loss_gradient(io, 1, r);
	for (size_t v = 0; v < vectors; v++) {
		const float *x = loss_input(io, 0, r) + v * K, *z = loss_input(io, 1, r) + v * K;
		const struct pair s = compare(x, z, K, T);
		for (size_t k = 0; k < K; k++) {
			const double lp = log_p(z, s.z, k, T), lq = log_p(x, s.x, k, T);
			if (dx)
				nn_put(&dx[v * K + k], (float)(unit * (exp(lq) - exp(lp))),
					io->add[0]);
			if (dz)
				nn_put(&dz[v * K + k],
					(float)(unit * exp(lp) * (lp - lq - s.divergence)),
					io->add[1]);
		}
	}
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	if (!(n->arg[0].a > 0))
		return cvt_fail(
			e, CVT_USAGE, "kl: temperature must be above 0, not %g", n->arg[0].a);
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

const struct nn_op loss_kl = {
	.name = "kl",
	.help = "T^2 KL(teacher || student) of logits at temperature T (Hinton et al. 2015)",
	.inputs = -1,
	.flags = NN_BACK_X,
	.arg = {{"temperature", 1, false, false, false,
		"T: above 1 shows the small probabilities"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
