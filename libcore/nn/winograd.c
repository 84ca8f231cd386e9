/* winograd: convolutions by tiles (see winograd.h); the gradient of their weights: winograd_weights.c. */
#include "winograd_tiles.h"

#include <string.h>

enum { TILE = 4 };
enum { LEAST = 16 };            /* channels below which transforms cost more than they save */
enum { WEIGHTS_AT_ONCE = 16 };  /* rows of weights transformed by one block of work */
enum { LEAST_TILES = 8 };       /* of a block: they share the reading of the weights */
enum { BLOCK_FLOATS = 200000 }; /* of a block's tiles: they stay in the second cache */

bool winograd_fits(const struct window *v, size_t outputs, size_t groups)
{
	return v->kh == 3 && v->kw == 3 && v->sh == 1 && v->sw == 1 && v->dh == 1 && v->dw == 1
	       && v->ph <= 2 && v->pw <= 2 && groups == 1 && v->c >= LEAST && outputs >= LEAST
	       && v->oh > 2 && v->ow > 2;
}

static struct winograd make_map(struct winograd m)
{
	const size_t width = simd()->width;
	m.down = (m.oh + TILE - 1) / TILE;
	m.across = (m.ow + TILE - 1) / TILE;
	m.c_step = nn_round_up(m.c, width);
	m.o_step = nn_round_up(m.o, width);
	const size_t both = WINOGRAD_POSITIONS * (m.c_step + m.o_step);
	m.pitch = m.c;
	m.packed = m.c * m.o_step + WINOGRAD_LINE;
	m.block = nn_clamp(nn_most(BLOCK_FLOATS, winograd_work(&m) / 4) / both, 28, 112);
	winograd_plan_gradient(&m);
	return m;
}

struct winograd winograd_forward_map(const struct window *v, size_t outputs)
{
	return make_map((struct winograd){.h = v->h,
		.w = v->w,
		.c = v->c,
		.oh = v->oh,
		.ow = v->ow,
		.o = outputs,
		.ph = v->ph,
		.pw = v->pw});
}

struct winograd winograd_backward_map(const struct window *v, size_t outputs)
{
	return make_map((struct winograd){.h = v->oh,
		.w = v->ow,
		.c = outputs,
		.oh = v->h,
		.ow = v->w,
		.o = v->c,
		.ph = 2 - v->ph,
		.pw = 2 - v->pw});
}

size_t winograd_work(const struct winograd *m)
{
	return WINOGRAD_POSITIONS * m->packed;
}

/* Transformed tiles, their products, a vector of zeros and one to be thrown away. */
size_t winograd_thread_work(const struct winograd *m)
{
	return WINOGRAD_POSITIONS
		       * (winograd_step(m->block, m->c_step) + winograd_step(m->block, m->o_step))
	       + m->c_step + m->o_step;
}

/* One call, for the blocks of par_for. */
struct job {
	const struct winograd *m;
	const struct nn_io *io;
	const struct simd_weights *weights;
	const struct simd_tail *tail;
	const float *x;
	float *y;
	size_t tiles, each;  /* of all pictures, of a block */
	const float *packed; /* the 36 matrices, */
	float *into;         /* or where they are made */
};

static void pack_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct job *j = context;
	size_t first;
	const size_t n = par_span(j->m->c, WEIGHTS_AT_ONCE, block, &first);
	simd()->winograd_pack(j->weights, first, n, j->into, j->m->packed);
}

static void run_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	const struct winograd *m = j->m;
	float *in = j->io->thread_work + thread * j->io->thread_stride;
	const size_t in_step = winograd_step(m->block, m->c_step);
	const size_t out_step = winograd_step(m->block, m->o_step);
	float *out = in + WINOGRAD_POSITIONS * in_step;
	float *zeros = out + WINOGRAD_POSITIONS * out_step, *nowhere = zeros + m->c_step;
	size_t first;
	const size_t n = par_span(j->tiles, j->each, block, &first);
	memset(zeros, 0, m->c_step * sizeof *zeros);
	winograd_take_inputs(m, first, n, j->x, zeros, in, in_step);
	for (size_t p = 0; p < WINOGRAD_POSITIONS; p++) {
		const struct simd_conv view = winograd_view(m, n, j->packed + p * m->packed);
		simd()->conv(&view, in + p * in_step, out + p * out_step);
	}
	winograd_put_outputs(m, first, n, out, out_step, j->tail, nowhere, j->y);
}

void winograd_pack(const struct nn_io *io, const struct winograd *m,
	const struct simd_weights *weights, float *packed)
{
	struct job j = {.m = m, .weights = weights, .into = packed};
	par_for(io->run->par, par_blocks(m->c, WEIGHTS_AT_ONCE), pack_block, &j);
}

void winograd_run(const struct nn_io *io, const struct winograd *m, const float *packed,
	size_t rows, const float *x, const struct simd_tail *tail, float *y)
{
	struct job j = {.m = m,
		.io = io,
		.x = x,
		.tail = tail,
		.y = y,
		.tiles = rows * m->down * m->across,
		.packed = packed};
	/* Few tiles are cut by the threads, which changes no sum: each is one tile's. */
	const size_t share = par_blocks(j.tiles, par_threads(io->run->par));
	j.each = share < m->block ? nn_most(share, LEAST_TILES) : m->block;
	par_for(io->run->par, par_blocks(j.tiles, j.each), run_block, &j);
}
