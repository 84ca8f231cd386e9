/*
 * conv_spread: convolutions whose results have few channels, from the other side. Each place of x has a
 * window of y to add to, and a row of that window is one run of floats, however few channels a place has:
 * registers are full where simd/conv.c, with the channels of one place in its lanes, would leave most of
 * them empty, and no zeros around x are multiplied. A tile keeps P places x V registers of their windows
 * over all inputs, then adds them to memory, place by place.
 *
 * Packed weights: the window's registers (rows from above, the last register of each filled up with zeros)
 * in parts of nearly equal size, each [inputs][registers of the part]: inputs x down x run floats, run rounded up
 * to whole registers.
 */
#include "vmath.h"

#if SIMD_WIDTH == 16
enum { MOST = 12 }; /* registers of a part: with P places' there are 32 */
#else
enum { MOST = 4 }; /* there are 16 */
#endif

/* A part of the window: floats from the window's first to each register, and how many of it count. */
struct part {
	size_t n, at[MOST], lanes[MOST];
};

static size_t across(const struct simd_spread *s)
{
	return (s->run + SIMD_WIDTH - 1) / SIMD_WIDTH;
}

/* The part that begins at a register. */
static void list_part(const struct simd_spread *s, size_t first, struct part *p)
{
	const size_t n = across(s), left = s->down * n - first, parts = (left + MOST - 1) / MOST;
	p->n = (left + parts - 1) / parts;
	for (size_t i = 0; i < p->n; i++) {
		const size_t line = (first + i) / n, at = (first + i) % n * SIMD_WIDTH;
		p->at[i] = line * s->y_down + at;
		p->lanes[i] = s->run - at < SIMD_WIDTH ? s->run - at : SIMD_WIDTH;
	}
}

/* Weight w[row][float of the run][input], times scale[float modulo channels] (NULL: as it is). */
void KERNEL(conv_spread_pack)(
	const struct simd_spread *s, const float *w, const float *scale, float *to)
{
	struct part p;
	const size_t n = across(s);
	for (size_t first = 0; first < s->down * n; first += p.n) {
		list_part(s, first, &p);
		for (size_t i = 0; i < s->inputs; i++)
			for (size_t v = 0; v < p.n; v++, to += SIMD_WIDTH) {
				const size_t at = (first + v) % n * SIMD_WIDTH;
				const float *from =
					w + ((first + v) / n * s->run + at) * s->inputs + i;
				for (size_t k = 0; k < SIMD_WIDTH; k++)
					to[k] = k < p.lanes[v] ? from[k * s->inputs] : 0;
				for (size_t k = 0; scale && k < p.lanes[v]; k++)
					to[k] *= scale[(at + k) % s->channels];
			}
	}
}

static inline __attribute__((always_inline)) void run_tile(const int P, const int V,
	const struct simd_spread *s, const struct part *part, const float *x, const float *w,
	float *y)
{
	vec sum[2 * MOST];
	for (int i = 0; i < P * V; i++)
		sum[i] = (vec){0};
	for (size_t n = s->inputs; n > 0; n--, x++, w += V * SIMD_WIDTH) {
		vec in[8];
#pragma GCC unroll 8
		for (int p = 0; p < P; p++)
			in[p] = vec_all(x[(size_t)p * s->x_column]);
#pragma GCC unroll 12
		for (int v = 0; v < V; v++) {
			const vec wv = vec_load(w + v * SIMD_WIDTH);
#pragma GCC unroll 8
			for (int p = 0; p < P; p++)
				sum[p * V + v] += in[p] * wv;
		}
	}
#pragma GCC unroll 8
	for (int p = 0; p < P; p++)
#pragma GCC unroll 12
		for (int v = 0; v < V; v++)
			vec_put_some(y + (size_t)p * s->y_column + part->at[v], sum[p * V + v],
				part->lanes[v], true);
}

/* Tiles by their constants, so that sums stay in registers. */
typedef void tile_function(const struct simd_spread *s, const struct part *part, const float *x,
	const float *w, float *y);
#define TILE(P, V)                                                                                 \
	static void tile_##P##_##V(const struct simd_spread *s, const struct part *part,           \
		const float *x, const float *w, float *y)                                          \
	{                                                                                          \
		run_tile(P, V, s, part, x, w, y);                                                  \
	}
#define TILES(P, V) TILE(1, V) TILE(P, V)
#define BOTH(P, V)                                                                                 \
	{                                                                                          \
		P,                                                                                 \
		{                                                                                  \
			tile_1_##V, tile_##P##_##V                                                 \
		}                                                                                  \
	}
/* Of V registers: places of a tile, and the tiles of one and of so many. */
struct tiles {
	size_t places;
	tile_function *run[2];
};
#if SIMD_WIDTH == 16
TILES(8, 1)
TILES(8, 2)
TILES(4, 3)
TILES(4, 4)
TILES(4, 5)
TILES(4, 6)
TILES(2, 7)
TILES(2, 8)
TILES(2, 9)
TILES(2, 10)
TILES(2, 11)
TILES(2, 12)
static const struct tiles tiles[MOST] = {BOTH(8, 1), BOTH(8, 2), BOTH(4, 3), BOTH(4, 4), BOTH(4, 5),
	BOTH(4, 6), BOTH(2, 7), BOTH(2, 8), BOTH(2, 9), BOTH(2, 10), BOTH(2, 11), BOTH(2, 12)};
#else
TILES(4, 1)
TILES(4, 2)
TILES(2, 3)
TILES(2, 4)
static const struct tiles tiles[MOST] = {BOTH(4, 1), BOTH(4, 2), BOTH(2, 3), BOTH(2, 4)};
#endif

/* y += the windows of all places. */
void KERNEL(conv_spread)(const struct simd_spread *s, const float *x, float *y)
{
	const float *w = s->w;
	struct part p;
	for (size_t first = 0; first < s->down * across(s); first += p.n) {
		list_part(s, first, &p);
		const struct tiles *t = &tiles[p.n - 1];
		for (size_t row = 0; row < s->rows; row++) {
			const float *from = x + row * s->x_row;
			float *to = y + row * s->y_row;
			for (size_t n = 0; n < s->columns;) {
				const bool many = s->columns - n >= t->places;
				t->run[many](
					s, &p, from + n * s->x_column, w, to + n * s->y_column);
				n += many ? t->places : 1;
			}
		}
		w += s->inputs * p.n * SIMD_WIDTH;
	}
}
