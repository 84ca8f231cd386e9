/*
 * dense: y = x W' + bias on vectors, with weights that were packed before (fixed plans), for linear and
 * attention. It runs on the kernel of convolutions: a vector is a place, its window one run. Every
 * output is one sum in order, so a vector's result does not depend on how many there are.
 */
#ifndef CVT_NN_DENSE_H
#define CVT_NN_DENSE_H

#include "../simd.h"
#include "nn.h"

struct dense {
	size_t i, o; /* inputs, outputs */
};

/* Packs w (o x i) times the affine's scales, and a bias of every output, into `to`; bias and affine (o
 * scales, o shifts) may be NULL. Returns the floats; only that when `to` is NULL. */
size_t dense_pack(
	struct dense d, const float *w, const float *bias, const float *affine, float *to);
/* m vectors of x into y, outputs first..first + n, first a multiple of DENSE_OUTPUTS. `plus`, laid
 * out like y, may be NULL. */
enum { DENSE_OUTPUTS = 128 };
void dense_run(struct dense d, const float *packed, size_t m, const float *x, size_t first,
	size_t n, const float *plus, bool relu, float *y);

#endif
