/*
 * conv: convolutions of channel-last pictures without im2col. For an output place, the inputs of
 * its window are `taps` runs of `run` floats each (a run is a row of the window when its places are
 * neighbours in memory), so one output vector is a product of those floats with a packed matrix of
 * weights. A tile keeps P places x V registers of outputs; each input is broadcast once for V
 * registers, each weight loaded once for P places, which may lie in two rows.
 *
 * Packed weights: panels of 2 registers of outputs (the last may be 1), each [taps x run][panel],
 * zeros beyond the last output.
 */
#include "vmath.h"

#if SIMD_WIDTH == 16
enum { MOST_1 = 16, MOST_2 = 14 }; /* places a tile for V = 1, 2: 32 registers */
#else
enum { MOST_1 = 12, MOST_2 = 6 }; /* 16 registers */
#endif
enum { PANEL = 2 * SIMD_WIDTH };
enum { AHEAD = 16 }; /* weights are asked for so many inputs before their turn */

#if SIMD_WIDTH == 16
/* Rows become columns, halves exchanged from the largest on (Eklundh, "A fast computer method for matrix
 * transposing", 1972). */
static inline __attribute__((always_inline)) void transpose(vec x[SIMD_WIDTH])
{
#pragma GCC unroll 4
	for (int half = SIMD_WIDTH / 2; half > 0; half /= 2) {
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
			x[i + half] =
				(vec)_mm512_permutex2var_ps((__m512)a, (__m512i)high, (__m512)b);
		}
	}
}

/* As many inputs as outputs, whose weights are neighbours from input to input. */
static void pack_square(const float *w, size_t output_step, size_t width, float *to)
{
	vec x[SIMD_WIDTH];
	for (size_t k = 0; k < SIMD_WIDTH; k++)
		x[k] = vec_load(w + k * output_step);
	transpose(x);
	for (size_t r = 0; r < SIMD_WIDTH; r++)
		vec_store(to + r * width, x[r]);
}
#else
static void pack_square(const float *w, size_t output_step, size_t width, float *to)
{
	for (size_t k = 0; k < SIMD_WIDTH; k++)
		for (size_t r = 0; r < SIMD_WIDTH; r++)
			to[r * width + k] = w[k * output_step + r];
}
#endif

/* The same of any size, weights anywhere. */
static void pack_some(const struct simd_weights *p, const float *w, size_t run, size_t lanes,
	size_t width, float *to)
{
	for (size_t r = 0; r < run; r++)
		for (size_t k = 0; k < lanes; k++)
			to[r * width + k] = w[r * p->run_step + k * p->output_step];
}

/* `lanes` outputs of p->run inputs, a row an input; what lies beyond them is zero. */
static void pack_tap(
	const struct simd_weights *p, const float *w, size_t lanes, size_t width, float *to)
{
	const bool across = p->run_step == 1 && p->output_step != 1;
	const size_t squares = across ? lanes / SIMD_WIDTH * SIMD_WIDTH : 0;
	const size_t run = p->run / SIMD_WIDTH * SIMD_WIDTH;
	for (size_t k = 0; k < squares; k += SIMD_WIDTH) {
		const float *from = w + k * p->output_step;
		for (size_t r = 0; r < run; r += SIMD_WIDTH)
			pack_square(from + r, p->output_step, width, to + r * width + k);
		pack_some(p, from + run, p->run - run, SIMD_WIDTH, width, to + run * width + k);
	}
	pack_some(p, w + squares * p->output_step, p->run, lanes - squares, width, to + squares);
	for (size_t r = 0; lanes < width && r < p->run; r++)
		for (size_t k = lanes; k < width; k++)
			to[r * width + k] = 0;
}

/* The panel of outputs from `first` on. */
static void pack_panel(
	const struct simd_weights *p, size_t first, size_t lanes, size_t width, float *to)
{
	for (size_t t = 0; t < p->taps; t++, to += p->run * width) {
		pack_tap(p, p->w + p->tap[t] + first * p->output_step, lanes, width, to);
		for (size_t r = 0; p->scale && r < p->run; r++)
			for (size_t k = 0; k < lanes; k++)
				to[r * width + k] *= p->scale[first + k];
	}
}

static size_t panel_width(size_t outputs, size_t first)
{
	return outputs - first > SIMD_WIDTH ? PANEL : SIMD_WIDTH;
}

void KERNEL(conv_pack)(const struct simd_weights *p, float *to)
{
	for (size_t first = 0; first < p->outputs; first += PANEL) {
		const size_t width = panel_width(p->outputs, first), rest = p->outputs - first;
		pack_panel(p, first, rest < width ? rest : width, width, to);
		to += p->taps * p->run * width;
	}
}

