/*
 * convolve_small: maps so small that most of the window hangs over their border at every place, as 3x3 on
 * the 2x2 maps at the end of a VGG (16 of 36 products are of something). Each place has weights of its
 * own, those of the window's places inside the picture, and is a product of these with the same places of
 * all rows: no zeros are multiplied, no border is copied, and weights are read from afar once for many
 * rows. So are the places of dx from those of dy, and the gradient at each place of the window is that of
 * the pairs of places which meet there.
 */
#include "convolve.h"

#include <string.h>

enum { MOST_TAPS = 64 };
/* Of a block: weights are read from afar once for them. */
enum { ROWS_AT_ONCE = 56 };
/* It pays for so many to read more weights from afar, or to pack them, which training does every step. */
enum { ENOUGH_ROWS = 16, FEW_ROWS = 4 };
/* Floats; rows a power of two apart would meet in the cache. */
enum { APART = 16 };

/* Whether place x of the picture is in the window at place y, and which place of the window it is then. */
static bool meet(const struct window *v, size_t x, size_t y, size_t *t)
{
	const size_t top = y / v->ow * v->sh, left = y % v->ow * v->sw;
	const size_t i = x / v->w + v->ph - top, j = x % v->w + v->pw - left; /* wrap before it */
	*t = i / v->dh * v->kw + j / v->dw;
	return i % v->dh == 0 && i / v->dh < v->kh && j % v->dw == 0 && j / v->dw < v->kw;
}

/* One direction: places of `outputs` each, which are sums over those of `inputs`. */
struct direction {
	const struct convolve *c;
	bool backward;
	size_t places, from_places, inputs, outputs;
};

static struct direction direction_of(const struct convolve *c, bool backward)
{
	const size_t x = c->v.h * c->v.w, y = c->v.oh * c->v.ow;
	return backward ? (struct direction){c, true, x, y, c->outputs, c->v.c}
			: (struct direction){c, false, y, x, c->v.c, c->outputs};
}

/* As the kernels want them: floats to each, in a row of what is summed and in the weights. */
struct taps {
	size_t n, from[MOST_TAPS], weight[MOST_TAPS];
};

static void list_taps(const struct direction *d, size_t place, struct taps *to)
{
	size_t t;
	to->n = 0;
	for (size_t k = 0; k < d->from_places; k++)
		if (meet(&d->c->v, d->backward ? place : k, d->backward ? k : place, &t)) {
			to->from[to->n] = k * d->inputs;
			to->weight[to->n++] = d->c->place_weight[t];
		}
}

/* Those of the places before this one. */
static size_t taps_before(const struct direction *d, size_t place)
{
	struct taps taps;
	size_t n = 0;
	while (place-- > 0) {
		list_taps(d, place, &taps);
		n += taps.n;
	}
	return n;
}

static size_t floats_of_tap(const struct direction *d)
{
	return d->inputs * nn_round_up(d->outputs, simd()->width);
}

/* There is one size limit for both directions, so that there are at most MOST_TAPS for a place of either. */
bool convolve_has_small_map(const struct convolve *c)
{
	const size_t window = c->v.kh * c->v.kw, places = c->v.oh * c->v.ow;
	if (c->groups != 1 || window > MOST_TAPS || places > window)
		return false;
	const struct direction forward = direction_of(c, false);
	return 8 * taps_before(&forward, places) <= 5 * window * places;
}

bool convolve_is_small(const struct nn_io *io, bool fixed)
{
	const struct convolve *c = io->node->conf;
	return convolve_has_small_map(c)
	       && (io->most >= (fixed ? ENOUGH_ROWS : FEW_ROWS)
		       || (fixed && convolve_small_floats(c, false) <= SIMD_NEAR));
}

size_t convolve_small_floats(const struct convolve *c, bool backward)
{
	const struct direction d = direction_of(c, backward);
	return taps_before(&d, d.places) * floats_of_tap(&d);
}

/* ---- y, and dx ----------------------------------------------------------------------- */

struct job {
	struct direction of;
	const struct nn_io *io;
	const struct convolve_data *d;
	const float *packed;
	const float *w, *scale; /* what is to be packed, */
	float *to;              /* and where */
	float *x, *dy;          /* gradient: copies, place by place */
};

/* The weights of one place. */
static void pack_block(void *context, size_t place, unsigned thread)
{
	(void)thread;
	const struct job *j = context;
	const size_t outputs = j->of.c->outputs;
	struct taps taps;
	list_taps(&j->of, place, &taps);
	const struct simd_weights weights = {.w = j->w,
		.taps = taps.n,
		.run = j->of.inputs,
		.tap = taps.weight,
		.run_step = j->of.backward ? 1 : outputs,
		.output_step = j->of.backward ? outputs : 1,
		.outputs = j->of.outputs,
		.scale = j->scale};
	simd()->conv_pack(&weights, j->to + taps_before(&j->of, place) * floats_of_tap(&j->of));
}

void convolve_small_pack(
	const struct nn_io *io, bool backward, const float *w, const float *scale, float *to)
{
	struct job j = {
		.of = direction_of(io->node->conf, backward), .w = w, .scale = scale, .to = to};
	par_for(io->run->par, j.of.places, pack_block, &j);
}

