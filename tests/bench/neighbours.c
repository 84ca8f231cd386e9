/* neighbours: how fast exact nearest neighbours are found: the 20 nearest by inner product among
 * 60,000 rows of 512. usage: neighbours knn-exact|knn-one THREADS. Prints queries a second, operations
 * a query and the operations a second that the machine could do at that moment (see engine.c). */
#include "../../libcore/knn.h"
#include "../../libcore/profile.h"
#include "../../libcore/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS = 60000, D = 512, K = 20, MANY = 10000, ONE = 64 };

static double seconds(unsigned threads)
{
	struct timespec t;
	clock_gettime(threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *numbers(size_t n, uint64_t seed, struct cvt_err *e)
{
	struct rng r;
	float *x = mem_alloc(n, sizeof *x, e);
	rng_for(&r, seed, RNG_METHOD, 0, 0);
	for (size_t i = 0; x && i < n; i++)
		x[i] = rng_normal(&r);
	return x;
}

/* MANY queries at once, or ONE after the other. */
static int search(
	struct knn *s, float *query, bool one, unsigned threads, double *speed, struct cvt_err *e)
{
	static size_t row[MANY * K];
	static float distance[MANY * K];
	const size_t n = one ? ONE : MANY;
	const double from = seconds(threads);
	for (size_t i = 0; i < (one ? n : 1); i++)
		TRY(knn_search(s, query + i * D, one ? 1 : n, K, row, distance, e));
	*speed = (double)n / (seconds(threads) - from);
	return CVT_OK;
}

int main(int argc, char **argv)
{
	struct cvt_err e = {0};
	struct par *par = NULL;
	struct knn *s = NULL;
	const bool one = argc > 1 && strcmp(argv[1], "knn-one") == 0;
	const unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
	double speed = 0;
	int code = par_open(&par, threads, &e);
	float *bank = numbers((size_t)ROWS * D, 1, &e);
	float *query = numbers(knn_padded(MANY) * D, 2, &e);
	const struct knn_bank b = {.f4 = bank, .rows = ROWS, .d = D};
	if (code == CVT_OK)
		code = bank && query ? knn_open(&s, KNN_DOT, &b, SIZE_MAX, par, &e) : CVT_SYSTEM;
	if (code == CVT_OK)
		knn_allow(s, SIZE_MAX);
	for (int i = 0; i < 2 && code == CVT_OK; i++) /* the first time warms up */
		code = search(s, query, one, threads, &speed, &e);
	if (code == CVT_OK)
		printf("%.6g %.6g %.6g\n", speed, 2.0 * ROWS * D, profile_peak() * threads);
	else
		(void)fprintf(stderr, "neighbours: %s\n", e.text);
	knn_close(s);
	par_close(par);
	free(bank);
	free(query);
	return code;
}
