/* winograd: convolutions by tiles (see winograd.h). */
#include "winograd.h"

#include <string.h>

enum { TILE = 4, INPUT = 6 };
enum { LEAST = 16 };             /* channels below which transforms cost more than they save */
enum { WEIGHTS_AT_ONCE = 16 };   /* rows of weights transformed by one block of work */
enum { LEAST_TILES = 8 };        /* of a block: they share the reading of the weights */
enum { TILES_AT_ONCE = 32 };     /* tiles transformed by one block of work of the gradient */
enum { BLOCK_FLOATS = 200000 };  /* of a block's tiles: they stay in the second cache */
enum { CHUNK_FLOATS = 1 << 21 }; /* of a chunk's tiles: they stay in the third */
enum { LINE = 16 }; /* floats; positions a power of two apart would meet in the cache */

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
	m.packed = m.c * m.o_step + LINE;
	const size_t weights = WINOGRAD_POSITIONS * m.packed;
	m.block = nn_clamp(nn_most(BLOCK_FLOATS, weights / 4) / both, 28, 112);
	m.chunk = nn_clamp(nn_most(CHUNK_FLOATS, weights / 2) / both, 64, 1024);
	m.share = weights / 2 > CHUNK_FLOATS ? nn_round_up(m.c / 2, width) : m.c;
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

/* Floats from position to position of n tiles of `step` floats. */
static size_t position_step(size_t n, size_t step)
{
	return n * step + LINE;
}

size_t winograd_work(const struct winograd *m)
{
	return WINOGRAD_POSITIONS * m->packed;
}

/* Transformed tiles, their products, a vector of zeros and one to be thrown away. */
size_t winograd_thread_work(const struct winograd *m)
{
	return WINOGRAD_POSITIONS
		       * (position_step(m->block, m->c_step) + position_step(m->block, m->o_step))
	       + m->c_step + m->o_step;
}

/* The map of at most m->share inputs from `first` on: the gradients of all weights and their tiles would
 * take more than the weights of a map, and would not stay in a cache. */
static struct winograd share_of(const struct winograd *m, size_t first)
{
	struct winograd part = *m;
	part.c = m->c - first < m->share ? m->c - first : m->share;
	part.c_step = nn_round_up(part.c, simd()->width);
	part.packed = part.c * m->o_step + LINE;
	return part;
}

size_t winograd_gradient_work(const struct winograd *m)
{
	const struct winograd part = share_of(m, 0);
	return WINOGRAD_POSITIONS
	       * (part.packed + position_step(m->chunk, part.c_step)
		       + position_step(m->chunk, m->o_step));
}

size_t winograd_gradient_thread_work(const struct winograd *m)
{
	return nn_most(m->c_step, m->o_step);
}

/* ---- tiles ------------------------------------------------------------------------- */

/* A side of a map: pictures, channels last. */
struct side {
	long h, w;
	size_t c;
};

static struct side input_side(const struct winograd *m)
{
	return (struct side){(long)m->h, (long)m->w, m->pitch};
}

static struct side output_side(const struct winograd *m)
{
	return (struct side){(long)m->oh, (long)m->ow, m->o};
}

/* Tile n: its picture, and its first output. */
struct tile {
	size_t picture;
	long y, x;
};

static struct tile tile_at(const struct winograd *m, size_t n)
{
	const size_t each = m->down * m->across, in = n % each;
	return (struct tile){
		n / each, (long)(in / m->across * TILE), (long)(in % m->across * TILE)};
}

/* Floats to place (y, x) of a picture; GRAPH_NONE outside. */
static inline size_t place_of(const struct side *s, size_t picture, long y, long x)
{
	if (y < 0 || y >= s->h || x < 0 || x >= s->w)
		return GRAPH_NONE;
	return (size_t)(((long)picture * s->h + y) * s->w + x) * s->c;
}

/* The size x size places of `from` from tile t's first on. */
static void read_places(const struct side *s, const struct tile *t, long size, const float *from,
	const float *zeros, const float **place)
{
	for (long y = t->y; y < t->y + size; y++)
		for (long x = t->x; x < t->x + size; x++) {
			const size_t at = place_of(s, t->picture, y, x);
			*place++ = at == GRAPH_NONE ? zeros : from + at;
		}
}

