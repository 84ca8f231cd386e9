/*
 * up: a map S times as high and wide. Nearest repeats; bilinear is PyTorch's with
 * align_corners=False: output i reads position (i + 1/2) / S - 1/2, held within the map. Either is
 * a mean of 2 x 2 inputs, whose weights are (1, 0) for nearest.
 */
#include "nn.h"

#include <string.h>

enum { FACTOR, MODE };

/* shape() turns the word into a number: the text it comes from may be gone when the network runs.
 */
static bool bilinear(const struct node *n)
{
	return n->arg[MODE].a != 0;
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	size_t S;
	const char *mode = n->arg[MODE].word;
	TRY(nn_need_picture(g, n, e));
	TRY(nn_count(n, FACTOR, 1, &S, e));
	n->arg[MODE].a = mode && strcmp(mode, "bilinear") == 0;
	if (mode && strcmp(mode, "nearest") != 0 && !bilinear(n))
		return cvt_fail(e, CVT_USAGE, "up: mode is nearest or bilinear, not '%s'", mode);
	n->row = *nn_input_shape(g, n, 0);
	for (size_t i = 0; i < 2; i++)
		if (!mem_mul(n->row.dims[i], S, &n->row.dims[i]))
			return cvt_fail(e, CVT_INPUT, "up: %zu is too large", S);
	return CVT_OK;
}

/* Inputs at + [0, next] of an axis with weights 1 - w and w. */
struct tap {
	size_t at, next;
	float w;
};

static struct tap tap(const struct node *n, size_t i, size_t size)
{
	const double S = n->arg[FACTOR].a;
	if (!bilinear(n))
		return (struct tap){i / (size_t)S, i / (size_t)S, 0};
	const double x = ((double)i + 0.5) / S - 0.5, held = x < 0 ? 0 : x;
	const size_t at = (size_t)held;
	return (struct tap){at, at + 1 < size ? at + 1 : at, (float)(held - (double)at)};
}

/* The four inputs of one output vector, and their weights. */
struct taps {
	size_t at[4];
	float w[4];
};

static struct taps taps(const struct nn_io *io, size_t v)
{
	const size_t *to = io->node->row.dims, *from = nn_row(io, 0)->dims;
	const struct tap x = tap(io->node, v % to[1], from[1]);
	const struct tap y = tap(io->node, v / to[1] % to[0], from[0]);
	const size_t row = v / to[1] / to[0] * from[0];
	struct taps t;
	for (size_t i = 0; i < 4; i++) {
		const size_t h = i / 2 ? y.next : y.at, w = i % 2 ? x.next : x.at;
		t.at[i] = ((row + h) * from[1] + w) * from[2];
		t.w[i] = (i / 2 ? y.w : 1 - y.w) * (i % 2 ? x.w : 1 - x.w);
	}
	return t;
}

static void forward_vectors(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t C = nn_last(&io->node->row);
	const float *x = io->x[0];
	(void)slot;
	for (size_t v = first; v < first + count; v++) {
		const struct taps t = taps(io, v);
		float *y = io->y + v * C;
		for (size_t c = 0; c < C; c++)
			y[c] = t.w[0] * x[t.at[0] + c] + t.w[1] * x[t.at[1] + c]
			       + t.w[2] * x[t.at[2] + c] + t.w[3] * x[t.at[3] + c];
	}
}

static void forward(const struct nn_io *io)
{
	nn_each(io, io->rows * nn_vectors(&io->node->row), nn_last(&io->node->row),
		forward_vectors);
}

static void backward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t C = nn_last(&io->node->row), vectors = nn_vectors(&io->node->row);
	const size_t items = nn_row_items(io, 0);
	(void)slot;
	if (!io->add[0])
		memset(io->dx[0] + first * items, 0, count * items * sizeof(float));
	for (size_t v = first * vectors; v < (first + count) * vectors; v++) {
		const struct taps t = taps(io, v);
		const float *dy = io->dy + v * C;
		for (size_t i = 0; i < 4; i++)
			for (size_t c = 0; t.w[i] != 0 && c < C; c++)
				io->dx[0][t.at[i] + c] += t.w[i] * dy[c];
	}
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each_row(io, backward_rows);
}

const struct nn_op nn_up = {
	.name = "up",
	.help = "a map S times as high and wide",
	.inputs = 1,
	.arg = {{"S", 0, true, true, false, "factor"},
		{"mode", 0, false, false, true, "nearest (default) or bilinear"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
