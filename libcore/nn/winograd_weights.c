/*
 * winograd_weights: the gradient of the weights of a convolution by tiles (see winograd.h), in one of two
 * ways, by the size of the weights. Where the gradients of all 36 positions stay in a core's own cache beside
 * some tiles, a block takes tiles of its own through both steps, transform and products, and adds to a
 * sum of its own: nothing passes between cores but these sums. Larger ones are made a chunk of tiles at a
 * time, which all threads transform, and of which each then makes the products of some positions.
 */
#include "winograd_tiles.h"

#include <string.h>

enum { WEIGHTS_AT_ONCE = 16 }; /* rows of weights transformed by one block of work */
enum { TILES_AT_ONCE = 32 };   /* tiles transformed by one block of work */
/* Floats of weights, and of the tiles that are taken at a time: beside them in a core's own cache, in the
 * third. */
enum { OWN_WEIGHTS = 1 << 18, OWN_TILES = 1 << 18, CHUNK_TILES = 1 << 21 };
/* Sums of a gradient, which take about as many floats in all; each of so many tiles that joining it to the
 * others is little beside them. */
enum { LEAST_SUMS = 8, MOST_SUMS = 16, SUMS_FLOATS = 5 << 16, TILES_A_SUM = 128 };

void winograd_plan_gradient(struct winograd *m)
{
	const size_t width = simd()->width, weights = winograd_work(m);
	const size_t both = WINOGRAD_POSITIONS * (m->c_step + m->o_step);
	m->share = m->c;
	if (weights <= OWN_WEIGHTS) {
		m->sums = nn_clamp(SUMS_FLOATS / weights, LEAST_SUMS, MOST_SUMS);
		m->chunk = nn_clamp(OWN_TILES / both, 28, 256);
		return;
	}
	m->sums = 0;
	m->chunk = nn_clamp(nn_most(CHUNK_TILES, weights / 2) / both, 64, 1024);
	if (weights / 2 > CHUNK_TILES)
		m->share = nn_round_up(m->c / 2, width);
}

/* The map of at most m->share inputs from `first` on: the gradients of all weights and their tiles would
 * take more than the weights of a map, and would not stay in a cache. */
static struct winograd share_of(const struct winograd *m, size_t first)
{
	struct winograd part = *m;
	part.c = m->c - first < m->share ? m->c - first : m->share;
	part.c_step = nn_round_up(part.c, simd()->width);
	part.packed = part.c * m->o_step + WINOGRAD_LINE;
	return part;
}

/* Floats of a chunk's tiles, of x and of dy. */
static size_t tiles_floats(const struct winograd *m)
{
	return WINOGRAD_POSITIONS
	       * (winograd_step(m->chunk, m->c_step) + winograd_step(m->chunk, m->o_step));
}

size_t winograd_gradient_work(const struct winograd *m)
{
	const struct winograd part = share_of(m, 0);
	return m->sums ? m->sums * winograd_work(m) : winograd_work(&part) + tiles_floats(&part);
}

size_t winograd_gradient_thread_work(const struct winograd *m)
{
	return nn_most(m->c_step, m->o_step) + (m->sums ? tiles_floats(m) : 0);
}

/* One call, for the blocks of par_for. */
struct job {
	const struct winograd *m;
	const struct nn_io *io;
	const struct simd_weights *weights;
	const float *x, *dy;
	float *dw;
	size_t tiles, each; /* of all pictures, of a sum */
	float *into;        /* gradients of the 36 matrices: one sum, or several */
	size_t first, n;    /* the chunk of tiles in hand */
	float *in, *out;    /* its tiles of x and of dy */
	size_t in_step, out_step;
};

/* A vector of zeros at the beginning of a thread's work. */
static float *zeros_of(const struct job *j, unsigned thread)
{
	float *zeros = j->io->thread_work + thread * j->io->thread_stride;
	memset(zeros, 0, nn_most(j->m->c_step, j->m->o_step) * sizeof *zeros);
	return zeros;
}

static void unpack_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct job *j = context;
	size_t first;
	const size_t n = par_span(j->m->c, WEIGHTS_AT_ONCE, block, &first);
	simd()->winograd_unpack_add(j->weights, first, n, j->into, j->m->packed, j->dw);
}

