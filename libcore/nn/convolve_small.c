/*
 * convolve_small: maps so small that most of the window hangs over their border at every place, as 3x3 on
 * the 2x2 maps at the end of a VGG (16 of 36 products are of something). In a fixed plan each place of y
 * has weights of its own, those of the window's places inside the picture, and is a product of these
 * with the same places of all rows: no zeros are multiplied, no border is copied.
 */
#include "convolve.h"

enum { MOST_TAPS = 64 };
enum { ROWS_AT_ONCE = 56 };     /* of a block: weights are read from afar once for them */
enum { ENOUGH_ROWS = 16 };      /* for which it pays to read more weights than there are */
enum { NEAR_FLOATS = 1 << 18 }; /* unless these are near */

struct place {
	size_t taps, x[MOST_TAPS],
		weight[MOST_TAPS]; /* floats to each in a row, and in the weights */
};

/* The window's places inside the picture at place p of y. */
static struct place place_at(const struct convolve *c, size_t p)
{
	const struct window *v = &c->v;
	const size_t y = p / v->ow, x = p % v->ow;
	struct place to = {0};
	size_t top, bottom, left, right;
	window_inside(y, v->sh, v->ph, v->kh, v->dh, v->h, &top, &bottom);
	window_inside(x, v->sw, v->pw, v->kw, v->dw, v->w, &left, &right);
	for (size_t i = top; i < bottom; i++)
		for (size_t j = left; j < right; j++, to.taps++) {
			const size_t row = y * v->sh + i * v->dh - v->ph;
			const size_t column = x * v->sw + j * v->dw - v->pw;
			to.x[to.taps] = (row * v->w + column) * v->c;
			to.weight[to.taps] = c->place_weight[i * v->kw + j];
		}
	return to;
}

static size_t all_taps(const struct convolve *c)
{
	size_t n = 0;
	for (size_t p = 0; p < c->v.oh * c->v.ow; p++)
		n += place_at(c, p).taps;
	return n;
}

static size_t floats_of_tap(const struct convolve *c)
{
	return c->inputs * nn_round_up(c->outputs, simd()->width);
}

bool convolve_is_small(const struct nn_io *io)
{
	const struct convolve *c = io->node->conf;
	const size_t window = c->v.kh * c->v.kw, places = c->v.oh * c->v.ow;
	if (c->groups != 1 || window > MOST_TAPS || places > window)
		return false;
	const size_t taps = all_taps(c);
	return 8 * taps <= 5 * window * places
	       && (io->most >= ENOUGH_ROWS || taps * floats_of_tap(c) <= NEAR_FLOATS);
}

size_t convolve_small_floats(const struct convolve *c)
{
	return all_taps(c) * floats_of_tap(c);
}

void convolve_small_pack(const struct nn_io *io, const float *w, const float *scale, float *to)
{
	const struct convolve *c = io->node->conf;
	for (size_t p = 0; p < c->v.oh * c->v.ow; p++) {
		const struct place place = place_at(c, p);
		const struct simd_weights weights = {.w = w,
			.taps = place.taps,
			.run = c->inputs,
			.tap = place.weight,
			.run_step = c->outputs,
			.output_step = 1,
			.outputs = c->outputs,
			.scale = scale};
		simd()->conv_pack(&weights, to);
		to += place.taps * floats_of_tap(c);
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
	const struct place place = place_at(c, p);
	const float *packed = j->packed;
	size_t first;
	const size_t n = par_span(j->d->rows, ROWS_AT_ONCE, block / places, &first);
	(void)thread;
	for (size_t q = 0; q < p; q++)
		packed += place_at(c, q).taps * floats_of_tap(c);
	const size_t at = first * y_row + p * c->outputs;
	const struct simd_tail *tail = &j->d->tail;
	const struct simd_conv view = {.taps = place.taps,
		.run = c->inputs,
		.tap = place.x,
		.outputs = c->outputs,
		.rows = 1,
		.columns = n,
		.x_column = x_row,
		.y_column = y_row,
		.w = packed,
		.tail = {tail->bias, tail->plus ? tail->plus + at : NULL, tail->relu}};
	simd()->conv(&view, j->d->x + first * x_row, j->d->to + at);
}

void convolve_small_run(const struct nn_io *io, const struct convolve_data *d, const float *packed)
{
	struct job j = {io->node->conf, d, packed};
	const size_t blocks = (d->rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE;
	par_for(io->run->par, blocks * j.c->v.oh * j.c->v.ow, run_block, &j);
}
