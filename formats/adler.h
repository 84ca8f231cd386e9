/* adler: Adler-32 as in zlib, at the speed of memory where the processor has SSSE3. */
#ifndef CVT_ADLER_H
#define CVT_ADLER_H

#include <stddef.h>
#include <stdint.h>

/* The sum of what was summed up to adler (1 at first) and n bytes more. */
uint32_t adler_add(uint32_t adler, const void *bytes, size_t n);

#endif
