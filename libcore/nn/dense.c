/* dense: products with packed weights (see dense.h). */
#include "dense.h"

static const size_t no_tap = 0;

/* Floats of the packed weights; the bias behind begins on a line of the cache. */
static size_t packed_floats(struct dense d)
{
	enum { LINE = 16 };
	return (d.o + LINE - 1) / LINE * LINE * d.i;
}

size_t dense_pack(struct dense d, const float *w, const float *bias, const float *affine, float *to)
{
	const size_t n = packed_floats(d);
	const struct simd_weights weights = {.w = w,
		.taps = 1,
		.run = d.i,
		.tap = &no_tap,
		.run_step = 1,
		.output_step = d.i,
		.outputs = d.o,
		.scale = affine};
	if (!to)
		return n + d.o;
	simd()->conv_pack(&weights, to);
	for (size_t k = 0; k < d.o; k++)
		to[n + k] = (bias ? bias[k] : 0) * (affine ? affine[k] : 1)
			    + (affine ? affine[d.o + k] : 0);
	return n + d.o;
}

void dense_run(struct dense d, const float *packed, size_t m, const float *x, size_t first,
	size_t n, const float *plus, bool relu, float *y)
{
	const struct simd_conv view = {.taps = 1,
		.run = d.i,
		.tap = &no_tap,
		.outputs = n,
		.rows = 1,
		.columns = m,
		.x_column = d.i,
		.y_column = d.o,
		.w = packed + first * d.i,
		.tail = {packed + packed_floats(d) + first, plus ? plus + first : NULL, relu}};
	simd()->conv(&view, x, y + first);
}
