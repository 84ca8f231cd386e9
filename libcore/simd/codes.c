/*
 * codes: rows of whole numbers of 8 bits for the search of nearest rows, and their products with a query of
 * 16 bits. Whole numbers have no rounding: every kind of processor says the same.
 */
#include "vmath.h"

enum { AT_ONCE = 4, AHEAD = 8192 }; /* rows are asked for so many bytes before their turn */

/* Whole numbers: 32 bits hold every sum, which is the caller's affair. */
#if SIMD_WIDTH > 4
#if SIMD_WIDTH == 16
enum { STEP = 32 }; /* that many at a time; pairs of their products are added */
typedef __m512i whole;

static inline whole load_signed(const int8_t *p)
{
	return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)p));
}

static inline whole load_unsigned(const uint8_t *p)
{
	return _mm512_cvtepu8_epi16(_mm256_loadu_si256((const void *)p));
}

static inline whole add_products(whole sum, const int16_t *query, whole row)
{
	return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_loadu_si512(query), row));
}

static inline int32_t whole_sum(whole sum)
{
	return _mm512_reduce_add_epi32(sum);
}
#else
enum { STEP = 16 };
typedef __m256i whole;

static inline whole load_signed(const int8_t *p)
{
	return _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)p));
}

static inline whole load_unsigned(const uint8_t *p)
{
	return _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)p));
}

static inline whole add_products(whole sum, const int16_t *query, whole row)
{
	return _mm256_add_epi32(
		sum, _mm256_madd_epi16(_mm256_loadu_si256((const void *)query), row));
}

static inline int32_t whole_sum(whole sum)
{
	int32_t s[STEP / 2], all = 0;
	memcpy(s, &sum, sizeof s);
	for (int i = 0; i < STEP / 2; i++)
		all += s[i];
	return all;
}
#endif

#define SCAN_SOME(name, type, load)                                                                \
	static inline __attribute__((always_inline)) void name##_some(const int rows,              \
		const int16_t *query, const type *row, size_t apart, size_t d, int32_t *product)   \
	{                                                                                          \
		whole sum[AT_ONCE] = {{0}};                                                        \
		int16_t last[STEP] = {0};                                                          \
		type rest[STEP] = {0};                                                             \
		size_t i = 0;                                                                      \
		for (; i + STEP <= d; i += STEP)                                                   \
			_Pragma("GCC unroll 4") for (int j = 0; j < rows; j++)                     \
			{                                                                          \
				const type *at = row + (size_t)j * apart + i;                      \
				__builtin_prefetch(at + AHEAD);                                    \
				sum[j] = add_products(sum[j], query + i, load(at));                \
			}                                                                          \
		memcpy(last, query + i, (d - i) * sizeof *last);                                   \
		for (int j = 0; j < rows; j++) {                                                   \
			memcpy(rest, row + (size_t)j * apart + i, (d - i) * sizeof *rest);         \
			product[j] = whole_sum(                                                    \
				i < d ? add_products(sum[j], last, load(rest)) : sum[j]);          \
		}                                                                                  \
	}
#else /* compilers know what processors have for this loop, if it is plain */
#define SCAN_SOME(name, type, load)                                                                \
	static inline void name##_some(int rows, const int16_t *query, const type *row,            \
		size_t apart, size_t d, int32_t *product)                                          \
	{                                                                                          \
		for (int j = 0; j < rows; j++, row += apart) {                                     \
			int32_t sum = 0;                                                           \
			for (size_t i = 0; i < d; i++)                                             \
				sum += query[i] * row[i];                                          \
			product[j] = sum;                                                          \
		}                                                                                  \
	}
#endif

/* product[j] = query . row j, for n rows of d whole numbers, `apart` of them from one to the next. */
#define SCAN(name, type, load)                                                                     \
	SCAN_SOME(name, type, load)                                                                \
	void KERNEL(name)(const int16_t *query, const type *row, size_t n, size_t apart, size_t d, \
		int32_t *product)                                                                  \
	{                                                                                          \
		size_t j = 0;                                                                      \
		for (; j + AT_ONCE <= n; j += AT_ONCE)                                             \
			name##_some(AT_ONCE, query, row + j * apart, apart, d, product + j);       \
		for (; j < n; j++)                                                                 \
			name##_some(1, query, row + j * apart, apart, d, product + j);             \
	}
SCAN(scan_codes, int8_t, load_signed)
SCAN(scan_bytes, uint8_t, load_unsigned)

/* ---- rows as whole numbers --------------------------------------------------------- */

/* x (n numbers) as whole numbers from -127 to 127 times what is returned; *left becomes the sum of squares
 * of what that leaves of x. The greatest of x is 0 or above 1e-30. */
float KERNEL(encode)(const float *x, size_t n, int8_t *code, float *left)
{
	const vec magic = vec_all(12582912); /* 1.5 x 2^23: adding it rounds to a whole number */
	vec most = {0}, rest = {0};
	for (size_t i = 0; i < n; i += SIMD_WIDTH)
		most = vec_max(most, vec_abs(vec_load_some(x + i, n - i)));
	const float greatest = vec_top(most), unit = greatest / 127;
	const float per = greatest > 0 ? 127 / greatest : 0;
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const vec v = vec_load_some(x + i, n - i), shifted = v * per + magic;
		const vec r = v - (shifted - magic) * unit;
		const ivec whole_numbers = (ivec)shifted - (ivec)magic;
		for (size_t l = 0; l < SIMD_WIDTH && i + l < n; l++)
			code[i + l] = (int8_t)whole_numbers[l];
		rest += r * r;
	}
	*left = vec_sum(rest);
	return unit;
}
