/*
 * cross-entropy of logits: s = sum over the vectors (one, or one a pixel or token) of a row of
 * -sum over k of t_k log softmax(x)_k = (sum t) log sum exp x - sum t_k x_k. A target that is a
 * number y means t = 1 at y; label smoothing mixes t with the uniform distribution (Szegedy et al.,
 * "Rethinking the Inception architecture", 2016): t' = (1 - e) t + e / K. Unknown are labels below
 * 0 (255 in a mask of bytes) and soft labels that are all 0. A label beyond the classes makes the
 * loss NaN: the command checks labels before.
 *
 * Dimensions: K classes.
 */
#include "loss.h"

#include <math.h>

/* log sum exp of one vector. */
static double log_sum(const float *x, size_t K)
{
	float top = x[0];
	for (size_t k = 1; k < K; k++)
		top = x[k] > top ? x[k] : top;
	double sum = exp((double)x[0] - (double)top);
	for (size_t k = 1; k < K; k++)
		sum += exp((double)x[k] - (double)top);
	return (double)top + log(sum);
}

static double total(const float *x, size_t K)
{
	double sum = 0;
	for (size_t k = 0; k < K; k++)
		sum += (double)x[k];
	return sum;
}

static double hard(const float *x, size_t K, int32_t label, double smoothing)
{
	if ((size_t)label >= K)
		return NAN;
	const double lse = log_sum(x, K);
	return lse - (1 - smoothing) * (double)x[label] - smoothing / (double)K * total(x, K);
}

static double soft(const float *x, const float *t, size_t K, double sum_t, double smoothing)
{
	double dot = 0;
	for (size_t k = 0; k < K; k++)
		dot += (double)t[k] * (double)x[k];
	return ((1 - smoothing) * sum_t + smoothing) * log_sum(x, K) - (1 - smoothing) * dot
	       - smoothing / (double)K * total(x, K);
}

static double row(const struct nn_io *io, size_t r, double *count)
{
	const size_t K = nn_last(nn_row(io, 0)), vectors = nn_vectors(nn_row(io, 0));
	const double smoothing = io->node->arg[0].a;
	const float *x = loss_input(io, 0, r);
	double sum = 0;
	for (size_t v = 0; v < vectors; v++, x += K)
		if (loss_is_soft(io)) {
			const float *t = loss_input(io, 1, r) + v * K;
			const double sum_t = total(t, K);
			sum += sum_t == 0 ? 0 : soft(x, t, K, sum_t, smoothing);
			*count += sum_t != 0;
		} else {
			const int32_t label = loss_label(io, 1, r * vectors + v);
			sum += label < 0 ? 0 : hard(x, K, label, smoothing);
			*count += label >= 0;
		}
	return sum;
}

/* dx = scale ((sum t') softmax(x) - t'), where t is NULL for a label. */
static void vector_back(float *dx, const float *x, const float *t, int32_t label, size_t K,
	float smoothing, float scale, bool add)
{
	const double lse = log_sum(x, K); /* a float's error is too large where logits are */
	const float keep = 1 - smoothing;
	const float sum = t ? keep * (float)total(t, K) + smoothing : 1;
	for (size_t k = 0; k < K; k++) {
		const float own = t ? t[k] : (float)(k == (size_t)label);
		const float want = keep * own + smoothing / (float)K;
		nn_put(&dx[k], scale * (sum * expf((float)((double)x[k] - lse)) - want), add);
	}
}

static void target_back(float *dt, const float *x, size_t K, float scale, bool add)
{
	const float lse = (float)log_sum(x, K);
	for (size_t k = 0; k < K; k++)
		nn_put(&dt[k], scale * (lse - x[k]), add);
}

static void soft_back(const struct nn_io *io, size_t r, size_t v, size_t K, float scale)
{
	const float smoothing = (float)io->node->arg[0].a;
	const float *x = loss_input(io, 0, r) + v * K, *t = loss_input(io, 1, r) + v * K;
	float *dx = loss_gradient(io, 0, r), *dt = loss_gradient(io, 1, r);
	const float known = total(t, K) == 0 ? 0 : scale;
	if (dx)
		vector_back(dx + v * K, x, t, 0, K, smoothing, known, io->add[0]);
	if (dt)
		target_back(dt + v * K, x, K, known * (1 - smoothing), io->add[1]);
}

static void row_back(const struct nn_io *io, size_t r, float scale)
{
	const size_t K = nn_last(nn_row(io, 0)), vectors = nn_vectors(nn_row(io, 0));
	const float *x = loss_input(io, 0, r);
	float *dx = loss_gradient(io, 0, r);
	for (size_t v = 0; v < vectors; v++)
		if (loss_is_soft(io)) {
			soft_back(io, r, v, K, scale);
		} else if (dx) {
			const int32_t label = loss_label(io, 1, r * vectors + v);
			vector_back(dx + v * K, x + v * K, NULL, label < 0 ? 0 : label, K,
				(float)io->node->arg[0].a, label < 0 ? 0 : scale, io->add[0]);
		}
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	if (!(n->arg[0].a >= 0 && n->arg[0].a < 1))
		return cvt_fail(e, CVT_USAGE, "cross-entropy: smoothing must be in 0..1, not %g",
			n->arg[0].a);
	TRY(loss_shape(g, n, e));
	const struct node *t = &g->node[n->in[1]];
	const struct shape *x = nn_input_shape(g, n, 0);
	const bool fits =
		t->dtype == DT_F4 ? shape_same(&t->row, x) : shape_items(&t->row) == nn_vectors(x);
	if (fits && t->dtype != DT_I8)
		return CVT_OK;
	char a[100], b[100];
	return cvt_fail(e, CVT_INPUT,
		"cross-entropy: logits of %s do not fit a target of %s (%s); it must be one class "
		"a "
		"vector (i4, u1) or a distribution (f4)",
		shape_text(x, a, sizeof a), shape_text(&t->row, b, sizeof b), dtype_name(t->dtype));
}

static void forward(const struct nn_io *io)
{
	loss_forward(io, row);
}

static void backward(const struct nn_io *io)
{
	loss_backward(io, row_back);
}

const struct nn_op loss_cross_entropy = {
	.name = "cross-entropy",
	.help = "-sum t log softmax(x); the target is a class, a class map, or a distribution",
	.inputs = -1,
	.flags = NN_BACK_X,
	.arg = {{"smoothing", 0, false, false, false, "how much of the target is uniform"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
	.learns = LOSS_CLASSES,
};
