/* table: the kernels of one kind of processor, for simd.c. */
#include "kernel.h"

#define TEXT2(isa) #isa
#define TEXT(isa)  TEXT2(isa)

/* The processor whose kernels these are but for SIMD_BF16's. */
#ifndef SIMD_BASE
#define SIMD_BASE SIMD_ISA
#endif
#define BASE(name)                      KERNEL_PASTE(name, SIMD_BASE)
#define SIMD(result, kernel, arguments) result BASE(kernel) arguments;
#include "simd.def"
#undef SIMD

extern const struct simd KERNEL(table);
const struct simd KERNEL(table) = {
	.name = TEXT(SIMD_ISA),
	.width = SIMD_WIDTH,
#ifdef __AMX_BF16__
	.bf16 = true,
#endif
#define SIMD(result, kernel, arguments)      .kernel = BASE(kernel),
#define SIMD_BF16(result, kernel, arguments) .kernel = KERNEL(kernel),
#include "simd.def"
#undef SIMD
};
