/* What the tests of convolutions share: memory, random numbers, and the results of all three directions,
 * whose bits no number of threads may change. */
#ifndef CVT_TEST_CONVOLUTIONS_H
#define CVT_TEST_CONVOLUTIONS_H

#include "../../libcore/rng.h"

#include <stdlib.h>
#include <string.h>

static void *get(size_t n, size_t size)
{
	void *p = mem_alloc(n, size, NULL);
	if (!p)
		exit(1);
	return p;
}

/* Normal ones; those that are cut at zero are like what a ReLU gives. */
static float *numbers(size_t n, uint64_t seed, bool positive)
{
	struct rng r;
	rng_for(&r, seed, RNG_METHOD, n, 0);
	float *x = get(n, sizeof *x);
	for (size_t i = 0; i < n; i++) {
		const float v = rng_normal(&r);
		x[i] = positive && v < 0 ? 0 : v;
	}
	return x;
}

struct results {
	size_t ny, nx, nw;
	float *y, *dx, *dw;
};

/* Zeros, of the sizes that are set. */
static void results_open(struct results *r)
{
	r->y = get(r->ny, sizeof *r->y);
	r->dx = get(r->nx, sizeof *r->dx);
	r->dw = get(r->nw, sizeof *r->dw);
}

static void results_close(struct results *r)
{
	free(r->y);
	free(r->dx);
	free(r->dw);
}

static bool results_same(const struct results *a, const struct results *b)
{
	return memcmp(a->y, b->y, a->ny * sizeof *a->y) == 0
	       && memcmp(a->dx, b->dx, a->nx * sizeof *a->dx) == 0
	       && memcmp(a->dw, b->dw, a->nw * sizeof *a->dw) == 0;
}

#endif