void KERNEL(conv_unpack_add)(const struct simd_weights *p, const float *from, float *w)
{
	for (size_t first = 0; first < p->outputs; first += PANEL) {
		const size_t width = panel_width(p->outputs, first), rest = p->outputs - first;
		const size_t lanes = rest < width ? rest : width;
		for (size_t t = 0; t < p->taps; t++)
			for (size_t r = 0; r < p->run; r++, from += width) {
				float *to = w + p->tap[t] + r * p->run_step;
				for (size_t k = 0; k < lanes; k++)
					to[(first + k) * p->output_step] += from[k];
			}
	}
}

/* One tile: R rows (2 only where they are short) of P places, V registers. */
struct tile {
	const float *x, *w;
	float *y;
	const float *plus;
	size_t first, lanes; /* the panel's first output, and how many are left from there */
};

/* Distances of places 1, 3, 5 ... in bytes. Place p = odd 2^n is addressed as x + distance[odd]
 * 2^n, which the processor does by itself: half as many registers as places. Left alone, compilers
 * compute a distance a place before the loop, and spill them: the empty asm makes these seem new.
 */
struct distances {
	size_t d1, d3, d5, d7, d9, d11, d13, d15;
};
#define RENEW(d)                                                                                   \
	__asm__(""                                                                                 \
		: "+r"((d).d1), "+r"((d).d3), "+r"((d).d5), "+r"((d).d7), "+r"((d).d9),            \
		"+r"((d).d11), "+r"((d).d13), "+r"((d).d15))

static inline __attribute__((always_inline)) float input_at(
	const char *x, const struct distances d, const int p)
{
	const size_t of[16] = {0, d.d1, d.d1 << 1, d.d3, d.d1 << 2, d.d5, d.d3 << 1, d.d7,
		d.d1 << 3, d.d9, d.d5 << 1, d.d11, d.d3 << 2, d.d13, d.d7 << 1, d.d15};
	/* cppcheck-suppress invalidPointerCast */
	return *(const float *)(x + of[p]);
}

/* Register v of a tile's sums with the tail, where they belong: `lanes` of each. */
static inline __attribute__((always_inline)) void put_sums(const int R, const int P, const int V,
	const struct simd_conv *c, const struct tile *t, const int v, size_t lanes, vec *sum)
{
	const vec least = tail_least(&c->tail);
	const size_t at = (size_t)v * SIMD_WIDTH;
	if (t->plus)
#pragma GCC unroll 16
		for (int i = 0; i < R * P; i++)
			sum[i * V + v] += vec_load_some(t->plus + at + (size_t)(i / P) * c->y_row
								+ (size_t)(i % P) * c->y_column,
				lanes);
#pragma GCC unroll 16
	for (int i = 0; i < R * P; i++)
		vec_store_some(
			t->y + at + (size_t)(i / P) * c->y_row + (size_t)(i % P) * c->y_column,
			vec_max(least, sum[i * V + v]), lanes);
}

static inline __attribute__((always_inline)) void run_tile(
	const int R, const int P, const int V, const struct simd_conv *c, const struct tile *t)
{
	vec sum[MOST_1 > 2 * MOST_2 ? MOST_1 : 2 * MOST_2];
	for (int v = 0; v < V; v++) {
		const size_t at = (size_t)v * SIMD_WIDTH;
		const vec b = c->tail.bias && at < t->lanes
				      ? vec_load_some(c->tail.bias + t->first + at, t->lanes - at)
				      : (vec){0};
		for (int i = 0; i < R * P; i++)
			sum[i * V + v] = b;
	}
	const float *w = t->w;
	const size_t step = c->x_column * sizeof(float), row = R > 1 ? c->x_row * sizeof(float) : 0;
	struct distances d = {
		step, 3 * step, 5 * step, 7 * step, 9 * step, 11 * step, 13 * step, 15 * step};
	for (size_t tap = 0; tap < c->taps; tap++) {
		const char *x = (const char *)(t->x + c->tap[tap]), *below = x + row,
			   *end = x + c->run * sizeof(float);
		for (; x < end; x += sizeof(float), below += sizeof(float), w += V * SIMD_WIDTH) {
			vec wv[2];
			RENEW(d);
			for (int v = 0; v < V; v++) {
				__builtin_prefetch(w + (AHEAD * V + v) * SIMD_WIDTH);
				wv[v] = vec_load(w + v * SIMD_WIDTH);
			}
#pragma GCC unroll 16
			for (int i = 0; i < R * P; i++) {
				const vec in = vec_all(input_at(i < P ? x : below, d, i % P));
				for (int v = 0; v < V; v++)
					sum[i * V + v] += in * wv[v];
			}
		}
	}
	for (int v = 0; v < V; v++) {
		const size_t at = (size_t)v * SIMD_WIDTH;
		if (t->lanes >= at + SIMD_WIDTH)
			put_sums(R, P, V, c, t, v, SIMD_WIDTH, sum);
		else if (t->lanes > at)
			put_sums(R, P, V, c, t, v, t->lanes - at, sum);
	}
}

