/*
 * crc: CRC-32 as in zlib (see crc.h). 64 bytes at a time are folded: a polynomial times x^512 modulo
 * the CRC's is two products of 64 bits, added to the bytes 64 further on (Gopal et al., "Fast CRC
 * computation for generic polynomials using PCLMULQDQ instruction", Intel, 2009). What is left, 16
 * bytes that have the same remainder as all before them and the tail, goes to zlib.
 */
#include "crc.h"

#include <stdbool.h>
#include <zlib.h>

#ifdef __x86_64__
#include <immintrin.h>

enum { FOLD = 64 };

/* Bits are in reverse order: x^(512+32) and x^(512-32), x^(128+32) and x^(128-32) modulo P. */
#define FAR_LOW   0x0154442bd4
#define FAR_HIGH  0x01c6e41596
#define NEAR_LOW  0x01751997d0
#define NEAR_HIGH 0x00ccaa009e

#define CARRYLESS __attribute__((target("pclmul")))

CARRYLESS static inline __m128i fold(__m128i x, __m128i by, __m128i next)
{
	const __m128i low = _mm_clmulepi64_si128(x, by, 0x00);
	const __m128i high = _mm_clmulepi64_si128(x, by, 0x11);
	return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

CARRYLESS static inline __m128i load(const unsigned char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* n is a multiple of 64, at least 64. */
CARRYLESS static uint32_t add_folded(uint32_t crc, const unsigned char *p, size_t n)
{
	const __m128i far = _mm_set_epi64x(FAR_HIGH, FAR_LOW);
	const __m128i near = _mm_set_epi64x(NEAR_HIGH, NEAR_LOW);
	unsigned char rest[16];
	__m128i a = _mm_xor_si128(load(p), _mm_cvtsi32_si128((int)~crc));
	__m128i b = load(p + 16), c = load(p + 32), d = load(p + 48);
	for (size_t at = FOLD; at < n; at += FOLD) {
		a = fold(a, far, load(p + at));
		b = fold(b, far, load(p + at + 16));
		c = fold(c, far, load(p + at + 32));
		d = fold(d, far, load(p + at + 48));
	}
	a = fold(fold(fold(a, near, b), near, c), near, d);
	_mm_storeu_si128((__m128i *)(void *)rest, a);
	/* zlib inverts what it starts from: all ones make that nothing */
	return (uint32_t)crc32_z(0xffffffff, rest, sizeof rest);
}

static bool folds(void)
{
	return __builtin_cpu_supports("pclmul");
}
#endif

uint32_t crc_add(uint32_t crc, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
#ifdef __x86_64__
	const size_t whole = n / FOLD * FOLD;
	if (whole && folds()) {
		crc = add_folded(crc, p, whole);
		p += whole;
		n -= whole;
	}
#endif
	return n ? (uint32_t)crc32_z(crc, p, n) : crc;
}
