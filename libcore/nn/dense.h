/*
 * dense: y = x W' + bias on vectors, its gradients, for linear and attention. It runs on the kernels of
 * convolutions: a vector is a place, its window one run, and weights are packed before, once for all vectors.
 * Every output is one sum in order, so a vector's result does not depend on how many there are.
 */
#ifndef CVT_NN_DENSE_H
#define CVT_NN_DENSE_H

#include "../simd.h"
#include "nn.h"

/* One product: i inputs, o outputs. */
struct dense {
	size_t i, o;
};

/* Weight (o, i) lies at w[o o_step + i i_step]; an output's weights are multiplied by its scale, its bias by
 * that, too, and its shift is added. NULL: no bias; no scales and shifts (o of each, one behind the other). */
struct dense_weights {
	const float *w;
	size_t o_step, i_step;
	const float *bias, *affine;
};

/* Floats of packed weights, a bias of each output behind them. */
size_t dense_floats(struct dense d);
/* Shared by all threads. */
void dense_pack(
	const struct nn_io *io, struct dense d, const struct dense_weights *w, float *packed);
/* m vectors of x into y. `plus`, laid out like y (or y itself), may be NULL. */
void dense_run(struct dense d, const float *packed, size_t m, const float *x, const float *plus,
	bool relu, float *y);
/* The same, shared by all threads. */
void dense_run_all(const struct nn_io *io, struct dense d, const float *packed, size_t m,
	const float *x, const float *plus, bool relu, float *y);
/* dw (o x i) += dy' x over m vectors; a thread's scratch. */
void dense_gradient(const struct nn_io *io, struct dense d, size_t m, const float *x,
	const float *dy, float *dw);
size_t dense_gradient_thread(void);

#endif
