/*
 * bf16: floats rounded to bfloat16 (the upper half of a float, to nearest, ties to even), in the
 * orders that the products of bf16_tiles.c read: as they lie, or two of them side by side that
 * belong to one sum. Where the processor rounds by itself, it takes numbers below 1e-38 for 0.
 */
#include "vmath.h"

enum { BLOCK = 16 }; /* pairs a line of a tile, and lines */

/* NaN stays one: its upper half may not become that of infinity. */
static inline uint32_t rounded(float x)
{
	uint32_t u;
	memcpy(&u, &x, sizeof u);
	return x == x ? (u + 0x7fffU + (u >> 16 & 1)) >> 16 : u >> 16 | 0x40;
}

/* to[i] = from[i] rounded. */
void KERNEL(bf16_round)(const float *restrict from, size_t n, uint16_t *restrict to)
{
	size_t i = 0;
#ifdef __AVX512BF16__
	for (; i + 2 * BLOCK <= n; i += 2 * BLOCK) {
		const __m512 a = _mm512_loadu_ps(from + i), b = _mm512_loadu_ps(from + i + BLOCK);
		_mm512_storeu_si512(to + i, (__m512i)_mm512_cvtne2ps_pbh(b, a));
	}
#endif
	for (; i < n; i++)
		to[i] = (uint16_t)rounded(from[i]);
}

/* to[2 i] = a[i], to[2 i + 1] = b[i]. */
void KERNEL(bf16_pairs)(
	const float *restrict a, const float *restrict b, size_t n, uint16_t *restrict to)
{
	size_t i = 0;
#ifdef __AVX512BF16__
	for (; i + BLOCK <= n; i += BLOCK) {
		const __m256bh x = _mm512_cvtneps_pbh(_mm512_loadu_ps(a + i));
		const __m256bh y = _mm512_cvtneps_pbh(_mm512_loadu_ps(b + i));
		const __m512i low = _mm512_cvtepu16_epi32((__m256i)x);
		const __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)y), 16);
		_mm512_storeu_si512(to + 2 * i, _mm512_or_si512(low, high));
	}
#endif
	for (; i < n; i++) {
		const uint32_t pair = rounded(a[i]) | rounded(b[i]) << 16;
		memcpy(to + 2 * i, &pair, sizeof pair);
	}
}

#if SIMD_WIDTH == 16
typedef uint32_t pairs __attribute__((vector_size(64)));

/* Lines and columns exchanged: first of squares of one, then of two, four, eight of them. */
static void turn(pairs m[BLOCK])
{
	for (int half = 1; half < BLOCK; half *= 2) {
		pairs low, high;
		for (int i = 0; i < BLOCK; i++) {
			low[i] = (uint32_t)(i & half ? BLOCK + i - half : i);
			high[i] = (uint32_t)(i & half ? BLOCK + i : i + half);
		}
#pragma GCC unroll 16
		for (int i = 0; i < BLOCK; i++)
			if (!(i & half)) {
				const __m512i a = (__m512i)m[i], b = (__m512i)m[i + half];
				m[i] = (pairs)_mm512_permutex2var_epi32(a, (__m512i)low, b);
				m[i + half] = (pairs)_mm512_permutex2var_epi32(a, (__m512i)high, b);
			}
	}
}
#endif

/* A square of 16 x 16 pairs of lines `from_step` apart, turned: to[j to_step + 2 i ..] = from[i
 * from_step + 2 j ..]. Steps are in uint16_t. */
void KERNEL(bf16_turn)(const uint16_t *from, size_t from_step, uint16_t *to, size_t to_step)
{
#if SIMD_WIDTH == 16
	pairs m[BLOCK];
	for (size_t i = 0; i < BLOCK; i++)
		memcpy(&m[i], from + i * from_step, sizeof m[i]);
	turn(m);
	for (size_t i = 0; i < BLOCK; i++)
		memcpy(to + i * to_step, &m[i], sizeof m[i]);
#else
	for (size_t i = 0; i < BLOCK; i++)
		for (size_t j = 0; j < BLOCK; j++)
			memcpy(to + j * to_step + 2 * i, from + i * from_step + 2 * j, 4);
#endif
}
