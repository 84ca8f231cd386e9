/* table: the kernels of one kind of processor, for simd.c. */
#include "kernel.h"

#define TEXT2(isa) #isa
#define TEXT(isa)  TEXT2(isa)

extern const struct simd KERNEL(table);
const struct simd KERNEL(table) = {
	.name = TEXT(SIMD_ISA),
	.width = SIMD_WIDTH,
#define SIMD(result, kernel, arguments) .kernel = KERNEL(kernel),
#include "simd.def"
#undef SIMD
};
