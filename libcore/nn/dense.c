/* dense: products with packed weights (see dense.h). */
#include "dense.h"

#include <string.h>

/* Of a block: tiles of 14 and of 6 places, near while it lasts; panels of any width. Weights are packed in
 * smaller blocks, which threads share evenly. */
enum { VECTORS = 70, OUTPUTS = 128, PACKED = 64 };
/* Of a gradient, what one block makes at most: that many outputs and inputs, so many vectors at a time, which stay in
 * the second cache. Of vectors for one time, fewer: there is work for several threads. */
enum { MANY_OUTPUTS = 224, MANY_INPUTS = 256, FEW_OUTPUTS = 112, FEW_INPUTS = 224 };
enum { CHUNK = 128, APART = 16 };

static const size_t no_tap = 0;

/* The biases begin on a line of the cache. */
static size_t packed_floats(struct dense d)
{
	enum { LINE = 16 };
	return nn_round_up(d.o, LINE) * d.i;
}

size_t dense_floats(struct dense d)
{
	return packed_floats(d) + d.o;
}

/* Outputs first..first + n, first a multiple of PACKED. */
static void pack(
	struct dense d, const struct dense_weights *w, size_t first, size_t n, float *packed)
{
	const float *scale = w->affine, *shift = scale ? scale + d.o : NULL;
	const struct simd_weights weights = {.w = w->w + first * w->o_step,
		.taps = 1,
		.run = d.i,
		.tap = &no_tap,
		.run_step = w->i_step,
		.output_step = w->o_step,
		.outputs = n,
		.scale = scale ? scale + first : NULL};
	simd()->conv_pack(&weights, packed + first * d.i);
	float *bias = packed + packed_floats(d);
	for (size_t k = first; k < first + n; k++)
		bias[k] = (w->bias ? w->bias[k] : 0) * (scale ? scale[k] : 1)
			  + (shift ? shift[k] : 0);
}

static void run(struct dense d, const float *packed, size_t m, const float *x, size_t first,
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

void dense_run(struct dense d, const float *packed, size_t m, const float *x, const float *plus,
	bool relu, float *y)
{
	run(d, packed, m, x, 0, d.o, plus, relu, y);
}

/* ---- by all threads ------------------------------------------------------------------ */

/* One call, for the blocks of par_for. */
struct job {
	const struct nn_io *io;
	struct dense d;
	const struct dense_weights *weights;
	const float *packed, *x, *dy, *plus;
	float *to; /* packed weights, y or dw */
	size_t m;
	bool relu;
};

static size_t parts(struct dense d)
{
	return par_blocks(d.o, OUTPUTS);
}

static void pack_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct job *j = context;
	size_t first;
	const size_t n = par_span(j->d.o, PACKED, block, &first);
	pack(j->d, j->weights, first, n, j->to);
}

void dense_pack(
	const struct nn_io *io, struct dense d, const struct dense_weights *w, float *packed)
{
	struct job j = {.d = d, .weights = w, .to = packed};
	par_for(io->run->par, par_blocks(d.o, PACKED), pack_block, &j);
}

static void run_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct job *j = context;
	const struct dense d = j->d;
	size_t first, output;
	const size_t m = par_span(j->m, VECTORS, block / parts(d), &first);
	const size_t n = par_span(d.o, OUTPUTS, block % parts(d), &output);
	run(d, j->packed, m, j->x + first * d.i, output, n, j->plus ? j->plus + first * d.o : NULL,
		j->relu, j->to + first * d.o);
}

/* Blocks are cut by outputs, too: one vector is work for several threads. */
void dense_run_all(const struct nn_io *io, struct dense d, const float *packed, size_t m,
	const float *x, const float *plus, bool relu, float *y)
{
	struct job j = {
		.d = d, .packed = packed, .x = x, .plus = plus, .to = y, .m = m, .relu = relu};
	par_for(io->run->par, par_blocks(m, VECTORS) * parts(d), run_block, &j);
}

/* ---- the gradient of the weights ------------------------------------------------------ */

size_t dense_gradient_thread(void)
{
	return (size_t)CHUNK * (MANY_OUTPUTS + APART + MANY_INPUTS + APART);
}

/* The size of blocks nearly equal, of at most `most`, a multiple of `step`. */
static size_t fair(size_t n, size_t most, size_t step)
{
	const size_t blocks = par_blocks(n, most);
	return nn_round_up(par_blocks(n, blocks), step);
}

/* Some columns of `rows` vectors. */
struct columns {
	const float *p;
	size_t pitch;
};

/* Vectors an odd number of lines apart fall into all places of the first cache, and are read where they lie;
 * others are copied into `to`, where they do. */
static struct columns columns_of(const float *from, size_t pitch, size_t rows, size_t n, float *to)
{
	enum { LINE = 16 };
	if (pitch % (2 * LINE) == LINE)
		return (struct columns){from, pitch};
	const size_t apart = nn_round_up(n, 2 * LINE) + LINE;
	for (size_t r = 0; r < rows; r++)
		memcpy(to + r * apart, from + r * pitch, n * sizeof *to);
	return (struct columns){to, apart};
}

static size_t some_inputs(const struct job *j)
{
	enum { PANEL = 32 };
	return fair(j->d.i, j->m > CHUNK ? MANY_INPUTS : FEW_INPUTS, PANEL);
}

static size_t some_outputs(const struct job *j)
{
	return fair(j->d.o, j->m > CHUNK ? MANY_OUTPUTS : FEW_OUTPUTS, 1);
}

/* The gradients of the weights from some inputs to some outputs. */
static void gradient_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	const struct dense d = j->d;
	const size_t across = par_blocks(d.i, some_inputs(j));
	size_t i, o;
	const size_t inputs = par_span(d.i, some_inputs(j), block % across, &i);
	const size_t outputs = par_span(d.o, some_outputs(j), block / across, &o);
	float *x_room = j->io->thread_work + thread * j->io->thread_stride;
	float *dy_room = x_room + (size_t)CHUNK * (MANY_INPUTS + APART);
	for (size_t at = 0; at < j->m; at += CHUNK) {
		const size_t rows = nn_clamp(j->m - at, 1, CHUNK);
		const struct columns x = columns_of(j->x + at * d.i + i, d.i, rows, inputs, x_room);
		const struct columns dy =
			columns_of(j->dy + at * d.o + o, d.o, rows, outputs, dy_room);
		const struct simd_dense some = {rows, inputs, outputs, x.pitch, dy.pitch, d.i};
		simd()->dense_weights(&some, x.p, dy.p, j->to + o * d.i + i);
	}
}

void dense_gradient(const struct nn_io *io, struct dense d, size_t m, const float *x,
	const float *dy, float *dw)
{
	struct job j = {.io = io, .d = d, .x = x, .dy = dy, .to = dw, .m = m};
	par_for(io->run->par, par_blocks(d.i, some_inputs(&j)) * par_blocks(d.o, some_outputs(&j)),
		gradient_block, &j);
}
