/*
 * blas: matrix products from OpenBLAS, the only door to it. The library is loaded at the first
 * blas_open, so that programs (or runs) that need none of its products start in a millisecond; it always runs
 * one thread per call, because two of its threads give other bits than one (our own threads work on
 * fixed blocks instead).
 */
#ifndef CVT_BLAS_H
#define CVT_BLAS_H

#include "mem.h"

/* Loads OpenBLAS once; CVT_SYSTEM names the package when it is missing. Call before any product. */
int blas_open(struct cvt_err *e);
/* CVT_SYSTEM if a limit on addresses (ulimit -v) leaves no room for products on that many threads.
 * CVT_OK where no product was asked for. */
int blas_reserve(size_t threads, struct cvt_err *e);

/* Row-major C[M,N] = alpha * op(A)[M,K] op(B)[K,N] + beta * C; op transposes when the flag is set.
 * lda, ldb, ldc are the row strides in floats of A, B, C as they lie in memory. Safe to call from
 * several threads at once. beta == 0 does not read C. */
void blas_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
	const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc);

#endif
