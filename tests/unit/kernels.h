/* What tests of single kernels share: random numbers with a guard behind them, how near is near enough, and a
 * run over all processors' kernels that this one has. */
#ifndef CVT_TEST_KERNELS_H
#define CVT_TEST_KERNELS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../libcore/mem.h"
#include "../../libcore/rng.h"
#include "../../libcore/simd.h"

enum { GUARD = 64 };
static const float untouched = 12345.5F;
static int failures;

/* n random floats, and a guard behind them. */
static float *numbers(size_t n, uint64_t seed)
{
	struct rng r;
	rng_for(&r, seed, RNG_METHOD, n, 0);
	float *x = mem_alloc(n + GUARD, sizeof *x, NULL);
	for (size_t i = 0; x && i < n + GUARD; i++)
		x[i] = i < n ? rng_normal(&r) : untouched;
	if (!x)
		exit(1);
	return x;
}

static bool near(double got, double want)
{
	return fabs(got - want) <= 1e-4 * (1 + fabs(want));
}

static bool guarded(const float *x, size_t n)
{
	bool kept = true;
	for (size_t i = n; i < n + GUARD; i++)
		kept = kept && memcmp(&x[i], &untouched, sizeof untouched) == 0;
	return kept;
}

static void check(bool good, const char *what, const char *processor)
{
	printf("%s %s of %s\n", good ? "ok" : "not ok", what, processor);
	failures += !good;
}

/* What main returns: 0 if `test` counted no failure. */
static int on_kernels(void (*test)(const struct simd *s))
{
	static const char *const names[] = {"portable", "avx2", "avx512"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct simd *s = simd_named(names[i]);
		if (s)
			test(s);
		else
			printf("skip kernels of %s: this processor has it not\n", names[i]);
	}
	return failures != 0;
}

#endif
