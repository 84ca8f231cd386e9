/*
 * dense: the gradient of a dense layer's weights where they lie, dw[o][i] += sum over rows of dy[row][o]
 * x[row][i]. A tile keeps P outputs x V registers of inputs over all rows. What it is added
 * to is asked for before, and is there when the sums are.
 */
#include "vmath.h"

#if SIMD_WIDTH == 16
enum { MOST_1 = 16, MOST_2 = 14 };
#else
enum { MOST_1 = 12, MOST_2 = 6 };
#endif
enum { PANEL = 2 * SIMD_WIDTH };

/* The last register has `lanes` inputs. */
static inline __attribute__((always_inline)) void run_tile(const int P, const int V,
	const struct simd_dense *d, const float *x, const float *dy, float *dw, const size_t lanes)
{
	vec sum[MOST_1 > 2 * MOST_2 ? MOST_1 : 2 * MOST_2];
	for (int p = 0; p < P; p++)
		for (int v = 0; v < V; v++) {
			__builtin_prefetch(dw + (size_t)p * d->w_row + (size_t)v * SIMD_WIDTH, 1);
			sum[p * V + v] = (vec){0};
		}
	for (size_t n = d->rows; n > 0; n--, x += d->x_row, dy += d->y_row) {
		vec in[2];
		if (V == 2)
			in[0] = vec_load(x);
		in[V - 1] = vec_load_some(x + (V - 1) * SIMD_WIDTH, lanes);
		for (int p = 0; p < P; p++) {
			const vec g = vec_all(dy[p]);
			for (int v = 0; v < V; v++)
				sum[p * V + v] += g * in[v];
		}
	}
	for (int p = 0; p < P; p++, dw += d->w_row) {
		if (V == 2)
			vec_store(dw, vec_load(dw) + sum[p * V]);
		vec_put_some(dw + (V - 1) * SIMD_WIDTH, sum[p * V + V - 1], lanes, true);
	}
}

/* Tiles by their constants, so that sums stay in registers. */
typedef void tile_function(
	const struct simd_dense *d, const float *x, const float *dy, float *dw, size_t lanes);
#define TILE(P, V)                                                                                 \
	static void tile_##P##_##V(const struct simd_dense *d, const float *x, const float *dy,    \
		float *dw, size_t lanes)                                                           \
	{                                                                                          \
		if (lanes >= SIMD_WIDTH)                                                           \
			run_tile(P, V, d, x, dy, dw, SIMD_WIDTH);                                  \
		else                                                                               \
			run_tile(P, V, d, x, dy, dw, lanes);                                       \
	}
#define TILES(P) TILE(P, 1) TILE(P, 2)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
TILE(7, 1)
TILE(8, 1)
TILE(9, 1)
TILE(10, 1)
TILE(11, 1)
TILE(12, 1)
#if SIMD_WIDTH == 16
TILE(7, 2)
TILE(8, 2)
TILE(9, 2)
TILE(10, 2)
TILE(11, 2)
TILE(12, 2)
TILES(13)
TILES(14)
TILE(15, 1)
TILE(16, 1)
#endif
static tile_function *const tile_1[] = {tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1,
	tile_7_1, tile_8_1, tile_9_1, tile_10_1, tile_11_1, tile_12_1,
#if SIMD_WIDTH == 16
	tile_13_1, tile_14_1, tile_15_1, tile_16_1
#endif
};
static tile_function *const tile_2[] = {tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2,
#if SIMD_WIDTH == 16
	tile_7_2, tile_8_2, tile_9_2, tile_10_2, tile_11_2, tile_12_2, tile_13_2, tile_14_2
#endif
};

/* All outputs of a panel of inputs, in tiles of nearly equal size. */
static void run_panel(const struct simd_dense *d, const float *x, const float *dy, float *dw,
	size_t width, size_t lanes)
{
	const size_t most = width == PANEL ? MOST_2 : MOST_1;
	size_t left = d->outputs;
	for (size_t tiles = (left + most - 1) / most; tiles > 0; tiles--) {
		const size_t n = (left + tiles - 1) / tiles;
		if (width == PANEL)
			tile_2[n - 1](d, x, dy, dw, lanes - SIMD_WIDTH);
		else
			tile_1[n - 1](d, x, dy, dw, lanes);
		left -= n;
		dy += n;
		dw += n * d->w_row;
	}
}

/* dw += dy' x */
void KERNEL(dense_weights)(const struct simd_dense *d, const float *x, const float *dy, float *dw)
{
	for (size_t i = 0; i < d->inputs; i += PANEL) {
		const size_t left = d->inputs - i;
		const size_t width = left > SIMD_WIDTH ? PANEL : SIMD_WIDTH;
		run_panel(d, x + i, dy, dw + i, width, left < width ? left : width);
	}
}
