/* bce: binary cross-entropy with logits, s = sum over a row of -t log p - (1 - t) log(1 - p) with
 * p = 1 / (1 + exp(-x)), computed as max(x, 0) - x t + log(1 + exp(-|x|)). The target is f4, or i4
 * or u1 with -1 (255) for unknown items, which do not count. */
#include "../simd.h"
#include "loss.h"

#include <math.h>

/* The target of item k of all, a whole number; false if it is unknown. */
static bool target(const struct nn_io *io, size_t k, float *t)
{
	const int32_t label = loss_label(io, 1, k);
	*t = (float)label;
	return label >= 0;
}

static double row(const struct nn_io *io, size_t r, double *count)
{
	const float *x = loss_input(io, 0, r);
	const size_t n = nn_row_items(io, 0);
	double sum = 0;
	if (loss_is_soft(io)) {
		*count = (double)n;
		return simd()->bce(x, loss_input(io, 1, r), n);
	}
	for (size_t i = 0; i < n; i++) {
		const double v = (double)x[i];
		float t;
		if (!target(io, r * n + i, &t))
			continue;
		sum += (v > 0 ? v : 0) - v * (double)t + log1p(exp(-fabs(v)));
		*count += 1;
	}
	return sum;
}

static void float_back(const struct nn_io *io, size_t r, float scale)
{
	const float *x = loss_input(io, 0, r);
	float *dx = loss_gradient(io, 0, r), *dt = loss_gradient(io, 1, r);
	const size_t n = nn_row_items(io, 0);
	if (dx)
		simd()->bce_back(x, loss_input(io, 1, r), scale, dx, n, io->add[0]);
	if (dt)
		simd()->times(x, -scale, dt, n, io->add[1]);
}

static void row_back(const struct nn_io *io, size_t r, float scale)
{
	const float *x = loss_input(io, 0, r);
	float *dx = loss_gradient(io, 0, r);
	const size_t n = nn_row_items(io, 0);
	if (loss_is_soft(io)) {
		float_back(io, r, scale);
		return;
	}
	for (size_t i = 0; i < n && dx; i++) {
		float t;
		const bool known = target(io, r * n + i, &t);
		const float p = 1 / (1 + expf(-x[i]));
		nn_put(&dx[i], known ? scale * (p - t) : 0, io->add[0]);
	}
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(loss_shape(g, n, e));
	const struct node *t = &g->node[n->in[1]];
	if (t->dtype == DT_I8)
		return cvt_fail(e, CVT_INPUT, "bce: the target must be f4, i4 or u1, not i8");
	if (shape_items(&t->row) != shape_items(nn_input_shape(g, n, 0)))
		return cvt_fail(e, CVT_INPUT, "bce: %zu predictions a row but %zu targets",
			shape_items(nn_input_shape(g, n, 0)), shape_items(&t->row));
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

const struct nn_op loss_bce = {
	.name = "bce",
	.help = "binary cross-entropy of logits; targets 0..1, unknown ones -1 (u1: 255)",
	.inputs = -1,
	.flags = NN_BACK_X,
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
