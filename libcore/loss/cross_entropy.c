/*
 * cross-entropy of logits: s = sum over the vectors (one, or one a pixel or token) of a row of
 * -sum over k of w_k t_k log softmax(x)_k = sum w_k t_k (log sum exp x - x_k). A target that is a
 * number y means t = 1 at y; label smoothing mixes t with the uniform distribution (Szegedy et al.,
 * "Rethinking the Inception architecture", 2016): t' = (1 - e) t + e / K. Unknown are labels below
 * 0 (255 in a mask of bytes) and soft labels that are all 0. A label beyond the classes makes the
 * loss NaN: the command checks labels before.
 *
 * weights=0: all w are 1. weights=1: they are the buffer `class_weight`, which whoever builds the graph
 * fills. weights=2: w_k = 1 / (K f_k), f the mean over the training steps so far of the classes' shares
 * of a batch (the buffer `class_share`), so that all classes count alike in the end. As in PyTorch's
 * CrossEntropyLoss(weight), the mean is over w_y where targets are numbers, and over vectors where they
 * are distributions. A number whose weight is 0 is unknown.
 *
 * Dimensions: K classes.
 */
#include "loss.h"

#include <math.h>

enum { SMOOTHING, WEIGHTS };               /* arguments */
enum { GIVEN = 1, BALANCED = 2 };          /* of WEIGHTS */
enum { CLASS_WEIGHT, CLASS_SHARE, STEPS }; /* buffers */

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

/* NULL = all are 1. */
static const float *class_weights(const struct nn_io *io)
{
	return io->node->arg[WEIGHTS].a > 0 ? io->w[CLASS_WEIGHT] : NULL;
}

/* sum of w_k t'_k for k = 0..K-1 in `mass`, that of w_k t'_k x_k in `dot`; t NULL = 1 at label. */
static void weigh(const float *x, const float *t, int32_t label, size_t K, double smoothing,
	const float *w, double *mass, double *dot)
{
	*mass = *dot = 0;
	for (size_t k = 0; k < K; k++) {
		const double own = t ? (double)t[k] : (double)(k == (size_t)label);
		const double share = (double)w[k] * ((1 - smoothing) * own + smoothing / (double)K);
		*mass += share;
		*dot += share * (double)x[k];
	}
}

