/*
 * conv_weights: the gradient of a convolution's weights, dw[t][r][o] += sum over places of
 * x[place + tap t][r] dy[place][o], in the packed order of conv.c. A tile keeps R floats of a run x
 * V registers of outputs over all places.
 */
#include "kernel.h"

#if SIMD_WIDTH == 16
enum { MOST_1 = 16, MOST_2 = 14 };
#else
enum { MOST_1 = 12, MOST_2 = 6 };
#endif
enum { PANEL = 2 * SIMD_WIDTH };

static inline __attribute__((always_inline)) void run_tile(const int R, const int V,
	const struct simd_conv *c, const float *x, const float *dy, float *dw)
{
	vec sum[MOST_1 > 2 * MOST_2 ? MOST_1 : 2 * MOST_2];
	for (int i = 0; i < R * V; i++)
		sum[i] = vec_load(dw + i * SIMD_WIDTH);
	for (size_t row = 0; row < c->rows; row++) {
		const float *xp = x + row * c->x_row, *dyp = dy + row * c->y_row;
		for (size_t n = c->columns; n > 0; n--, xp += c->x_column, dyp += c->y_column) {
			vec d[2];
			for (int v = 0; v < V; v++)
				d[v] = vec_load(dyp + v * SIMD_WIDTH);
			for (int r = 0; r < R; r++) {
				const vec in = vec_all(xp[r]);
				for (int v = 0; v < V; v++)
					sum[r * V + v] += in * d[v];
			}
		}
	}
	for (int i = 0; i < R * V; i++)
		vec_store(dw + i * SIMD_WIDTH, sum[i]);
}

typedef void tile_function(const struct simd_conv *c, const float *x, const float *dy, float *dw);
#define TILE(R, V)                                                                                 \
	static void tile_##R##_##V(                                                                \
		const struct simd_conv *c, const float *x, const float *dy, float *dw)             \
	{                                                                                          \
		run_tile(R, V, c, x, dy, dw);                                                      \
	}
#define TILES(R) TILE(R, 1) TILE(R, 2)
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

/* One tap of one panel: its run in tiles of nearly equal size. */
static void run_of_tap(
	const struct simd_conv *c, const float *x, const float *dy, float *dw, bool wide)
{
	const size_t most = wide ? MOST_2 : MOST_1, width = wide ? PANEL : SIMD_WIDTH;
	size_t left = c->run;
	for (size_t tiles = (left + most - 1) / most; tiles > 0; tiles--) {
		const size_t n = (left + tiles - 1) / tiles;
		if (wide)
			tile_2[n - 1](c, x, dy, dw);
		else
			tile_1[n - 1](c, x, dy, dw);
		left -= n;
		x += n;
		dw += n * width;
	}
}

/* dw (packed) += the gradient of one picture. Vectors of dy are read whole: beyond the last output
 * there must be readable floats, whose columns of dw mean nothing. */
void KERNEL(conv_weights)(const struct simd_conv *c, const float *x, const float *dy, float *dw)
{
	for (size_t first = 0; first < c->outputs; first += PANEL) {
		const bool wide = c->outputs - first > SIMD_WIDTH;
		for (size_t t = 0; t < c->taps; t++) {
			run_of_tap(c, x + c->tap[t], dy + first, dw, wide);
			dw += c->run * (wide ? PANEL : SIMD_WIDTH);
		}
	}
}
