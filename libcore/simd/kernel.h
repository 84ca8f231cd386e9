/*
 * kernel: what every file of simd/ begins with. Each is compiled once for every kind of processor,
 * with SIMD_ISA (its name) and SIMD_WIDTH (floats of a register) given by the Makefile. Kernels are
 * defined as KERNEL(name); plain loops over restrict pointers are left to the compiler, register
 * blocks are written with vec.
 */
#ifndef CVT_SIMD_KERNEL_H
#define CVT_SIMD_KERNEL_H

#include "../simd.h"

#define KERNEL_PASTE2(name, isa) simd_##name##_##isa
#define KERNEL_PASTE(name, isa)  KERNEL_PASTE2(name, isa)
#define KERNEL(name)             KERNEL_PASTE(name, SIMD_ISA)

#define SIMD(result, kernel, arguments) result KERNEL(kernel) arguments;
#include "simd.def"
#undef SIMD

/* A register of floats, and one at any address. */
typedef float vec __attribute__((vector_size(SIMD_WIDTH * 4)));
typedef float vec_at __attribute__((vector_size(SIMD_WIDTH * 4), aligned(4), may_alias));

static inline vec vec_load(const float *p)
{
	return *(const vec_at *)p;
}

static inline void vec_store(float *p, vec v)
{
	*(vec_at *)p = v;
}

/* Calls for what lies a page behind p, for loops over long arrays: the processor itself looks ahead within a
 * page of 4 KiB only. */
static inline void vec_ahead(const float *p)
{
	enum { PAGE = 4096 };
	__builtin_prefetch((const char *)p + PAGE, 0, 2);
}

static inline vec vec_all(float x)
{
	return x - (vec){0};
}

#endif
