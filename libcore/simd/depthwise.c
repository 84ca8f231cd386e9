/*
 * depthwise: convolutions whose channels do not mix, channels in the lanes. A tile keeps P places of a
 * row x V registers of channels, so that each weight is loaded once for P places; of the weights'
 * gradient D x A neighbouring places of the window, so that each dy is loaded once for them all. Places
 * at the border, where part of the window is outside of the picture, are calls of their own.
 */
#include "vmath.h"

enum { MOST = 8 }; /* places a tile */
#if SIMD_WIDTH == 16
enum { MOST_2 = 8 }; /* with two registers each */
#else
enum { MOST_2 = 6 }; /* there are 16 registers */
#endif

/* Distances of items 1, 3, 5, 7 in bytes; see conv.c. */
struct distances {
	size_t d1, d3, d5, d7;
};
#define RENEW(d) __asm__("" : "+r"((d).d1), "+r"((d).d3), "+r"((d).d5), "+r"((d).d7))

static inline __attribute__((always_inline)) struct distances distances_of(size_t floats)
{
	const size_t step = floats * sizeof(float);
	return (struct distances){step, 3 * step, 5 * step, 7 * step};
}

static inline __attribute__((always_inline)) const float *item(
	const float *x, const struct distances d, const int p)
{
	const size_t of[MOST] = {0, d.d1, d.d1 << 1, d.d3, d.d1 << 2, d.d5, d.d3 << 1, d.d7};
	/* cppcheck-suppress invalidPointerCast */
	return (const float *)((const char *)x + of[p]);
}

/* ---- the sums of places ------------------------------------------------------------ */

/* One tile. Where V is 1 there may be less than a register: `lanes`. */
struct tile {
	const float *x, *w, *bias, *plus;
	float *y;
	size_t lanes;
};

/* The sums with the tail, where they belong. */
static inline __attribute__((always_inline)) void put_sums(
	const int P, const int V, const struct simd_depthwise *d, const struct tile *t, vec *sum)
{
	const vec least = tail_least(&d->tail);
	if (t->plus)
#pragma GCC unroll 16
		for (int i = 0; i < P * V; i++)
			sum[i] += vec_load_some(t->plus + (size_t)(i / V) * d->y_place
							+ (size_t)(i % V) * SIMD_WIDTH,
				t->lanes);
#pragma GCC unroll 16
	for (int i = 0; i < P * V; i++)
		vec_store_some(t->y + (size_t)(i / V) * d->y_place + (size_t)(i % V) * SIMD_WIDTH,
			vec_max(least, sum[i]), t->lanes);
}

static inline __attribute__((always_inline)) void run_tile(
	const int P, const int V, const struct simd_depthwise *d, const struct tile *t)
{
	const size_t lanes = t->lanes;
	vec sum[2 * MOST];
	for (int v = 0; v < V; v++) {
		const vec b = t->bias ? vec_load_some(t->bias + v * SIMD_WIDTH, lanes) : (vec){0};
		for (int p = 0; p < P; p++)
			sum[p * V + v] = b;
	}
	struct distances far = distances_of(d->x_place);
	for (size_t i = 0; i < d->down; i++) {
		const float *x = t->x + i * d->x_down, *w = t->w + (ptrdiff_t)i * d->w_down;
		for (size_t n = d->across; n > 0; n--, x += d->x_across, w += d->w_across) {
			vec wv[2];
			RENEW(far);
			for (int v = 0; v < V; v++)
				wv[v] = vec_load_some(w + v * SIMD_WIDTH, lanes);
#pragma GCC unroll 8
			for (int p = 0; p < P; p++)
				for (int v = 0; v < V; v++)
					sum[p * V + v] +=
						vec_load_some(
							item(x, far, p) + v * SIMD_WIDTH, lanes)
						* wv[v];
		}
	}
	const float *ahead = t->x + d->down * d->x_down; /* the line below, of places to come */
#pragma GCC unroll 8
	for (int p = 0; p < P; p++)
		for (int v = 0; v < V; v++)
			__builtin_prefetch(item(ahead, far, p) + v * SIMD_WIDTH);
	put_sums(P, V, d, t, sum);
}

/* Tiles by their constants, so that sums stay in registers: V registers, or a part of one. */
typedef void tile_function(const struct simd_depthwise *d, const struct tile *t);
#define TILE(P, V)                                                                                 \
	static void tile_##P##_##V(const struct simd_depthwise *d, const struct tile *t)           \
	{                                                                                          \
		struct tile full = *t;                                                             \
		full.lanes = SIMD_WIDTH;                                                           \
		run_tile(P, V, d, &full);                                                          \
	}
#define TILES(P)                                                                                   \
	TILE(P, 1)                                                                                 \
	TILE(P, 2)                                                                                 \
	static void tile_##P##_some(const struct simd_depthwise *d, const struct tile *t)          \
	{                                                                                          \
		run_tile(P, 1, d, t);                                                              \
	}
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
TILES(7)
TILES(8)
static tile_function *const tile_some[MOST] = {tile_1_some, tile_2_some, tile_3_some, tile_4_some,
	tile_5_some, tile_6_some, tile_7_some, tile_8_some};
static tile_function *const tile_1[MOST] = {
	tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1, tile_7_1, tile_8_1};
static tile_function *const tile_2[MOST] = {
	tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2, tile_7_2, tile_8_2};

/* A row of places, in tiles of nearly equal size. */
static void run_row(
	const struct simd_depthwise *d, struct tile t, tile_function *const *tile, size_t most)
{
	size_t places = d->places;
	for (size_t tiles = (places + most - 1) / most; tiles > 0; tiles--) {
		const size_t n = (places + tiles - 1) / tiles;
		tile[n - 1](d, &t);
		places -= n;
		t.x += n * d->x_place;
		t.y += n * d->y_place;
		if (t.plus)
			t.plus += n * d->y_place;
	}
}

