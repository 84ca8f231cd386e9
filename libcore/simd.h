/*
 * simd: the hot loops, compiled from one source for each kind of processor (portable C, AVX2+FMA,
 * AVX-512, AVX-512 with AMX) and chosen once at start-up. simd.def lists the kernels; each lives in a file of simd/
 * and is written with vectors of SIMD_WIDTH floats (GCC's vector extensions), so that the portable
 * version is the same text and the tests can hold the others to it. CVT_SIMD=portable|avx2|avx512|amx
 * in the environment forces one that the processor has.
 */
#ifndef CVT_SIMD_H
#define CVT_SIMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Floats that stay near a core while others pass: half of a second-level cache of 2 MiB. */
enum { SIMD_NEAR = 1 << 18 };
/* Floats of the widest register. */
enum { SIMD_MOST_WIDTH = 16 };

/* What becomes of sums of products before they are stored: bias of each output is added, then `plus`,
 * which is laid out like the result (and is that itself where it adds up); with relu nothing below 0
 * is left. Either may be NULL. */
struct simd_tail {
	const float *bias, *plus;
	bool relu;
};

/* A convolution of one picture for conv and conv_weights (simd/conv.c says how it is laid out).
 * Distances are in floats: of neighbouring output places in x (x_row, x_column) and in y. */
struct simd_conv {
	size_t taps, run;  /* a window is that many runs of inputs */
	const size_t *tap; /* where each begins, from the window's first place */
	size_t outputs, rows, columns;
	size_t x_row, x_column, y_row, y_column;
	const float *w; /* packed */
	struct simd_tail tail;
};

/* A convolution of one picture for conv_spread (simd/conv_spread.c), whose places x spread to windows of y:
 * `down` rows of `run` floats each, places of `channels`. Distances are in floats: of neighbouring places in
 * x, of their windows in y, and of a window's rows. */
struct simd_spread {
	size_t inputs, down, run, channels;
	size_t rows, columns, x_row, x_column, y_row, y_column, y_down;
	const float *w; /* packed */
};

/* Where weight (tap t, input r of its run, output o) lies: w[tap[t] + r run_step + o output_step].
 * Packed they take taps x run x outputs floats, outputs rounded up to a multiple of 16 at most, each
 * times the scale of its output (NULL: as they are). */
struct simd_weights {
	const float *w;
	size_t taps, run;
	const size_t *tap;
	size_t run_step, output_step, outputs;
	const float *scale;
};

/* The gradient of some of a dense layer's weights, for dense_weights: rows of x and of dy, and the distances of
 * such and of dw's, an output each, in floats. */
struct simd_dense {
	size_t rows, inputs, outputs;
	size_t x_row, y_row, w_row;
};

/* Places of depthwise convolutions that share their part of the window, `rows` x `places` of them
 * (simd/depthwise.c): channel k of a place is made of channel k at down x across places of x, the first
 * where x begins, and as many weights, [c] each. Distances are in floats. */
struct simd_depthwise {
	size_t c, rows, places;
	size_t x_row, x_place, y_row, y_place;
	size_t down, across;        /* that part */
	size_t x_down, x_across;    /* its distances in x, */
	ptrdiff_t w_down, w_across; /* and in the weights */
	const float *w;
	struct simd_tail tail;
};

/* C = A B for product (simd/product.c): C is m x n, sums are of k products. Distances are in floats: of
 * neighbours in a column and in a row of A, of rows of B and of C, whose rows are vectors. */
struct simd_product {
	size_t m, n, k;
	size_t a_row, a_column, b_row, c_row;
};

/* Adam's update: the gradient counts times scale, at most +-limit, and coupled times the weight is
 * added; the weight is first multiplied by keep; root and size correct the averages of early steps. */
struct simd_adam {
	float scale, limit, coupled, keep, m_keep, m_new, v_keep, v_new, size, root, epsilon;
};

/* Windows for pool_max (simd/pool.c). With relu nothing below 0 is left of what is largest, and where that
 * is not above 0 no place has won. */
enum { SIMD_NO_WINNER = 255 };
struct simd_pool {
	size_t rows, x_row, y_row, n, x_step, c, taps, across;
	const size_t *tap;
	const uint8_t *number; /* below SIMD_NO_WINNER */
	bool relu;
};

/* Weights of a resized line for resample_across (simd/resample.c): output place i is made of `taps`
 * inputs from first[i] on, input k with weight[k * out + i] in 22 bits behind the point. */
struct simd_taps {
	size_t out, taps;
	const int32_t *first, *weight;
};

/* A convolution of some pictures in bfloat16, for bf16_conv. Places stand in one line, c numbers each.
 * Window and place of the result move together: the result's places, `pitch` to a row, of which the
 * first `columns` count, are the first `rows` rows of that line. A window is `runs` runs of numbers,
 * the k-th from tap[k] places on, each read in `steps` steps of 32, beyond whose end weights are 0.
 * Weights: panels of two tiles of 16 outputs (the last may be one), each
 * [runs][steps][tiles][16 pairs of numbers][16 outputs][2]. Distances in y are in floats. */
struct simd_bf16 {
	size_t pictures, x_picture, y_picture; /* distances of pictures */
	size_t runs, steps, c, pitch, rows, columns, outputs, y_row, y_column;
	const size_t *tap;
	size_t tap_step; /* that of run k is tap[k x tap_step] */
	const uint16_t *w;
	struct simd_tail tail;
};

/* The gradient of such a convolution's weights, for bf16_gradient: x[picture][channel][place], `plane`
 * numbers from channel to channel; dy[picture][pair of places][output][2], 0 where no window fits;
 * `steps` times 32 places a picture. Channels c and outputs o are multiples of 16;
 * sum[taps][c][o]. */
struct simd_bf16_gradient {
	size_t pictures, steps, taps, c, o, plane, x_picture, dy_picture;
	const size_t *tap; /* places */
	const uint16_t *x, *dy;
	float *sum;
};

struct simd {
	const char *name;
	size_t width; /* floats of a register */
	bool bf16;    /* products in bfloat16 are many times faster than in floats */
#define SIMD(result, kernel, arguments) result(*kernel) arguments;
#include "simd/simd.def"
#undef SIMD
};

/* The best for this processor. */
const struct simd *simd(void);
/* One by name if this processor has it, for tests; NULL. */
const struct simd *simd_named(const char *name);

#endif
