/*
 * convolve: what conv and tconv share. One linear map between a large picture x (v.h x v.w x v.c)
 * and a small one y (v.oh x v.ow x outputs), in three directions:
 *
 *     forward    y[p][o]    = bias[o] + sum over window places t and inputs i of x[p,t][i]
 * w[t][i][o] backward   dx[p,t][i] = sum of dy[p][o] w[t][i][o]       (a transposed convolution's
 * forward) weights    dw[t][i][o] += sum over rows and places of x[p,t][i] dy[p][o]
 *
 * Weights lie as [KH][KW][inputs of a group][outputs].
 */
#ifndef CVT_NN_CONVOLVE_H
#define CVT_NN_CONVOLVE_H

#include "window.h"

struct convolve {
	struct window v;
	size_t outputs, groups;
};

/* Sets the node's work_* for all three directions. */
void convolve_scratch(const struct convolve *c, struct node *n);
/* bias may be NULL. */
void convolve_forward(const struct convolve *c, const struct nn_io *io, size_t rows, const float *x,
	const float *w, const float *bias, bool add, float *y);
void convolve_backward(const struct convolve *c, const struct nn_io *io, size_t rows,
	const float *dy, const float *w, const float *bias, bool add, float *dx);
void convolve_weights(const struct convolve *c, const struct nn_io *io, size_t rows, const float *x,
	const float *dy, float *dw);
/* db[k] += sum over rows x places vectors of width c. */
void convolve_bias(const struct nn_io *io, size_t vectors, size_t c, const float *dy, float *db);

#endif
