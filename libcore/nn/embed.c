/*
 * embed: a learned vector of D features for each of V words; a row of L numbers (i4, or u1: the
 * bytes of a caption) becomes L tokens. A number outside 0..V-1 is no word: zeros.
 */
#include "nn.h"

#include "../simd.h"

#include <string.h>

enum { WORDS, FEATURES };

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	size_t dims[2];
	const struct node *in = &g->node[n->in[0]];
	TRY(nn_count(n, WORDS, 1, &dims[0], e));
	TRY(nn_count(n, FEATURES, 1, &dims[1], e));
	if (in->dtype != DT_I4 && in->dtype != DT_U1)
		return cvt_fail(e, CVT_INPUT, "embed: takes word numbers (i4 or u1), not %s",
			dtype_name(in->dtype));
	n->row = (struct shape){2, {shape_items(&in->row), dims[1]}};
	return graph_param(
		g, n, "weight", PARAM_WEIGHT, LAYOUT_PLAIN, 2, dims, INIT_TRUNC_NORMAL, 0.02, e);
}

/* The word of token t of all; V if it is none. */
static size_t word(const struct nn_io *io, size_t t)
{
	const size_t V = (size_t)io->node->arg[WORDS].a;
	if (io->graph->node[io->node->in[0]].dtype == DT_U1) {
		const size_t w = ((const uint8_t *)nn_input(io, 0))[t];
		return w < V ? w : V;
	}
	const int32_t w = ((const int32_t *)nn_input(io, 0))[t];
	return w >= 0 && (size_t)w < V ? (size_t)w : V;
}

static void forward_tokens(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t V = (size_t)io->node->arg[WORDS].a, D = io->node->row.dims[1];
	(void)slot;
	for (size_t t = first; t < first + count; t++) {
		const size_t w = word(io, t);
		if (w < V)
			memcpy(io->y + t * D, io->w[0] + w * D, D * sizeof(float));
		else
			memset(io->y + t * D, 0, D * sizeof(float));
	}
}

static void forward(const struct nn_io *io)
{
	nn_each(io, io->rows * io->node->row.dims[0], io->node->row.dims[1], forward_tokens);
}

/* Features [first, first + count) of all tokens in turn: words repeat, so tokens cannot be shared
 * out among threads without changing the order of the sums. */
static void backward_features(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t V = (size_t)io->node->arg[WORDS].a, D = io->node->row.dims[1];
	const size_t tokens = io->rows * io->node->row.dims[0];
	(void)slot;
	for (size_t t = 0; t < tokens; t++) {
		const size_t w = word(io, t);
		if (w < V)
			simd()->add(io->dw[0] + w * D + first, io->dy + t * D + first, count);
	}
}

static void backward(const struct nn_io *io)
{
	if (io->dw[0])
		nn_each(io, io->node->row.dims[1], 1 << 9, backward_features);
}

const struct nn_op nn_embed = {
	.name = "embed",
	.help = "a learned vector for each word number",
	.inputs = 1,
	.flags = NN_BACK_X,
	.arg = {{"V", 0, true, true, false, "words"}, {"D", 0, true, true, false, "features"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
