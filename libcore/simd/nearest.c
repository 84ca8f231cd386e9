/*
 * nearest: what a search for the nearest rows does again and again: products of one query with rows, and
 * the sifting of products with many queries. A row's product is the same however many rows are asked for
 * at once.
 */
#include "vmath.h"

enum { AT_ONCE = 4, LANES = 32 };

/* Lanes of a that are greater than those of b. */
static inline uint32_t lanes_above(vec a, vec b)
{
#if SIMD_WIDTH == 16
	return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GT_OQ);
#elif SIMD_WIDTH == 8
	return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_GT_OQ));
#else
	const ivec above = a > b;
	uint32_t lanes = 0;
	for (int i = 0; i < SIMD_WIDTH; i++)
		lanes |= (uint32_t)(above[i] & 1) << i;
	return lanes;
#endif
}

/* product holds 32 queries a row; of each the key is product * scale - offset of the row, and slack of the
 * row * length of the query more. Those above the query's bar are written to key, row x 32 + query to at, in
 * order; returns how many. */
size_t KERNEL(sift)(const float *product, size_t rows, const float *scale, const float *offset,
	const float *slack, const float *length, const float *bar, uint32_t *at, float *key)
{
	vec bars[LANES / SIMD_WIDTH], lengths[LANES / SIMD_WIDTH];
	size_t n = 0;
	for (size_t v = 0; v < LANES / SIMD_WIDTH; v++) {
		bars[v] = vec_load(bar + v * SIMD_WIDTH);
		lengths[v] = vec_load(length + v * SIMD_WIDTH);
	}
	for (size_t r = 0; r < rows; r++) {
		const vec s = vec_all(scale[r]), o = vec_all(offset[r]), more = vec_all(slack[r]);
		float keys[LANES];
		uint32_t above = 0;
		for (size_t v = 0; v < LANES / SIMD_WIDTH; v++) {
			const vec p = vec_load(product + r * LANES + v * SIMD_WIDTH);
			const vec k = p * s - o + lengths[v] * more;
			vec_store(keys + v * SIMD_WIDTH, k);
			above |= lanes_above(k, bars[v]) << (v * SIMD_WIDTH);
		}
		for (; above; above &= above - 1) {
			const uint32_t q = (uint32_t)__builtin_ctz(above);
			key[n] = keys[q];
			at[n++] = (uint32_t)r * LANES + q;
		}
	}
	return n;
}

/* ---- one query ----------------------------------------------------------------------- */

/* a b + c, rounded once or twice, but everywhere alike: compilers that fuse by themselves do it here and not
 * there, and equal rows would differ. */
static inline vec multiply_add(vec a, vec b, vec c)
{
#if SIMD_WIDTH == 16
	return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif SIMD_WIDTH == 8
	return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
	return a * b + c;
#endif
}

/* product[j] = query . row j, for n rows of d floats end to end. */
static inline __attribute__((always_inline)) void scan_some(
	const int rows, const float *query, const float *row, size_t d, float *product)
{
	vec sum[AT_ONCE] = {{0}};
	size_t i = 0;
	for (; i + SIMD_WIDTH <= d; i += SIMD_WIDTH) {
		const vec q = vec_load(query + i);
#pragma GCC unroll 4
		for (int j = 0; j < rows; j++)
			sum[j] = multiply_add(q, vec_load(row + (size_t)j * d + i), sum[j]);
	}
	if (i < d) {
		const vec q = vec_load_some(query + i, d - i);
#pragma GCC unroll 4
		for (int j = 0; j < rows; j++)
			sum[j] = multiply_add(
				q, vec_load_some(row + (size_t)j * d + i, d - i), sum[j]);
	}
	for (int j = 0; j < rows; j++)
		product[j] = vec_sum(sum[j]);
}

void KERNEL(scan_floats)(const float *query, const float *row, size_t n, size_t d, float *product)
{
	size_t j = 0;
	for (; j + AT_ONCE <= n; j += AT_ONCE)
		scan_some(AT_ONCE, query, row + j * d, d, product + j);
	for (; j < n; j++)
		scan_some(1, query, row + j * d, d, product + j);
}