/* y = the sums, with the tail. */
void KERNEL(depthwise)(const struct simd_depthwise *d, const float *x, float *y)
{
	const float *bias = d->tail.bias, *plus = d->tail.plus;
	for (size_t r = 0; r < d->rows; r++)
		for (size_t k = 0; k < d->c;) {
			const size_t left = d->c - k, at = r * d->y_row + k;
			const struct tile t = {x + r * d->x_row + k, d->w + k,
				bias ? bias + k : NULL, plus ? plus + at : NULL, y + at, left};
			if (left >= 2 * SIMD_WIDTH)
				run_row(d, t, tile_2, MOST_2);
			else
				run_row(d, t, left < SIMD_WIDTH ? tile_some : tile_1, MOST);
			k += left >= 2 * SIMD_WIDTH ? 2 * SIMD_WIDTH : SIMD_WIDTH;
		}
}

/* ---- the gradient of the weights --------------------------------------------------- */

/* One tile: where its part of the window begins. */
struct gradient {
	const float *x, *dy;
	float *dw;
	size_t lanes;
};

static inline __attribute__((always_inline)) void sum_tile(
	const int D, const int A, const struct simd_depthwise *d, const struct gradient *g)
{
	const size_t lanes = g->lanes;
	vec sum[9];
	struct distances far = distances_of(d->x_across);
#pragma GCC unroll 9
	for (int i = 0; i < D * A; i++)
		sum[i] = vec_load_some(g->dw + i / A * d->w_down + i % A * d->w_across, lanes);
	for (size_t row = 0; row < d->rows; row++) {
		const float *dy = g->dy + row * d->y_row, *x[3];
		for (int i = 0; i < D; i++)
			x[i] = g->x + row * d->x_row + (size_t)i * d->x_down;
		for (size_t n = d->places; n > 0; n--, dy += d->y_place) {
			const vec v = vec_load_some(dy, lanes);
			RENEW(far);
#pragma GCC unroll 9
			for (int i = 0; i < D * A; i++)
				sum[i] += vec_load_some(item(x[i / A], far, i % A), lanes) * v;
			__builtin_prefetch(x[D - 1] + d->x_down);
			__builtin_prefetch(dy + d->y_row);
			for (int i = 0; i < D; i++)
				x[i] += d->x_place;
		}
	}
#pragma GCC unroll 9
	for (int i = 0; i < D * A; i++)
		vec_store_some(g->dw + i / A * d->w_down + i % A * d->w_across, sum[i], lanes);
}

typedef void sum_function(const struct simd_depthwise *d, const struct gradient *g);
#define SUM(D, A)                                                                                  \
	static void sum_##D##_##A(const struct simd_depthwise *d, const struct gradient *g)        \
	{                                                                                          \
		struct gradient full = *g;                                                         \
		full.lanes = SIMD_WIDTH;                                                           \
		sum_tile(D, A, d, &full);                                                          \
	}                                                                                          \
	static void sum_some_##D##_##A(const struct simd_depthwise *d, const struct gradient *g)   \
	{                                                                                          \
		sum_tile(D, A, d, g);                                                              \
	}
SUM(1, 1)
SUM(1, 2)
SUM(1, 3)
SUM(1, 4)
SUM(1, 5)
SUM(1, 6)
SUM(1, 7)
SUM(1, 8)
SUM(2, 1)
SUM(2, 2)
SUM(2, 3)
SUM(3, 1)
SUM(3, 2)
SUM(3, 3)
enum { FEW = 3 }; /* places across of which several rows are taken at once, so many at most */
static sum_function *const sum_full[][MOST] = {
	{sum_1_1, sum_1_2, sum_1_3, sum_1_4, sum_1_5, sum_1_6, sum_1_7, sum_1_8},
	{sum_2_1, sum_2_2, sum_2_3}, {sum_3_1, sum_3_2, sum_3_3}};
static sum_function *const sum_some[][MOST] = {
	{sum_some_1_1, sum_some_1_2, sum_some_1_3, sum_some_1_4, sum_some_1_5, sum_some_1_6,
		sum_some_1_7, sum_some_1_8},
	{sum_some_2_1, sum_some_2_2, sum_some_2_3}, {sum_some_3_1, sum_some_3_2, sum_some_3_3}};

/* `down` rows of the window, in tiles of nearly equal size. */
static void sum_across(const struct simd_depthwise *d, struct gradient g, size_t down)
{
	size_t left = d->across;
	for (size_t tiles = (left + MOST - 1) / MOST; tiles > 0; tiles--) {
		const size_t n = (left + tiles - 1) / tiles;
		if (g.lanes < SIMD_WIDTH)
			sum_some[down - 1][n - 1](d, &g);
		else
			sum_full[down - 1][n - 1](d, &g);
		left -= n;
		g.x += n * d->x_across;
		g.dw += (ptrdiff_t)n * d->w_across;
	}
}

/* dw, laid like the weights, += the gradient. */
void KERNEL(depthwise_weights)(
	const struct simd_depthwise *d, const float *x, const float *dy, float *dw)
{
	const size_t most = d->across <= FEW ? FEW : 1;
	for (size_t k = 0; k < d->c; k += SIMD_WIDTH)
		for (size_t i = 0; i < d->down;) {
			const size_t n = d->down - i < most ? d->down - i : most;
			const struct gradient g = {x + i * d->x_down + k, dy + k,
				dw + (ptrdiff_t)i * d->w_down + (ptrdiff_t)k, d->c - k};
			sum_across(d, g, n);
			i += n;
		}
}