/* The places that tile t writes in `to`. */
static void write_places(
	const struct side *s, const struct tile *t, float *to, float *nowhere, float **place)
{
	for (long y = t->y; y < t->y + TILE; y++)
		for (long x = t->x; x < t->x + TILE; x++) {
			const size_t at = place_of(s, t->picture, y, x);
			*place++ = at == GRAPH_NONE ? nowhere : to + at;
		}
}

/* Tiles first..first+n of x, transformed; `step` floats from position to position. */
static void transform_inputs(const struct winograd *m, size_t first, size_t n, const float *x,
	const float *zeros, float *to, size_t step)
{
	const struct side s = input_side(m);
	const float *place[WINOGRAD_POSITIONS];
	for (size_t i = first; i < first + n; i++, to += m->c_step) {
		struct tile t = tile_at(m, i);
		t.y -= (long)m->ph;
		t.x -= (long)m->pw;
		read_places(&s, &t, INPUT, x, zeros, place);
		simd()->winograd_input(place, m->c, to, step);
	}
}

static void transform_gradients(const struct winograd *m, size_t first, size_t n, const float *dy,
	const float *zeros, float *to, size_t step)
{
	const struct side s = output_side(m);
	const float *place[TILE * TILE];
	for (size_t i = first; i < first + n; i++, to += m->o_step) {
		const struct tile t = tile_at(m, i);
		read_places(&s, &t, TILE, dy, zeros, place);
		simd()->winograd_gradient(place, m->o, to, step);
	}
}

/* ---- a map ------------------------------------------------------------------------- */

/* One call, for the blocks of par_for. */
struct job {
	const struct winograd *m;
	const struct nn_io *io;
	const struct simd_weights *weights;
	const float *x, *dy;
	const struct simd_tail *tail;
	float *y, *dw;
	size_t tiles;        /* of all pictures, */
	size_t each;         /* of a block */
	const float *packed; /* the 36 matrices, */
	float *into;         /* or where they or their gradients are made */
	size_t first, n;     /* the chunk of tiles in hand */
	float *in, *out;     /* its tiles of x and of dy */
	size_t in_step, out_step;
};

static size_t blocks_of(size_t n, size_t size)
{
	return (n + size - 1) / size;
}

static void pack_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct job *j = context;
	size_t first;
	const size_t n = par_span(j->m->c, WEIGHTS_AT_ONCE, block, &first);
	simd()->winograd_pack(j->weights, first, n, j->into, j->m->packed);
}

/* The kernel's view of n tiles at one position: places in a row, their window one place. */
static struct simd_conv view_of(const struct winograd *m, size_t n, const float *w)
{
	static const size_t tap = 0;
	return (struct simd_conv){.taps = 1,
		.run = m->c,
		.tap = &tap,
		.outputs = m->o_step,
		.rows = 1,
		.columns = n,
		.x_column = m->c_step,
		.y_column = m->o_step,
		.w = w};
}

static void put_outputs(
	const struct job *j, size_t first, size_t n, const float *from, size_t step, float *nowhere)
{
	const struct side s = output_side(j->m);
	const float *const plus = j->tail->plus;
	float *place[TILE * TILE];
	const float *add[TILE * TILE];
	for (size_t i = first; i < first + n; i++, from += j->m->o_step) {
		const struct tile t = tile_at(j->m, i);
		write_places(&s, &t, j->y, nowhere, place);
		if (plus)
			read_places(&s, &t, TILE, plus, nowhere, add);
		simd()->winograd_output(from, step, j->m->o, j->tail, place, plus ? add : NULL);
	}
}

