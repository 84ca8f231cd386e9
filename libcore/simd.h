/*
 * simd: the hot loops, compiled from one source for each kind of processor (portable C, AVX2+FMA,
 * AVX-512) and chosen once at start-up. simd.def lists the kernels; each lives in a file of simd/ and
 * is written with vectors of SIMD_WIDTH floats (GCC's vector extensions), so that the portable
 * version is the same text and the tests can hold the others to it. CVT_SIMD=portable|avx2|avx512 in
 * the environment forces one that the processor has.
 */
#ifndef CVT_SIMD_H
#define CVT_SIMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct simd {
	const char *name;
#define SIMD(result, kernel, arguments) result(*kernel) arguments;
#include "simd/simd.def"
#undef SIMD
};

/* The best for this processor. */
const struct simd *simd(void);
/* One by name if this processor has it, for tests; NULL. */
const struct simd *simd_named(const char *name);

#endif
