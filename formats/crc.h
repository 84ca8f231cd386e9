/* crc: CRC-32 as in zlib, at the speed of memory where the processor multiplies without carries. */
#ifndef CVT_CRC_H
#define CVT_CRC_H

#include <stddef.h>
#include <stdint.h>

/* The sum of what was summed up to crc (0 at first) and n bytes more. */
uint32_t crc_add(uint32_t crc, const void *bytes, size_t n);

#endif
