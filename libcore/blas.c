/* blas: matrix products from OpenBLAS, the only door to it (see blas.h). This file alone includes
 * cblas.h. */
#include "blas.h"

#include <cblas.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef void sgemm_function(CBLAS_LAYOUT, CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, blasint, blasint,
	blasint, float, const float *, blasint, const float *, blasint, float, float *, blasint);

/* Written once, by load_once. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static sgemm_function *sgemm;

/* OpenBLAS starts its threads while it is loaded and signals the process when it cannot: one thread
 * is asked for before. */
static void load_once(void)
{
	setenv("OPENBLAS_NUM_THREADS", "1", 1);
	void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
	void *symbol = library ? dlsym(library, "cblas_sgemm") : NULL;
	memcpy(&sgemm, &symbol, sizeof sgemm); /* ISO C has no cast from object to function pointer */
}

int blas_open(struct cvt_err *e)
{
	pthread_once(&once, load_once);
	if (sgemm)
		return CVT_OK;
	return cvt_fail(e, CVT_SYSTEM,
		"libopenblas.so.0 cannot be loaded; install Debian's package libopenblas0");
}

void blas_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
	const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
	sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
		transpose_b ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, alpha, a,
		(blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}
