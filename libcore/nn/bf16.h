/*
 * bf16: convolutions whose operands are rounded to bfloat16 (a float's sign and exponent, and 8 bits
 * of mantissa), while products and sums stay floats; Kalamkar et al. 2019, "A Study of BFLOAT16 for
 * Deep Learning Training". Weights that learn stay floats as well, they are rounded anew at every
 * step. Processors with AMX multiply ten times as many of these as of floats.
 *
 * No result depends on threads: pictures are mapped one by one, and the gradient of the weights is
 * the sum of partial sums, whose number the geometry alone fixes.
 */
#ifndef CVT_NN_BF16_H
#define CVT_NN_BF16_H

#include "../simd.h"
#include "window.h"

/* A map from pictures h x w x c to others, as convolve.c lays it out. What is read gets `top` lines
 * and `left` columns of zeros, and as many behind as its place in memory has; then it falls into
 * sh x sw pictures by its places' residues, each `lines` x `pitch` places, end to end in one line. The
 * places of phase k of the result are one convolution of that line with stride 1. */
struct bf16_map {
	size_t h, w, c, top, left, sh, sw, lines, pitch;
	size_t o, y_picture, y_row,
		y_column;           /* outputs a place; floats between pictures, rows, places */
	size_t taps;                /* of all phases */
	const size_t *tap, *weight; /* places to each; floats to its matrix */
	size_t phases;
	const struct phase *phase;
	/* the rest by bf16_finish */
	size_t c_step, o_step; /* channels in whole tiles */
	size_t places, plane;  /* of the gradient: of dy, of x, in whole tiles */
	size_t pictures, sums; /* taken together; partial sums, at most */
};

void bf16_finish(struct bf16_map *m);

/* Floats of work: for a map (whole, and a thread), and for the gradient of its weights. */
size_t bf16_work(const struct bf16_map *m);
size_t bf16_thread_work(const struct bf16_map *m);
size_t bf16_gradient_work(const struct bf16_map *m);
size_t bf16_gradient_thread_work(const struct bf16_map *m);

/* The weights of a map into bf16_work floats. The weight of a tap for channel i and output o is
 * w[weight[tap] + i c_step + o o_step]; one of these steps is 1. */
void bf16_pack(const struct nn_io *io, const struct bf16_map *m, const float *w, size_t c_step,
	size_t o_step, float *packed);
/* y = conv(x), with the tail, for `rows` pictures. */
void bf16_run(const struct nn_io *io, const struct bf16_map *m, const float *packed, size_t rows,
	const float *x, const struct simd_tail *tail, float *y);
/* dw[tap][c][o] += the gradient of the weights from x and dy. Of a map of one phase. */
void bf16_gradient(const struct nn_io *io, const struct bf16_map *m, size_t rows, const float *x,
	const float *dy, float *dw);

#endif
