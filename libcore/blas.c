/* blas: matrix products from OpenBLAS, the only door to it (see blas.h). This file alone includes
 * cblas.h. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "blas.h"

#include <cblas.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef void sgemm_function(CBLAS_LAYOUT, CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, blasint, blasint,
	blasint, float, const float *, blasint, const float *, blasint, float, float *, blasint);

/* Written once, by load_once. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static sgemm_function *sgemm;
static char why_not[160]; /* as the loader says it */

/* OpenBLAS starts its threads while it is loaded and signals the process when it cannot: one thread
 * is asked for before. */
static void load_once(void)
{
	setenv("OPENBLAS_NUM_THREADS", "1", 1);
	void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
	void *symbol = library ? dlsym(library, "cblas_sgemm") : NULL;
	memcpy(&sgemm, &symbol,
		sizeof sgemm); /* ISO C has no cast from object to function pointer */
	const char *why = sgemm ? NULL : dlerror();
	(void)snprintf(why_not, sizeof why_not, "%s", why ? why : "it has no cblas_sgemm");
}

int blas_open(struct cvt_err *e)
{
	pthread_once(&once, load_once);
	if (sgemm)
		return CVT_OK;
	return cvt_fail(e, CVT_SYSTEM, "OpenBLAS cannot be loaded: %s; %s", why_not,
		strstr(why_not, "No such file") ? "install Debian's package libopenblas0"
						: "raise ulimit -v and -n");
}

/* A thread's first product takes 128 MB of addresses (of memory what it touches, a little), and where
 * there are none OpenBLAS tries for ever. */
static const size_t thread_bytes = (size_t)128 << 20;

static bool has_room(size_t bytes, int protection)
{
	void *p = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p != MAP_FAILED && munmap(p, bytes) == 0;
}

int blas_reserve(size_t threads, struct cvt_err *e)
{
	size_t all;
	if (!sgemm)
		return CVT_OK;
	if (mem_mul(threads, thread_bytes, &all) && has_room(all, PROT_NONE)
		&& has_room(thread_bytes, PROT_READ | PROT_WRITE))
		return CVT_OK;
	return cvt_fail(e, CVT_SYSTEM,
		"OpenBLAS wants 128 MB of addresses for each of %zu threads; raise ulimit -v, or "
		"say --threads 1",
		threads);
}

void blas_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
	const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
	sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
		transpose_b ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, alpha,
		a, (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}
