/*
 * winograd: convolutions of 3x3 windows with stride 1 by Winograd's F(4x4, 3x3), a quarter of the
 * multiplications (simd/winograd.c has the algebra). Pictures are cut into tiles of 4x4 outputs, each
 * read from 6x6 inputs, zeros beyond the border; the tiles of all pictures stand in one row.
 *
 * No result depends on how tiles fall into blocks: every output is one sum over channels. The
 * gradient of the weights sums over tiles in chunks and, of small weights, in several sums, which geometry,
 * rows and the width of registers alone fix.
 */
#ifndef CVT_NN_WINOGRAD_H
#define CVT_NN_WINOGRAD_H

#include "../simd.h"
#include "window.h"

enum { WINOGRAD_POSITIONS = 36 };

/* A map from pictures h x w x c to oh x ow x o. */
struct winograd {
	size_t h, w, c, oh, ow, o;
	size_t pitch;        /* floats from place to place of x: c, more where c are part of them */
	size_t ph, pw;       /* zeros around the picture */
	size_t down, across; /* tiles of a picture */
	size_t c_step, o_step; /* floats from tile to tile: channels in whole registers */
	size_t block;          /* tiles at a time, forward */
	size_t packed;         /* floats of one position's weights */
	/* The gradient of the weights: how many sums it is made of at most, 0 where tiles are shared by all threads;
	 * tiles at a time; inputs whose weights' gradient is made at a time. */
	size_t sums, chunk, share;
};

/* Does it pay for this window? The only rule, by shape alone. */
bool winograd_fits(const struct window *v, size_t outputs, size_t groups);
/* The map of a window that fits, and the one that takes dy back to dx. */
struct winograd winograd_forward_map(const struct window *v, size_t outputs);
struct winograd winograd_backward_map(const struct window *v, size_t outputs);

/* Fills in how the gradient of a map's weights is made; the rest is there. */
void winograd_plan_gradient(struct winograd *m);

/* Floats of work: for a map (whole, and a thread), and for the gradient of its weights. */
size_t winograd_work(const struct winograd *m);
size_t winograd_thread_work(const struct winograd *m);
size_t winograd_gradient_work(const struct winograd *m);
size_t winograd_gradient_thread_work(const struct winograd *m);

/* The weights of a map, transformed, into winograd_work floats. weights: the nine matrices, in the
 * order of the window. */
void winograd_pack(const struct nn_io *io, const struct winograd *m,
	const struct simd_weights *weights, float *packed);
/* y = conv(x), with the tail, for `rows` pictures. */
void winograd_run(const struct nn_io *io, const struct winograd *m, const float *packed,
	size_t rows, const float *x, const struct simd_tail *tail, float *y);
/* dw += the gradient of the weights from x and dy. */
void winograd_gradient(const struct nn_io *io, const struct winograd *m,
	const struct simd_weights *weights, size_t rows, const float *x, const float *dy,
	float *dw);

#endif