/* Tiles by their constants, so that sums stay in registers. */
typedef void tile_function(const struct simd_conv *c, const struct tile *t);
#define TILE(R, P, V)                                                                              \
	static void tile_##R##_##P##_##V(const struct simd_conv *c, const struct tile *t)          \
	{                                                                                          \
		run_tile(R, P, V, c, t);                                                           \
	}
#define TILES(P)    TILE(1, P, 1) TILE(1, P, 2)
#define TWO_ROWS(P) TILE(2, P, 1) TILE(2, P, 2)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
TILE(1, 7, 1)
TILE(1, 8, 1)
TILE(1, 9, 1)
TILE(1, 10, 1)
TILE(1, 11, 1)
TILE(1, 12, 1)
TWO_ROWS(1)
TWO_ROWS(2)
TWO_ROWS(3)
#if SIMD_WIDTH == 16
TILE(1, 7, 2)
TILE(1, 8, 2)
TILE(1, 9, 2)
TILE(1, 10, 2)
TILE(1, 11, 2)
TILE(1, 12, 2)
TILES(13)
TILES(14)
TILE(1, 15, 1)
TILE(1, 16, 1)
TWO_ROWS(4)
TWO_ROWS(5)
TWO_ROWS(6)
TWO_ROWS(7)
#endif
static tile_function *const tile_1[] = {tile_1_1_1, tile_1_2_1, tile_1_3_1, tile_1_4_1, tile_1_5_1,
	tile_1_6_1, tile_1_7_1, tile_1_8_1, tile_1_9_1, tile_1_10_1, tile_1_11_1, tile_1_12_1,
#if SIMD_WIDTH == 16
	tile_1_13_1, tile_1_14_1, tile_1_15_1, tile_1_16_1
#endif
};
static tile_function *const tile_2[] = {
	tile_1_1_2, tile_1_2_2, tile_1_3_2, tile_1_4_2, tile_1_5_2, tile_1_6_2,
#if SIMD_WIDTH == 16
	tile_1_7_2, tile_1_8_2, tile_1_9_2, tile_1_10_2, tile_1_11_2, tile_1_12_2, tile_1_13_2,
	tile_1_14_2
#endif
};
/* Two rows of few places, V = 1 and 2. */
static tile_function *const two_rows[][2] = {
	{tile_2_1_1, tile_2_1_2}, {tile_2_2_1, tile_2_2_2}, {tile_2_3_1, tile_2_3_2},
#if SIMD_WIDTH == 16
	{tile_2_4_1, tile_2_4_2}, {tile_2_5_1, tile_2_5_2}, {tile_2_6_1, tile_2_6_2},
	{tile_2_7_1, tile_2_7_2}
#endif
};
enum { FEW_COLUMNS = sizeof two_rows / sizeof *two_rows };

/* A row of output places in tiles of nearly equal size. */
static void conv_row(const struct simd_conv *c, struct tile t, size_t columns, bool wide)
{
	const size_t most = wide ? MOST_2 : MOST_1;
	for (size_t tiles = (columns + most - 1) / most; tiles > 0; tiles--) {
		const size_t n = (columns + tiles - 1) / tiles;
		if (wide)
			tile_2[n - 1](c, &t);
		else
			tile_1[n - 1](c, &t);
		columns -= n;
		t.x += n * c->x_column;
		t.y += n * c->y_column;
		if (t.plus)
			t.plus += n * c->y_column;
	}
}

/* y = conv(x), with the tail. */
void KERNEL(conv)(const struct simd_conv *c, const float *x, float *y)
{
	size_t rows = c->rows, columns = c->columns;
	if (c->x_row == columns * c->x_column && c->y_row == columns * c->y_column) {
		columns *= rows;
		rows = 1;
	}
	const bool few = columns <= FEW_COLUMNS && columns > 0;
	const float *w = c->w;
	for (size_t first = 0; first < c->outputs; first += PANEL) {
		const size_t width = panel_width(c->outputs, first);
		for (size_t r = 0; r < rows; r++) {
			const size_t at = r * c->y_row + first;
			const struct tile t = {x + r * c->x_row, w, y + at,
				c->tail.plus ? c->tail.plus + at : NULL, first, c->outputs - first};
			if (few && r + 1 < rows) {
				two_rows[columns - 1][width == PANEL](c, &t);
				r++;
			} else {
				conv_row(c, t, columns, width == PANEL);
			}
		}
		w += c->taps * c->run * width;
	}
}