static void run_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	const struct winograd *m = j->m;
	float *in = j->io->thread_work + thread * j->io->thread_stride;
	const size_t in_step = position_step(m->block, m->c_step);
	const size_t out_step = position_step(m->block, m->o_step);
	float *out = in + WINOGRAD_POSITIONS * in_step;
	float *zeros = out + WINOGRAD_POSITIONS * out_step, *nowhere = zeros + m->c_step;
	size_t first;
	const size_t n = par_span(j->tiles, j->each, block, &first);
	memset(zeros, 0, m->c_step * sizeof *zeros);
	transform_inputs(m, first, n, j->x, zeros, in, in_step);
	for (size_t p = 0; p < WINOGRAD_POSITIONS; p++) {
		const struct simd_conv view = view_of(m, n, j->packed + p * m->packed);
		simd()->conv(&view, in + p * in_step, out + p * out_step);
	}
	put_outputs(j, first, n, out, out_step, nowhere);
}

void winograd_pack(const struct nn_io *io, const struct winograd *m,
	const struct simd_weights *weights, float *packed)
{
	struct job j = {.m = m, .weights = weights, .into = packed};
	par_for(io->run->par, blocks_of(m->c, WEIGHTS_AT_ONCE), pack_block, &j);
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
	const size_t share = blocks_of(j.tiles, par_threads(io->run->par));
	j.each = share < m->block ? nn_most(share, LEAST_TILES) : m->block;
	par_for(io->run->par, blocks_of(j.tiles, j.each), run_block, &j);
}

/* ---- the gradient of the weights ----------------------------------------------------- */

static void transform_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	const struct winograd *m = j->m;
	float *zeros = j->io->thread_work + thread * j->io->thread_stride;
	size_t first;
	const size_t n = par_span(j->n, TILES_AT_ONCE, block, &first), at = j->first + first;
	memset(zeros, 0, winograd_gradient_thread_work(m) * sizeof *zeros);
	transform_inputs(m, at, n, j->x, zeros, j->in + first * m->c_step, j->in_step);
	transform_gradients(m, at, n, j->dy, zeros, j->out + first * m->o_step, j->out_step);
}

/* The chunk's share of one position's gradient. */
static void gradient_block(void *context, size_t position, unsigned thread)
{
	(void)thread;
	const struct job *j = context;
	const struct winograd *m = j->m;
	float *sum = j->into + position * m->packed;
	const struct simd_conv view = view_of(m, j->n, NULL);
	if (j->first == 0)
		memset(sum, 0, m->packed * sizeof *sum);
	simd()->conv_weights(
		&view, j->in + position * j->in_step, j->out + position * j->out_step, sum);
}

static void unpack_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct job *j = context;
	size_t first;
	const size_t n = par_span(j->m->c, WEIGHTS_AT_ONCE, block, &first);
	simd()->winograd_unpack_add(j->weights, first, n, j->into, j->m->packed, j->dw);
}

static void gradient_of_share(const struct nn_io *io, const struct winograd *m,
	const struct simd_weights *weights, size_t rows, const float *x, const float *dy, float *dw)
{
	struct par *par = io->run->par;
	struct job j = {.m = m,
		.io = io,
		.weights = weights,
		.x = x,
		.dy = dy,
		.dw = dw,
		.tiles = rows * m->down * m->across,
		.into = io->work,
		.in_step = position_step(m->chunk, m->c_step),
		.out_step = position_step(m->chunk, m->o_step)};
	j.in = j.into + WINOGRAD_POSITIONS * m->packed;
	j.out = j.in + WINOGRAD_POSITIONS * j.in_step;
	for (; j.first < j.tiles; j.first += m->chunk) {
		j.n = par_span(j.tiles, m->chunk, j.first / m->chunk, &j.first);
		par_for(par, blocks_of(j.n, TILES_AT_ONCE), transform_block, &j);
		par_for(par, WINOGRAD_POSITIONS, gradient_block, &j);
	}
	par_for(par, blocks_of(m->c, WEIGHTS_AT_ONCE), unpack_block, &j);
}

void winograd_gradient(const struct nn_io *io, const struct winograd *m,
	const struct simd_weights *weights, size_t rows, const float *x, const float *dy, float *dw)
{
	for (size_t first = 0; first < m->c; first += m->share) {
		const struct winograd part = share_of(m, first);
		struct simd_weights w = *weights;
		w.run = part.c;
		gradient_of_share(io, &part, &w, rows, x + first, dy, dw + first * w.run_step);
	}
}
