/*
 * adler: Adler-32 as in zlib (see adler.h): a, the sum of all bytes and 1, and b, the sum of all a, modulo
 * 65521 (RFC 1950, 9). 16 bytes at a time: b grows by 16 of the a before them, and by the bytes
 * weighted 16 to 1. NMAX bytes fit 32 bits before the remainder must be taken.
 */
#include "adler.h"

#include <stdbool.h>
#include <zlib.h>

#ifdef __x86_64__
#include <immintrin.h>

enum { STEP = 16, NMAX = 5552, BASE = 65521 };

#define SSSE3 __attribute__((target("ssse3")))

/* Of four sums. */
SSSE3 static inline uint32_t total(__m128i x)
{
	x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
	x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1));
	return (uint32_t)_mm_cvtsi128_si32(x);
}

/* n is a multiple of 16. */
SSSE3 static uint32_t add_wide(uint32_t adler, const unsigned char *p, size_t n)
{
	const __m128i zero = _mm_setzero_si128(), ones = _mm_set1_epi16(1);
	const __m128i weights = _mm_set_epi8(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
	uint32_t a = adler & 0xffff, b = adler >> 16;
	while (n > 0) {
		const size_t part = n < NMAX ? n : NMAX;
		__m128i bytes = zero, before = zero, weighted = zero; /* sums of a - a0, b */
		b += a * (uint32_t)part;
		for (size_t at = 0; at < part; at += STEP) {
			const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + at));
			before = _mm_add_epi32(before, bytes);
			bytes = _mm_add_epi32(bytes, _mm_sad_epu8(x, zero));
			weighted = _mm_add_epi32(
				weighted, _mm_madd_epi16(_mm_maddubs_epi16(x, weights), ones));
		}
		a = (a + total(bytes)) % BASE;
		b = (b + STEP * total(before) + total(weighted)) % BASE;
		p += part;
		n -= part;
	}
	return b << 16 | a;
}

static bool is_wide(void)
{
	return __builtin_cpu_supports("ssse3");
}
#endif

uint32_t adler_add(uint32_t adler, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
#ifdef __x86_64__
	const size_t whole = is_wide() ? n / STEP * STEP : 0;
	if (whole) {
		adler = add_wide(adler, p, whole);
		p += whole;
		n -= whole;
	}
#endif
	return n ? (uint32_t)adler32_z(adler, p, n) : adler;
}
