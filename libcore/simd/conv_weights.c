/*
 * conv_weights: the gradient of a convolution's weights, dw[t][r][o] += sum over places of
 * x[place + tap t][r] dy[place][o], in the packed order of conv.c. A tile keeps R floats of a run x
 * V registers of outputs over all places; where runs are short, those of T taps, so that there are enough
 * sums for additions not to wait for each other.
 */
#include "kernel.h"

#if SIMD_WIDTH == 16
enum { MOST_1 = 16, MOST_2 = 14 };
#else
enum { MOST_1 = 12, MOST_2 = 6 };
#endif
enum { PANEL = 2 * SIMD_WIDTH };

static inline __attribute__((always_inline)) void run_tile(const int T, const int R, const int V,
	const struct simd_conv *c, const size_t *tap, const float *x, const float *dy, float *dw)
{
	vec sum[MOST_1 > 2 * MOST_2 ? MOST_1 : 2 * MOST_2];
	for (int i = 0; i < T * R * V; i++)
		sum[i] = vec_load(dw + i * SIMD_WIDTH);
	for (size_t row = 0; row < c->rows; row++) {
		const float *xp[3], *dyp = dy + row * c->y_row;
		for (int t = 0; t < T; t++)
			xp[t] = x + row * c->x_row + tap[t];
		for (size_t n = c->columns; n > 0; n--, dyp += c->y_column) {
			vec d[2];
			for (int v = 0; v < V; v++)
				d[v] = vec_load(dyp + v * SIMD_WIDTH);
			for (int t = 0; t < T; t++) {
				for (int r = 0; r < R; r++) {
					const vec in = vec_all(xp[t][r]);
					for (int v = 0; v < V; v++)
						sum[(t * R + r) * V + v] += in * d[v];
				}
				xp[t] += c->x_column;
			}
		}
	}
	for (int i = 0; i < T * R * V; i++)
		vec_store(dw + i * SIMD_WIDTH, sum[i]);
}

typedef void tile_function(
	const struct simd_conv *c, const size_t *tap, const float *x, const float *dy, float *dw);
#define TILE(T, R, V)                                                                              \
	static void tile_##T##_##R##_##V(const struct simd_conv *c, const size_t *tap,             \
		const float *x, const float *dy, float *dw)                                        \
	{                                                                                          \
		run_tile(T, R, V, c, tap, x, dy, dw);                                              \
	}
#define TILES(T, R) TILE(T, R, 1) TILE(T, R, 2)
TILES(1, 1)
TILES(1, 2)
TILES(1, 3)
TILES(1, 4)
TILES(1, 5)
TILES(1, 6)
TILE(1, 7, 1)
TILE(1, 8, 1)
TILE(1, 9, 1)
TILE(1, 10, 1)
TILE(1, 11, 1)
TILE(1, 12, 1)
TILES(2, 1)
TILES(2, 2)
TILES(2, 3)
TILE(2, 4, 1)
TILE(2, 5, 1)
TILE(2, 6, 1)
TILES(3, 1)
TILES(3, 2)
TILE(3, 3, 1)
TILE(3, 4, 1)
#if SIMD_WIDTH == 16
TILE(1, 7, 2)
TILE(1, 8, 2)
TILE(1, 9, 2)
TILE(1, 10, 2)
TILE(1, 11, 2)
TILE(1, 12, 2)
TILES(1, 13)
TILES(1, 14)
TILE(1, 15, 1)
TILE(1, 16, 1)
TILE(2, 4, 2)
TILE(2, 5, 2)
TILE(2, 6, 2)
TILES(2, 7)
TILE(2, 8, 1)
TILE(3, 3, 2)
TILE(3, 4, 2)
TILE(3, 5, 1)
#endif
/* Of V registers and T taps, by the run's floats. */
static tile_function *const tiles[2][3][MOST_1] = {
	{{tile_1_1_1, tile_1_2_1, tile_1_3_1, tile_1_4_1, tile_1_5_1, tile_1_6_1, tile_1_7_1,
		 tile_1_8_1, tile_1_9_1, tile_1_10_1, tile_1_11_1, tile_1_12_1,
#if SIMD_WIDTH == 16
		 tile_1_13_1, tile_1_14_1, tile_1_15_1, tile_1_16_1
#endif
	 },
		{tile_2_1_1, tile_2_2_1, tile_2_3_1, tile_2_4_1, tile_2_5_1, tile_2_6_1,
#if SIMD_WIDTH == 16
			tile_2_7_1, tile_2_8_1
#endif
		},
		{tile_3_1_1, tile_3_2_1, tile_3_3_1, tile_3_4_1,
#if SIMD_WIDTH == 16
			tile_3_5_1
#endif
		}},
	{{tile_1_1_2, tile_1_2_2, tile_1_3_2, tile_1_4_2, tile_1_5_2, tile_1_6_2,
#if SIMD_WIDTH == 16
		 tile_1_7_2, tile_1_8_2, tile_1_9_2, tile_1_10_2, tile_1_11_2, tile_1_12_2,
		 tile_1_13_2, tile_1_14_2
#endif
	 },
		{tile_2_1_2, tile_2_2_2, tile_2_3_2,
#if SIMD_WIDTH == 16
			tile_2_4_2, tile_2_5_2, tile_2_6_2, tile_2_7_2
#endif
		},
		{tile_3_1_2, tile_3_2_2,
#if SIMD_WIDTH == 16
			tile_3_3_2, tile_3_4_2
#endif
		}}};

/* One tap of one panel: its run in tiles of nearly equal size. */
static void run_of_tap(const struct simd_conv *c, const size_t *tap, const float *x,
	const float *dy, float *dw, bool wide)
{
	const size_t most = wide ? MOST_2 : MOST_1, width = wide ? PANEL : SIMD_WIDTH;
	size_t left = c->run;
	for (size_t parts = (left + most - 1) / most; parts > 0; parts--) {
		const size_t n = (left + parts - 1) / parts;
		tiles[wide][0][n - 1](c, tap, x, dy, dw);
		left -= n;
		x += n;
		dw += n * width;
	}
}

/* How many of the taps left go into one tile: three or two as far as registers last, none left alone. */
static size_t taps_of_tile(const struct simd_conv *c, size_t left, bool wide)
{
	const size_t most = (wide ? MOST_2 : MOST_1) / c->run;
	if (most < 2 || left < 2)
		return 1;
	return most == 2 || left == 2 || left == 4 ? 2 : 3;
}

/* dw (packed) += the gradient of one picture. Vectors of dy are read whole: beyond the last output
 * there must be readable floats, whose columns of dw mean nothing. */
void KERNEL(conv_weights)(const struct simd_conv *c, const float *x, const float *dy, float *dw)
{
	for (size_t first = 0; first < c->outputs; first += PANEL) {
		const bool wide = c->outputs - first > SIMD_WIDTH;
		for (size_t t = 0, n; t < c->taps; t += n) {
			n = taps_of_tile(c, c->taps - t, wide);
			if (n > 1)
				tiles[wide][n - 1][c->run - 1](c, c->tap + t, x, dy + first, dw);
			else
				run_of_tap(c, c->tap + t, x, dy + first, dw, wide);
			dw += n * c->run * (wide ? PANEL : SIMD_WIDTH);
		}
	}
}