static void unpack(struct job *j)
{
	par_for(j->io->run->par, par_blocks(j->m->c, WEIGHTS_AT_ONCE), unpack_block, j);
}

/* ---- a sum a block ------------------------------------------------------------------- */

static void sum_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	const struct winograd *m = j->m;
	float *const zeros = zeros_of(j, thread), *in = zeros + nn_most(m->c_step, m->o_step),
		     *out = in + WINOGRAD_POSITIONS * j->in_step,
		     *sum = j->into + block * winograd_work(m);
	size_t first;
	const size_t all = par_span(j->tiles, j->each, block, &first);
	memset(sum, 0, winograd_work(m) * sizeof *sum);
	for (size_t at = 0; at < all; at += m->chunk) {
		const size_t n = nn_clamp(all - at, 1, m->chunk);
		const struct simd_conv view = winograd_view(m, n, NULL);
		winograd_take_inputs(m, first + at, n, j->x, zeros, in, j->in_step);
		winograd_take_gradients(m, first + at, n, j->dy, zeros, out, j->out_step);
		for (size_t p = 0; p < WINOGRAD_POSITIONS; p++)
			simd()->conv_weights(&view, in + p * j->in_step, out + p * j->out_step,
				sum + p * m->packed);
	}
}

static void gradient_by_sums(struct job *j)
{
	j->each = nn_most(par_blocks(j->tiles, j->m->sums), TILES_A_SUM);
	const size_t sums = par_blocks(j->tiles, j->each);
	par_for(j->io->run->par, sums, sum_block, j);
	nn_join_sums(j->io, j->into, sums, winograd_work(j->m));
	unpack(j);
}

/* ---- a position a block -------------------------------------------------------------- */

static void transform_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	const struct winograd *m = j->m;
	const float *zeros = zeros_of(j, thread);
	size_t first;
	const size_t n = par_span(j->n, TILES_AT_ONCE, block, &first), at = j->first + first;
	winograd_take_inputs(m, at, n, j->x, zeros, j->in + first * m->c_step, j->in_step);
	winograd_take_gradients(m, at, n, j->dy, zeros, j->out + first * m->o_step, j->out_step);
}

/* The chunk's share of one position's gradient. */
static void position_block(void *context, size_t position, unsigned thread)
{
	(void)thread;
	const struct job *j = context;
	const struct winograd *m = j->m;
	float *sum = j->into + position * m->packed;
	const struct simd_conv view = winograd_view(m, j->n, NULL);
	if (j->first == 0)
		memset(sum, 0, m->packed * sizeof *sum);
	simd()->conv_weights(
		&view, j->in + position * j->in_step, j->out + position * j->out_step, sum);
}

static void gradient_by_positions(struct job *j)
{
	struct par *par = j->io->run->par;
	const size_t chunk = j->m->chunk;
	j->in = j->into + winograd_work(j->m);
	j->out = j->in + WINOGRAD_POSITIONS * j->in_step;
	for (; j->first < j->tiles; j->first += chunk) {
		j->n = par_span(j->tiles, chunk, j->first / chunk, &j->first);
		par_for(par, par_blocks(j->n, TILES_AT_ONCE), transform_block, j);
		par_for(par, WINOGRAD_POSITIONS, position_block, j);
	}
	unpack(j);
}

void winograd_gradient(const struct nn_io *io, const struct winograd *m,
	const struct simd_weights *weights, size_t rows, const float *x, const float *dy, float *dw)
{
	for (size_t first = 0; first < m->c; first += m->share) {
		const struct winograd part = share_of(m, first);
		struct simd_weights w = *weights;
		w.run = part.c;
		struct job j = {.m = &part,
			.io = io,
			.weights = &w,
			.x = x + first,
			.dy = dy,
			.dw = dw + first * w.run_step,
			.tiles = rows * m->down * m->across,
			.into = io->work,
			.in_step = winograd_step(m->chunk, part.c_step),
			.out_step = winograd_step(m->chunk, m->o_step)};
		if (m->sums)
			gradient_by_sums(&j);
		else
			gradient_by_positions(&j);
	}
}
