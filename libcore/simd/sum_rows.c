/*
 * sum_rows: the sum of vectors of c floats, which is what a bias's gradient and a mean over places are.
 * Narrow ones are taken as a longer period, so many that they fill whole registers, each of which has
 * sums of its own in every lane; these are folded at the end. The order is given by sizes alone.
 */
#include "vmath.h"

enum { SUMS = 4, NARROW = 4 * SIMD_WIDTH, CHUNK = 1 << 13 }; /* the last: floats that stay near */

/* Columns k.. of all rows, SUMS registers of them, `left` floats. */
static inline void sum_columns(const float *x, size_t rows, size_t c, size_t left, float *sum)
{
	vec s[SUMS] = {{0}};
	for (size_t r = 0; r < rows; r++, x += c)
		for (size_t i = 0; i < SUMS && i * SIMD_WIDTH < left; i++)
			s[i] += vec_load_some(x + i * SIMD_WIDTH, left - i * SIMD_WIDTH);
	for (size_t i = 0; i < SUMS && i * SIMD_WIDTH < left; i++)
		vec_store_some(sum + i * SIMD_WIDTH, s[i], left - i * SIMD_WIDTH);
}

/* The sum of one register of n periods. */
static inline vec sum_register(const float *x, size_t n, size_t period)
{
	vec s[SUMS] = {{0}};
	size_t i = 0;
	for (; i + SUMS <= n; i += SUMS, x += SUMS * period)
		for (size_t k = 0; k < SUMS; k++)
			s[k] += vec_load(x + k * period);
	for (; i < n; i++, x += period)
		s[0] += vec_load(x);
	return (s[0] + s[1]) + (s[2] + s[3]);
}

/* Vectors after which a register begins with the first float of one again: SIMD_WIDTH / gcd. */
static size_t vectors_of_period(size_t c)
{
	size_t n = SIMD_WIDTH;
	while (n > 1 && n / 2 * c % SIMD_WIDTH == 0)
		n /= 2;
	return n;
}

/* sum += all of `n` periods */
static void sum_periods(const float *x, size_t n, size_t vectors, size_t c, float *sum)
{
	float room[NARROW * SIMD_WIDTH] = {0};
	const size_t period = vectors * c, some = period < CHUNK ? CHUNK / period : 1;
	for (size_t i = 0; i < n; i += some)
		for (size_t k = 0; k < period; k += SIMD_WIDTH) {
			const size_t m = n - i < some ? n - i : some;
			const vec s = sum_register(x + i * period + k, m, period);
			vec_store(room + k, vec_load(room + k) + s);
		}
	for (size_t v = 0; v < vectors; v++)
		for (size_t k = 0; k < c; k++)
			sum[k] += room[v * c + k];
}

/* sum[k] = sum over rows of x[row][k] */
void KERNEL(sum_rows)(const float *restrict x, size_t rows, size_t c, float *restrict sum)
{
	const size_t vectors = vectors_of_period(c), n = rows / vectors;
	size_t r = 0;
	if (c >= NARROW || n < 2 * SUMS) {
		for (size_t k = 0; k < c; k += SUMS * SIMD_WIDTH)
			sum_columns(x + k, rows, c, c - k, sum + k);
		return;
	}
	memset(sum, 0, c * sizeof *sum);
	sum_periods(x, n, vectors, c, sum);
	for (r = n * vectors; r < rows; r++)
		for (size_t k = 0; k < c; k++)
			sum[k] += x[r * c + k];
}