static double weighted(
	const float *x, const float *t, int32_t label, size_t K, double smoothing, const float *w)
{
	double mass, dot;
	if (!t && (size_t)label >= K)
		return NAN;
	weigh(x, t, label, K, smoothing, w, &mass, &dot);
	return mass * log_sum(x, K) - dot;
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

/* What a known label counts for. A label beyond the classes counts, as it is NaN. */
static double count_of(const float *w, int32_t label, size_t K)
{
	return label < 0 ? 0 : w && (size_t)label < K ? (double)w[label] : 1;
}

static double row(const struct nn_io *io, size_t r, double *count)
{
	const size_t K = nn_last(nn_row(io, 0)), vectors = nn_vectors(nn_row(io, 0));
	const double smoothing = io->node->arg[SMOOTHING].a;
	const float *x = loss_input(io, 0, r), *w = class_weights(io);
	double sum = 0;
	for (size_t v = 0; v < vectors; v++, x += K)
		if (loss_is_soft(io)) {
			const float *t = loss_input(io, 1, r) + v * K;
			const double sum_t = total(t, K);
			if (sum_t != 0)
				sum += w ? weighted(x, t, 0, K, smoothing, w)
					 : soft(x, t, K, sum_t, smoothing);
			*count += sum_t != 0;
		} else {
			const int32_t label = loss_label(io, 1, r * vectors + v);
			const double counts = count_of(w, label, K);
			if (counts > 0)
				sum += w ? weighted(x, NULL, label, K, smoothing, w)
					 : hard(x, K, label, smoothing);
			*count += counts;
		}
	return sum;
}

/* dx_k = scale ((sum w t') softmax(x)_k - w_k t'_k), where t is NULL for a label and w for ones. */
static void vector_back(float *dx, const float *x, const float *t, int32_t label, size_t K,
	float smoothing, const float *w, float scale, bool add)
{
	const double lse = log_sum(x, K); /* a float's error is too large where logits are */
	const float keep = 1 - smoothing;
	double sum = t ? (double)(keep * (float)total(t, K) + smoothing) : 1, dot;
	if (w)
		weigh(x, t, label, K, (double)smoothing, w, &sum, &dot);
	for (size_t k = 0; k < K; k++) {
		const float own = t ? t[k] : (float)(k == (size_t)label);
		const float want = (w ? w[k] : 1) * (keep * own + smoothing / (float)K);
		const float p = expf((float)((double)x[k] - lse));
		nn_put(&dx[k], scale * ((float)sum * p - want), add);
	}
}

static void target_back(float *dt, const float *x, size_t K, const float *w, float scale, bool add)
{
	const float lse = (float)log_sum(x, K);
	for (size_t k = 0; k < K; k++)
		nn_put(&dt[k], scale * (w ? w[k] : 1) * (lse - x[k]), add);
}

static void soft_back(const struct nn_io *io, size_t r, size_t v, size_t K, float scale)
{
	const float smoothing = (float)io->node->arg[SMOOTHING].a, *w = class_weights(io);
	const float *x = loss_input(io, 0, r) + v * K, *t = loss_input(io, 1, r) + v * K;
	float *dx = loss_gradient(io, 0, r), *dt = loss_gradient(io, 1, r);
	const float known = total(t, K) == 0 ? 0 : scale;
	if (dx)
		vector_back(dx + v * K, x, t, 0, K, smoothing, w, known, io->add[0]);
	if (dt)
		target_back(dt + v * K, x, K, w, known * (1 - smoothing), io->add[1]);
}

static void row_back(const struct nn_io *io, size_t r, float scale)
{
	const size_t K = nn_last(nn_row(io, 0)), vectors = nn_vectors(nn_row(io, 0));
	const float smoothing = (float)io->node->arg[SMOOTHING].a, *w = class_weights(io);
	const float *x = loss_input(io, 0, r);
	float *dx = loss_gradient(io, 0, r);
	for (size_t v = 0; v < vectors; v++)
		if (loss_is_soft(io)) {
			soft_back(io, r, v, K, scale);
		} else if (dx) {
			const int32_t label = loss_label(io, 1, r * vectors + v);
			const bool known = count_of(w, label, K) > 0;
			vector_back(dx + v * K, x + v * K, NULL, known ? label : 0, K, smoothing, w,
				known ? scale : 0, io->add[0]);
		}
}

/* ---- balanced weights --------------------------------------------------------------- */

/* Adds the classes of a row to share[0..K); returns how many vectors are known. */
static double count_classes(const struct nn_io *io, size_t r, double *share)
{
	const size_t K = nn_last(nn_row(io, 0)), vectors = nn_vectors(nn_row(io, 0));
	double known = 0;
	for (size_t v = 0; v < vectors; v++) {
		const int32_t label = loss_is_soft(io) ? -1 : loss_label(io, 1, r * vectors + v);
		const float *t = loss_is_soft(io) ? loss_input(io, 1, r) + v * K : NULL;
		for (size_t k = 0; t && k < K; k++)
			share[k] += (double)t[k];
		if (label >= 0 && (size_t)label < K)
			share[label]++;
		known += t ? total(t, K) : label >= 0;
	}
	return known;
}

/* The classes of this batch move the running shares, and those are the weights. */
static void balance(const struct nn_io *io)
{
	const size_t K = nn_last(nn_row(io, 0));
	float *weight = io->w[CLASS_WEIGHT], *mean = io->w[CLASS_SHARE], *steps = io->w[STEPS];
	double *share = (double *)(void *)io->work, known = 0;
	for (size_t k = 0; k < K; k++)
		share[k] = 0;
	for (size_t r = 0; r < nn_input_rows(io, 0); r++)
		if (loss_weight(io, r) != 0)
			known += count_classes(io, r, share);
	if (known == 0)
		return;
	*steps += 1;
	for (size_t k = 0; k < K; k++) {
		mean[k] += (float)((share[k] / known - (double)mean[k]) / (double)*steps);
		weight[k] = mean[k] > 0 ? 1 / ((float)K * mean[k]) : 1;
	}
}

static int declare_weights(struct graph *g, struct node *n, size_t K, struct cvt_err *e)
{
	const size_t one = 1;
	if (n->arg[WEIGHTS].a == 0)
		return CVT_OK;
	TRY(graph_param(g, n, "class_weight", PARAM_BUFFER, LAYOUT_PLAIN, 1, &K, INIT_ONE, 0, e));
	if (n->arg[WEIGHTS].a != BALANCED)
		return CVT_OK;
	n->work_whole = 2 * K; /* doubles */
	TRY(graph_param(g, n, "class_share", PARAM_BUFFER, LAYOUT_PLAIN, 1, &K, INIT_ZERO, 0, e));
	return graph_param(g, n, "steps", PARAM_BUFFER, LAYOUT_PLAIN, 1, &one, INIT_ZERO, 0, e);
}

/* ---- the operator ------------------------------------------------------------------- */

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	const double smoothing = n->arg[SMOOTHING].a, weights = n->arg[WEIGHTS].a;
	if (!(smoothing >= 0 && smoothing < 1))
		return cvt_fail(e, CVT_USAGE, "cross-entropy: smoothing must be in 0..1, not %g",
			smoothing);
	if (weights != 0 && weights != GIVEN && weights != BALANCED)
		return cvt_fail(
			e, CVT_USAGE, "cross-entropy: weights is 0, 1 or 2, not %g", weights);
	TRY(loss_shape(g, n, e));
	const struct node *t = &g->node[n->in[1]];
	const struct shape *x = nn_input_shape(g, n, 0);
	const bool fits =
		t->dtype == DT_F4 ? shape_same(&t->row, x) : shape_items(&t->row) == nn_vectors(x);
	if (fits && t->dtype != DT_I8)
		return declare_weights(g, n, nn_last(x), e);
	char a[100], b[100];
	return cvt_fail(e, CVT_INPUT,
		"cross-entropy: logits of %s do not fit a target of %s (%s); it must be one class "
		"a "
		"vector (i4, u1) or a distribution (f4)",
		shape_text(x, a, sizeof a), shape_text(&t->row, b, sizeof b), dtype_name(t->dtype));
}

static void forward(const struct nn_io *io)
{
	if (io->node->arg[WEIGHTS].a == BALANCED && io->run->train)
		balance(io);
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
	.arg = {{"smoothing", 0, false, false, false, "how much of the target is uniform"},
		{"weights", 0, false, false, false, "of the classes: 1 = given, 2 = balanced"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
	.learns = LOSS_CLASSES,
};
