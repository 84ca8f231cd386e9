/*
 * gauss-kl: how far one diagonal normal distribution is from another, KL(q || p), the prediction q
 * and the target p given as D means and D log variances:
 *
 *     s = 1/2 sum over i of  v'_i - v_i + (exp v_i + (m_i - m'_i)^2) / exp v'_i - 1
 *
 * (Kingma and Welling, "Auto-encoding variational Bayes", 2014, appendix B, for p = N(0, 1)). One
 * term a row: the mean is in nats a row.
 */
#include "loss.h"

#include <math.h>

static double row(const struct nn_io *io, size_t r, double *count)
{
	const size_t D = nn_row_items(io, 0) / 2;
	const float *m = loss_input(io, 0, r), *v = m + D;
	const float *mp = loss_input(io, 1, r), *vp = mp + D;
	double sum = 0;
	for (size_t i = 0; i < D; i++) {
		const double far = (double)m[i] - (double)mp[i], lv = (double)v[i] - (double)vp[i];
		sum += 0.5 * (exp(lv) + far * far * exp(-(double)vp[i]) - lv - 1);
	}
	*count = 1;
	return sum;
}

static void row_back(const struct nn_io *io, size_t r, float scale)
{
	const size_t D = nn_row_items(io, 0) / 2;
	const float *m = loss_input(io, 0, r), *v = m + D;
	const float *mp = loss_input(io, 1, r), *vp = mp + D;
	float *dq = loss_gradient(io, 0, r), *dp = loss_gradient(io, 1, r);
	for (size_t i = 0; i < D; i++) {
		const float precision = expf(-vp[i]), far = m[i] - mp[i];
		const float ratio = expf(v[i] - vp[i]);
		if (dq) {
			nn_put(&dq[i], scale * far * precision, io->add[0]);
			nn_put(&dq[D + i], scale * 0.5f * (ratio - 1), io->add[0]);
		}
		if (dp) {
			nn_put(&dp[i], -scale * far * precision, io->add[1]);
			nn_put(&dp[D + i], scale * 0.5f * (1 - ratio - far * far * precision),
				io->add[1]);
		}
	}
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(loss_shape_same(g, n, e));
	if (shape_items(nn_input_shape(g, n, 0)) % 2 != 0)
		return cvt_fail(
			e, CVT_INPUT, "gauss-kl: takes rows of D means and D log variances");
	return CVT_OK;
}

static void forward(const struct nn_io *io)
{
	loss_forward(io, row);
}

static void backward(const struct nn_io *io)
{
	loss_backward(io, row_back);
}

const struct nn_op loss_gauss_kl = {
	.name = "gauss-kl",
	.help = "KL of two diagonal normal distributions, as means and log variances; nats a row",
	.inputs = -1,
	.flags = NN_BACK_X,
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
