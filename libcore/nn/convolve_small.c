/*
 * convolve_small: maps so small that most of the window hangs over their border at every place, as 3x3 on
 * the 2x2 maps at the end of a VGG (16 of 36 products are of something). In a fixed plan each place of y
 * has weights of its own, those of the window's places inside the picture, and is a product of these
 * with the same places of all rows: no zeros are multiplied, no border is copied.
 */
#include "convolve.h"

enum { MOST_TAPS = 64 };
enum { ROWS_AT_ONCE = 56 }; /* of a block: weights are read from afar once for them */
enum {
	ENOUGH_ROWS = 16
}; /* for which it pays to read weights that are not near, and more of them */

/* The window's places inside the picture, at one place of y. */
struct inside {
	size_t y, x, top, bottom, left, right; /* from top to before bottom, left to before right */
};

static struct inside inside_at(const struct window *v, size_t p)
{
	struct inside i = {.y = p / v->ow, .x = p % v->ow};
	window_inside(i.y, v->sh, v->ph, v->kh, v->dh, v->h, &i.top, &i.bottom);
	window_inside(i.x, v->sw, v->pw, v->kw, v->dw, v->w, &i.left, &i.right);
	return i;
}

/* Those of the places of y before p. */
static size_t taps_before(const struct convolve *c, size_t p)
{
	size_t n = 0;
	while (p-- > 0) {
		const struct inside i = inside_at(&c->v, p);
		n += (i.bottom - i.top) * (i.right - i.left);
	}
	return n;
}

static size_t all_taps(const struct convolve *c)
{
	return taps_before(c, c->v.oh * c->v.ow);
}

static size_t floats_of_tap(const struct convolve *c)
{
	return c->inputs * nn_round_up(c->outputs, simd()->width);
}

/* As the kernels want them: floats to each, in a row of x and in the weights. */
struct taps {
	size_t n, x[MOST_TAPS], weight[MOST_TAPS];
};

static void list_taps(const struct convolve *c, size_t p, struct taps *to)
{
	const struct window *v = &c->v;
	const struct inside in = inside_at(v, p);
	to->n = 0;
	for (size_t i = in.top; i < in.bottom; i++)
		for (size_t j = in.left; j < in.right; j++, to->n++) {
			const size_t row = in.y * v->sh + i * v->dh - v->ph;
			const size_t column = in.x * v->sw + j * v->dw - v->pw;
			to->x[to->n] = (row * v->w + column) * v->c;
			to->weight[to->n] = c->place_weight[i * v->kw + j];
		}
}

bool convolve_is_small(const struct nn_io *io)
{
	const struct convolve *c = io->node->conf;
	const size_t window = c->v.kh * c->v.kw, places = c->v.oh * c->v.ow;
	if (c->groups != 1 || window > MOST_TAPS || places > window)
		return false;
	const size_t taps = all_taps(c);
	return 8 * taps <= 5 * window * places
	       && (io->most >= ENOUGH_ROWS || taps * floats_of_tap(c) <= SIMD_NEAR);
}

size_t convolve_small_floats(const struct convolve *c)
{
	return all_taps(c) * floats_of_tap(c);
}

void convolve_small_pack(const struct nn_io *io, const float *w, const float *scale, float *to)
{
	const struct convolve *c = io->node->conf;
	struct taps taps;
	for (size_t p = 0; p < c->v.oh * c->v.ow; p++) {
		list_taps(c, p, &taps);
		const struct simd_weights weights = {.w = w,
			.taps = taps.n,
			.run = c->inputs,
			.tap = taps.weight,
			.run_step = c->outputs,
			.output_step = 1,
			.outputs = c->outputs,
			.scale = scale};
		simd()->conv_pack(&weights, to);
		to += taps.n * floats_of_tap(c);
	}
}

struct job {
	const struct convolve *c;
	const struct convolve_data *d;
	const float *packed;
};

/* One place of y in some rows. */
static void run_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	const struct convolve *c = j->c;
	const size_t places = c->v.oh * c->v.ow, p = block % places;
	const size_t x_row = c->v.h * c->v.w * c->v.c, y_row = places * c->outputs;
	struct taps taps;
	size_t first;
	const size_t n = par_span(j->d->rows, ROWS_AT_ONCE, block / places, &first);
	(void)thread;
	list_taps(c, p, &taps);
	const size_t at = first * y_row + p * c->outputs;
	const struct simd_tail *tail = &j->d->tail;
	const struct simd_conv view = {.taps = taps.n,
		.run = c->inputs,
		.tap = taps.x,
		.outputs = c->outputs,
		.rows = 1,
		.columns = n,
		.x_column = x_row,
		.y_column = y_row,
		.w = j->packed + taps_before(c, p) * floats_of_tap(c),
		.tail = {tail->bias, tail->plus ? tail->plus + at : NULL, tail->relu}};
	simd()->conv(&view, j->d->x + first * x_row, j->d->to + at);
}

void convolve_small_run(const struct nn_io *io, const struct convolve_data *d, const float *packed)
{
	struct job j = {io->node->conf, d, packed};
	const size_t blocks = (d->rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE;
	par_for(io->run->par, blocks * j.c->v.oh * j.c->v.ow, run_block, &j);
}