/* One place in some rows. */
static void run_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	const struct direction *o = &j->of;
	const size_t p = block % o->places;
	const size_t from_row = o->from_places * o->inputs, to_row = o->places * o->outputs;
	struct taps taps;
	size_t first;
	const size_t n = par_span(j->d->rows, ROWS_AT_ONCE, block / o->places, &first);
	(void)thread;
	list_taps(o, p, &taps);
	const size_t at = first * to_row + p * o->outputs;
	const struct simd_tail *tail = &j->d->tail;
	const struct simd_conv view = {.taps = taps.n,
		.run = o->inputs,
		.tap = taps.from,
		.outputs = o->outputs,
		.rows = 1,
		.columns = n,
		.x_column = from_row,
		.y_column = to_row,
		.w = j->packed + taps_before(o, p) * floats_of_tap(o),
		.tail = {tail->bias, tail->plus ? tail->plus + at : NULL, tail->relu}};
	simd()->conv(&view, (o->backward ? j->d->dy : j->d->x) + first * from_row, j->d->to + at);
}

void convolve_small_run(
	const struct nn_io *io, bool backward, const struct convolve_data *d, const float *packed)
{
	struct job j = {.of = direction_of(io->node->conf, backward), .d = d, .packed = packed};
	const size_t blocks = (d->rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE;
	par_for(io->run->par, blocks * j.of.places, run_block, &j);
}

/* ---- the gradient of the weights ----------------------------------------------------- */

enum { PANELS = 2 }; /* registers of outputs that one block takes */

static size_t panel(void)
{
	return PANELS * simd()->width;
}

/* From row to row of a place's copy. Kernels read whole panels. */
static size_t pitch(size_t channels)
{
	return nn_round_up(channels, panel()) + APART;
}

size_t convolve_small_gradient_row(const struct convolve *c)
{
	return c->v.h * c->v.w * pitch(c->v.c) + c->v.oh * c->v.ow * pitch(c->outputs);
}

size_t convolve_small_gradient_thread(const struct convolve *c)
{
	return c->inputs * panel();
}

static void copy_place(const float *from, size_t rows, size_t row, size_t channels, float *to)
{
	for (size_t r = 0; r < rows; r++)
		memcpy(to + r * pitch(channels), from + r * row, channels * sizeof *to);
}

/* A place of x, or behind them of dy, of all rows. */
static void copy_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct job *j = context;
	const struct convolve *c = j->of.c;
	const size_t rows = j->d->rows, o = c->outputs;
	const size_t places = c->v.h * c->v.w, y_places = c->v.oh * c->v.ow;
	if (block < places)
		copy_place(j->d->x + block * c->v.c, rows, places * c->v.c, c->v.c,
			j->x + block * rows * pitch(c->v.c));
	else
		copy_place(j->d->dy + (block - places) * o, rows, y_places * o, o,
			j->dy + (block - places) * rows * pitch(o));
}

/* One panel of outputs at one place of the window: the sum over all pairs that meet there. */
static void gradient_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	const struct convolve *c = j->of.c;
	const size_t panels = nn_round_up(c->outputs, panel()) / panel();
	const size_t t = block / panels, first = block % panels * panel();
	const size_t outputs = nn_clamp(c->outputs - first, 1, panel());
	static const size_t tap = 0;
	const struct simd_conv view = {.taps = 1,
		.run = c->inputs,
		.tap = &tap,
		.outputs = outputs,
		.rows = 1,
		.columns = j->d->rows,
		.x_column = pitch(c->v.c),
		.y_column = pitch(c->outputs)};
	float *sum = j->io->thread_work + thread * j->io->thread_stride;
	memset(sum, 0, c->inputs * panel() * sizeof *sum);
	size_t at;
	for (size_t y = 0; y < c->v.oh * c->v.ow; y++)
		for (size_t x = 0; x < c->v.h * c->v.w; x++)
			if (meet(&c->v, x, y, &at) && at == t)
				simd()->conv_weights(&view, j->x + x * j->d->rows * view.x_column,
					j->dy + y * j->d->rows * view.y_column + first, sum);
	const struct simd_weights weights = {.taps = 1,
		.run = c->inputs,
		.tap = &c->place_weight[t],
		.run_step = c->outputs,
		.output_step = 1,
		.outputs = outputs};
	simd()->conv_unpack_add(&weights, sum, j->d->dw + first);
}

void convolve_small_gradient(const struct nn_io *io, const struct convolve_data *d)
{
	const struct convolve *c = io->node->conf;
	const size_t panels = nn_round_up(c->outputs, panel()) / panel();
	struct job j = {.of = direction_of(c, false), .io = io, .d = d, .x = io->work};
	j.dy = j.x + c->v.h * c->v.w * d->rows * pitch(c->v.c);
	par_for(io->run->par, c->v.h * c->v.w + c->v.oh * c->v.ow, copy_block, &j);
	par_for(io->run->par, c->v.kh * c->v.kw * panels, gradient_block, &j);
}
