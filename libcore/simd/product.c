/*
 * product: C = A B of small matrices as they lie, without packing: what attention does for every head. Elements
 * of A are read one by one, so it may lie by rows or by columns; rows of B and C are vectors. A tile keeps R
 * rows x V registers of C; each element of A is broadcast once for V registers, each register of B loaded once
 * for R rows. Sums go over k in order, whatever the tile.
 */
#include "vmath.h"

#if SIMD_WIDTH == 16
enum { MOST_V = 4 }; /* 32 registers: 9 x 3 or 6 x 4 sums */
#else
enum { MOST_V = 3 }; /* 16 registers: 9 x 1, 6 x 2 or 4 x 3 sums */
#endif
enum { MOST_R = 9 };

struct tile {
	const float *a, *b;
	float *c;
	size_t last; /* floats that count in the last register of a row */
};

static inline __attribute__((always_inline)) void run_tile(const int R, const int V,
	const bool part, const struct simd_product *p, const struct tile *t)
{
	vec sum[MOST_R * MOST_V];
	const float *row[MOST_R], *b = t->b;
	for (int i = 0; i < R; i++)
		row[i] = t->a + (size_t)i * p->a_row;
#pragma GCC unroll 32
	for (int i = 0; i < R * V; i++)
		sum[i] = (vec){0};
	for (size_t k = 0; k < p->k; k++, b += p->b_row) {
		vec bv[MOST_V];
		for (int v = 0; v < V; v++)
			bv[v] = vec_load_some(
				b + v * SIMD_WIDTH, part && v == V - 1 ? t->last : SIMD_WIDTH);
#pragma GCC unroll 9
		for (int i = 0; i < R; i++) {
			const vec in = vec_all(row[i][k * p->a_column]);
			for (int v = 0; v < V; v++)
				sum[i * V + v] += in * bv[v];
		}
	}
#pragma GCC unroll 9
	for (int i = 0; i < R; i++)
		for (int v = 0; v < V; v++)
			vec_store_some(t->c + (size_t)i * p->c_row + v * SIMD_WIDTH, sum[i * V + v],
				part && v == V - 1 ? t->last : SIMD_WIDTH);
}

/* Tiles by their constants, so that sums stay in registers. */
typedef void tile_function(const struct simd_product *p, const struct tile *t);
#define TILE(R, V)                                                                                 \
	static void tile_##R##_##V(const struct simd_product *p, const struct tile *t)             \
	{                                                                                          \
		if (t->last < SIMD_WIDTH)                                                          \
			run_tile(R, V, true, p, t);                                                \
		else                                                                               \
			run_tile(R, V, false, p, t);                                               \
	}
#define TILES_4(V) TILE(1, V) TILE(2, V) TILE(3, V) TILE(4, V)
#define TILES_6(V) TILES_4(V) TILE(5, V) TILE(6, V)
#define TILES_9(V) TILES_6(V) TILE(7, V) TILE(8, V) TILE(9, V)
TILES_9(1)
#if SIMD_WIDTH == 16
TILES_9(2)
TILES_9(3)
TILES_6(4)
#else
TILES_6(2)
TILES_4(3)
#endif
static tile_function *const tiles[MOST_V][MOST_R] = {
	{tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1, tile_7_1, tile_8_1, tile_9_1},
#if SIMD_WIDTH == 16
	{tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2, tile_7_2, tile_8_2, tile_9_2},
	{tile_1_3, tile_2_3, tile_3_3, tile_4_3, tile_5_3, tile_6_3, tile_7_3, tile_8_3, tile_9_3},
	{tile_1_4, tile_2_4, tile_3_4, tile_4_4, tile_5_4, tile_6_4},
#else
	{tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2},
	{tile_1_3, tile_2_3, tile_3_3, tile_4_3},
#endif
};

/* Some registers of all rows of C, in tiles of nearly equal size. */
static void panel(const struct simd_product *p, struct tile t, size_t V)
{
#if SIMD_WIDTH == 16
	static const size_t most[MOST_V] = {9, 9, 9, 6};
#else
	static const size_t most[MOST_V] = {9, 6, 4};
#endif
	size_t m = p->m;
	for (size_t left = (m + most[V - 1] - 1) / most[V - 1]; left > 0; left--) {
		const size_t R = (m + left - 1) / left;
		tiles[V - 1][R - 1](p, &t);
		t.a += R * p->a_row;
		t.c += R * p->c_row;
		m -= R;
	}
}

void KERNEL(product)(const struct simd_product *p, const float *a, const float *b, float *c)
{
	size_t n = p->n, registers = (n + SIMD_WIDTH - 1) / SIMD_WIDTH;
	for (size_t left = (registers + MOST_V - 1) / MOST_V; left > 0; left--) {
		const size_t V = (registers + left - 1) / left, wide = V * SIMD_WIDTH;
		const size_t beyond = wide > n ? wide - n : 0;
		panel(p, (struct tile){a, b, c, SIMD_WIDTH - beyond}, V);
		registers -= V;
		n -= wide - beyond;
		b += wide;
		c += wide;
	}
}

/* Rows become columns: to[c][r] = from[r][c]. */
#if SIMD_WIDTH == 16
/* Halves are exchanged from the largest on (Eklundh, "A fast computer method for matrix transposing", 1972). */
static inline __attribute__((always_inline)) void exchange(vec x[SIMD_WIDTH], const int half)
{
	ivec low = {0}, high = {0};
	for (int j = 0; j < SIMD_WIDTH; j++) {
		low[j] = j & half ? SIMD_WIDTH + j - half : j;
		high[j] = low[j] + half;
	}
#pragma GCC unroll 16
	for (int i = 0; i < SIMD_WIDTH; i++) {
		if (i & half)
			continue;
		const vec a = x[i], b = x[i + half];
		x[i] = (vec)_mm512_permutex2var_ps((__m512)a, (__m512i)low, (__m512)b);
		x[i + half] = (vec)_mm512_permutex2var_ps((__m512)a, (__m512i)high, (__m512)b);
	}
}

static void turn_square(const float *from, size_t from_step, float *to, size_t to_step)
{
	vec x[SIMD_WIDTH];
	for (size_t i = 0; i < SIMD_WIDTH; i++)
		x[i] = vec_load(from + i * from_step);
	exchange(x, 8);
	exchange(x, 4);
	exchange(x, 2);
	exchange(x, 1);
	for (size_t i = 0; i < SIMD_WIDTH; i++)
		vec_store(to + i * to_step, x[i]);
}
#else
static void turn_square(const float *from, size_t from_step, float *to, size_t to_step)
{
	for (size_t c = 0; c < SIMD_WIDTH; c++)
		for (size_t r = 0; r < SIMD_WIDTH; r++)
			to[c * to_step + r] = from[r * from_step + c];
}
#endif

void KERNEL(turn)(
	const float *from, size_t from_step, size_t rows, size_t columns, float *to, size_t to_step)
{
	const size_t whole_rows = rows / SIMD_WIDTH * SIMD_WIDTH;
	const size_t whole_columns = columns / SIMD_WIDTH * SIMD_WIDTH;
	for (size_t r = 0; r < whole_rows; r += SIMD_WIDTH)
		for (size_t c = 0; c < whole_columns; c += SIMD_WIDTH)
			turn_square(
				from + r * from_step + c, from_step, to + c * to_step + r, to_step);
	for (size_t r = 0; r < rows; r++)
		for (size_t c = r < whole_rows ? whole_columns : 0; c < columns; c++)
			to[c * to_step + r] = from[r * from_step + c];
}
