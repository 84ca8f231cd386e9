/*
 * dice: how little a predicted mask and the true one overlap (Milletari, Navab and Ahmadi, "V-Net",
 * 2016): of each class k that a row's target has, 1 - 2 |p t| / (|p| + |t|), where p is the softmax
 * of the logits of a pixel, t is 1 on the pixels of the class, and |.| sums over the row's known
 * pixels. s is the sum over these classes, c is how many they are; so large classes count no more
 * than small ones. Unknown are labels below 0 (255 in a mask of bytes).
 *
 * Dimensions: K classes, P pixels of a row.
 */
#include "loss.h"

#include <math.h>
#include <string.h>

enum { MOST = 256 }; /* classes; what a mask of bytes can tell */

/* Of one row and each class: |p t|, |p| and |t|. */
struct overlap {
	double both[MOST], p[MOST], t[MOST];
};

static void softmax(const float *x, size_t K, float *p)
{
	float top = x[0], sum = 0;
	for (size_t k = 1; k < K; k++)
		top = x[k] > top ? x[k] : top;
	for (size_t k = 0; k < K; k++)
		sum += p[k] = expf(x[k] - top);
	for (size_t k = 0; k < K; k++)
		p[k] /= sum;
}

static void measure(const struct nn_io *io, size_t r, struct overlap *o)
{
	const size_t K = nn_last(nn_row(io, 0)), P = nn_vectors(nn_row(io, 0));
	const float *x = loss_input(io, 0, r);
	float p[MOST];
	memset(o, 0, sizeof *o);
	for (size_t i = 0; i < P; i++) {
		const int32_t label = loss_label(io, 1, r * P + i);
		if (label < 0)
			continue;
		softmax(x + i * K, K, p);
		for (size_t k = 0; k < K; k++)
			o->p[k] += (double)p[k];
		if ((size_t)label >= K) { /* the command checks labels before */
			o->both[0] = NAN;
			continue;
		}
		o->both[label] += (double)p[label];
		o->t[label] += 1;
	}
}

static double row(const struct nn_io *io, size_t r, double *count)
{
	const size_t K = nn_last(nn_row(io, 0));
	struct overlap o;
	measure(io, r, &o);
	double sum = isnan(o.both[0]) ? NAN : 0;
	for (size_t k = 0; k < K; k++) {
		if (o.t[k] == 0)
			continue;
		*count += 1;
		sum += 1 - 2 * o.both[k] / (o.p[k] + o.t[k]);
	}
	return sum;
}

/* d(1 - 2 b / n) / dp = -2 (t n - b) / n^2 with n = |p| + |t|, through the softmax:
 * dx_k = p_k (g_k - sum_j g_j p_j). */
static void pixel_back(float *dx, const float *x, size_t K, size_t label, const struct overlap *o,
	float scale, bool add)
{
	float p[MOST], g[MOST], dot = 0;
	softmax(x, K, p);
	for (size_t k = 0; k < K; k++) {
		const double n = o->p[k] + o->t[k];
		const double own = k == label ? n : 0;
		g[k] = o->t[k] > 0 ? (float)(-2 * (own - o->both[k]) / (n * n)) : 0;
		dot += g[k] * p[k];
	}
	for (size_t k = 0; k < K; k++)
		nn_put(&dx[k], scale * p[k] * (g[k] - dot), add);
}

static void row_back(const struct nn_io *io, size_t r, float scale)
{
	const size_t K = nn_last(nn_row(io, 0)), P = nn_vectors(nn_row(io, 0));
	const float *x = loss_input(io, 0, r);
	float *dx = loss_gradient(io, 0, r);
	struct overlap o;
	if (!dx)
		return;
	measure(io, r, &o);
	for (size_t i = 0; i < P; i++, x += K, dx += K) {
		const int32_t label = loss_label(io, 1, r * P + i);
		if (label >= 0)
			pixel_back(dx, x, K, (size_t)label, &o, scale, io->add[0]);
		else if (!io->add[0])
			memset(dx, 0, K * sizeof *dx);
	}
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(loss_shape(g, n, e));
	const struct node *t = &g->node[n->in[1]];
	const struct shape *x = nn_input_shape(g, n, 0);
	const bool labels = t->dtype == DT_U1 || t->dtype == DT_I4;
	if (labels && shape_items(&t->row) == nn_vectors(x) && nn_last(x) <= MOST)
		return CVT_OK;
	char a[100], b[100];
	return cvt_fail(e, CVT_INPUT,
		"dice: logits of %s do not fit a target of %s (%s); it must be a class (i4, u1) "
		"for each pixel, of at most %d",
		shape_text(x, a, sizeof a), shape_text(&t->row, b, sizeof b), dtype_name(t->dtype),
		MOST);
}

static void forward(const struct nn_io *io)
{
	loss_forward(io, row);
}

static void backward(const struct nn_io *io)
{
	loss_backward(io, row_back);
}

const struct nn_op loss_dice = {
	.name = "dice",
	.help = "1 - the overlap of predicted and true mask, a class as good as another",
	.inputs = -1,
	.flags = NN_BACK_X,
	.shape = shape,
	.forward = forward,
	.backward = backward,
	.learns = LOSS_CLASSES,
};
