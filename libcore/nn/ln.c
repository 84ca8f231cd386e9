/*
 * ln: layer normalisation over the last dimension (Ba, Kiros and Hinton, "Layer normalization",
 * 2016): y = (x - mean) / sqrt(variance + eps) weight + bias, mean and variance those of each
 * vector.
 *
 * Gradient, with h the normalised x and g = dy weight: dx = (g - mean(g) - h mean(g h)) /
 * sqrt(...). Dimensions: C features of a vector.
 */
#include "nn.h"

#include "../simd.h"

#include <string.h>

enum { EPS, AFFINE };

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(nn_like_input(g, n, e));
	TRY(nn_at_least_0(n, EPS, e));
	const size_t C = nn_last(&n->row);
	n->save_row = 2 * nn_vectors(&n->row); /* mean and 1 / deviation of each vector */
	n->work_whole = NN_PARTS * 2 * C;
	if (n->arg[AFFINE].a == 0)
		return CVT_OK;
	TRY(graph_param(g, n, "weight", PARAM_BIAS, LAYOUT_PLAIN, 1, &C, INIT_ONE, 0, e));
	return graph_param(g, n, "bias", PARAM_BIAS, LAYOUT_PLAIN, 1, &C, INIT_ZERO, 0, e);
}

static const float *parameter(const struct nn_io *io, size_t i)
{
	return io->node->nparam ? io->w[i] : NULL;
}

static void forward_vectors(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t C = nn_last(&io->node->row);
	const float eps = (float)io->node->arg[EPS].a;
	(void)slot;
	for (size_t v = first; v < first + count; v++) {
		const float *x = io->x[0] + v * C;
		float *save = io->save + 2 * v;
		if (!io->again)
			simd()->moments(x, C, eps, &save[0], &save[1]);
		simd()->norm(
			x, save[0], save[1], parameter(io, 0), parameter(io, 1), io->y + v * C, C);
	}
}

static size_t vectors(const struct nn_io *io)
{
	return io->rows * nn_vectors(&io->node->row);
}

static void forward(const struct nn_io *io)
{
	nn_each(io, vectors(io), nn_last(&io->node->row), forward_vectors);
}

static void backward_vectors(const struct nn_io *io, size_t first, size_t count, size_t part)
{
	const size_t C = nn_last(&io->node->row);
	const bool learns = io->node->nparam && (io->dw[0] || io->dw[1]);
	float *dweight = io->work + part * 2 * C, *dbias = dweight + C;
	memset(dweight, 0, 2 * C * sizeof *dweight);
	for (size_t v = first; v < first + count; v++) {
		const float *x = io->x[0] + v * C, *dy = io->dy + v * C, *save = io->save + 2 * v;
		float sum, dot;
		simd()->norm_sums(x, save[0], save[1], parameter(io, 0), dy, C, &sum, &dot,
			learns ? dweight : NULL, dbias);
		if (io->dx[0])
			simd()->norm_back(x, save[0], save[1], parameter(io, 0), dy, sum / (float)C,
				dot / (float)C, io->dx[0] + v * C, C, io->add[0]);
	}
}

static void backward(const struct nn_io *io)
{
	const size_t C = nn_last(&io->node->row);
	const size_t parts = nn_parts(io, vectors(io), backward_vectors);
	for (size_t i = 0; i < io->node->nparam; i++)
		if (io->dw[i])
			nn_add_parts(io->dw[i], io->work + i * C, parts, 2 * C, C);
}

const struct nn_op nn_ln = {
	.name = "ln",
	.help = "layer normalisation over the last dimension (Ba et al. 2016)",
	.inputs = 1,
	.flags = NN_BACK_X | NN_INPLACE | NN_AGAIN,
	.arg = {{"eps", 1e-5, false, false, false, "added to the variance"},
		{"affine", 1, false, false, false, "0 = no weight and bias"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
