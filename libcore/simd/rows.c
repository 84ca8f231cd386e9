/* rows: kernels over one vector of n floats that need sums over it, and products of vectors. */
#include "vmath.h"

/* The sum of a register in the order of vec_sum, and the largest, without a way through memory: halves are
 * brought together until one float is left. */
#if SIMD_WIDTH == 4
static inline float sum_across(vec v)
{
	return (v[0] + v[2]) + (v[1] + v[3]);
}

static inline float top_across(vec v)
{
	return vec_top(v);
}
#else
static inline float sum_across(vec v)
{
#if SIMD_WIDTH == 16
	const __m256 h = _mm256_add_ps(
		_mm512_castps512_ps256((__m512)v), _mm512_extractf32x8_ps((__m512)v, 1));
#else
	const __m256 h = (__m256)v;
#endif
	const __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
	const __m128 two = _mm_add_ps(q, _mm_movehl_ps(q, q));
	return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static inline float top_across(vec v)
{
#if SIMD_WIDTH == 16
	const __m256 h = _mm256_max_ps(
		_mm512_castps512_ps256((__m512)v), _mm512_extractf32x8_ps((__m512)v, 1));
#else
	const __m256 h = (__m256)v;
#endif
	const __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
	const __m128 two = _mm_max_ps(q, _mm_movehl_ps(q, q));
	return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
#endif

/* sum of a b */
float KERNEL(dot)(const float *a, const float *b, size_t n)
{
	vec s = {0};
	for (size_t i = 0; i < n; i += SIMD_WIDTH)
		s += vec_load_some(a + i, n - i) * vec_load_some(b + i, n - i);
	return sum_across(s);
}

/* y = a + b; y may be either */
void KERNEL(sum)(const float *a, const float *b, float *y, size_t n)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH)
		vec_store_some(
			y + i, vec_load_some(a + i, n - i) + vec_load_some(b + i, n - i), n - i);
}

/* y = a b, or y += a b; y may be either */
void KERNEL(mul)(const float *a, const float *b, float *y, size_t n, bool add)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH)
		vec_put_some(y + i, vec_load_some(a + i, n - i) * vec_load_some(b + i, n - i),
			n - i, add);
}

/* y = factor x, or y += that; y may be x */
void KERNEL(times)(const float *x, float factor, float *y, size_t n, bool add)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH)
		vec_put_some(y + i, vec_load_some(x + i, n - i) * factor, n - i, add);
}

static inline float top(const float *x, size_t n)
{
	vec v = vec_all(x[0]);
	size_t i = 0;
	for (; i + SIMD_WIDTH <= n; i += SIMD_WIDTH)
		v = vec_max(v, vec_load(x + i));
	float t = top_across(v);
	for (; i < n; i++)
		t = x[i] > t ? x[i] : t;
	return t;
}

/* y = exp(factor x) / sum of that, factor > 0; y may be x */
void KERNEL(softmax)(const float *x, float *y, size_t n, float factor)
{
	const float t = top(x, n);
	vec s = {0};
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const vec e = vec_exp((vec_load_some(x + i, n - i) - t) * factor);
		vec_store_some(y + i, e, n - i);
		s += vec_load_some(y + i, n - i);
	}
	KERNEL(times)(y, 1 / sum_across(s), y, n, false);
}

/* dx = factor y (dy - sum of y dy), or dx += that; dx may be dy */
void KERNEL(softmax_back)(
	const float *y, const float *dy, float *dx, size_t n, float factor, bool add)
{
	const float s = KERNEL(dot)(y, dy, n);
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const vec v = vec_load_some(y + i, n - i), g = vec_load_some(dy + i, n - i);
		vec_put_some(dx + i, v * (g - s) * factor, n - i, add);
	}
}

/* Mean of n floats, and 1 / sqrt(variance + eps); two passes, because one loses the small variances
 * of large values. */
void KERNEL(moments)(const float *x, size_t n, float eps, float *mean, float *scale)
{
	enum { SUMS = 4, STEP = SUMS * SIMD_WIDTH };
	vec s[SUMS] = {{0}}, q[SUMS] = {{0}};
	size_t i = 0;
	for (; i + STEP <= n; i += STEP)
		for (size_t k = 0; k < SUMS; k++) {
			vec_ahead(x + i + k * SIMD_WIDTH);
			s[k] += vec_load(x + i + k * SIMD_WIDTH);
		}
	for (; i < n; i += SIMD_WIDTH)
		s[0] += vec_load_some(x + i, n - i);
	const float m = sum_across((s[0] + s[1]) + (s[2] + s[3])) / (float)n;
	for (i = 0; i + STEP <= n; i += STEP)
		for (size_t k = 0; k < SUMS; k++) {
			const vec d = vec_load(x + i + k * SIMD_WIDTH) - m;
			q[k] += d * d;
		}
	for (; i + SIMD_WIDTH <= n; i += SIMD_WIDTH) {
		const vec d = vec_load(x + i) - m;
		q[0] += d * d;
	}
	float rest = 0;
	for (; i < n; i++)
		rest += (x[i] - m) * (x[i] - m);
	const float square = sum_across((q[0] + q[1]) + (q[2] + q[3])) + rest;
	*mean = m;
	*scale = 1 / __builtin_sqrtf(square / (float)n + eps);
}

/* y = (x - mean) scale weight + bias; y may be x; weight and bias may be NULL together. */
void KERNEL(norm)(const float *x, float mean, float scale, const float *weight, const float *bias,
	float *y, size_t n)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const size_t left = n - i;
		vec v = (vec_load_some(x + i, left) - mean) * scale;
		vec_ahead(y + i);
		if (weight)
			v = v * vec_load_some(weight + i, left) + vec_load_some(bias + i, left);
		vec_store_some(y + i, v, left);
	}
}

/* What norm's gradient needs of a vector, h = (x - mean) scale, g = dy weight (weight may be NULL):
 * *sum = sum of g, *dot = sum of g h; and, unless dweight is NULL, dweight += dy h, dbias += dy. */
void KERNEL(norm_sums)(const float *x, float mean, float scale, const float *weight,
	const float *dy, size_t n, float *sum, float *dot, float *dweight, float *dbias)
{
	vec s = {0}, d = {0};
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const size_t left = n - i;
		const vec h = (vec_load_some(x + i, left) - mean) * scale;
		const vec own = vec_load_some(dy + i, left);
		vec_ahead(x + i);
		vec_ahead(dy + i);
		const vec g = weight ? own * vec_load_some(weight + i, left) : own;
		s += g;
		d += g * h;
		if (dweight) {
			vec_put_some(dweight + i, own * h, left, true);
			vec_put_some(dbias + i, own, left, true);
		}
	}
	*sum = sum_across(s);
	*dot = sum_across(d);
}

/* dx = scale (g - a - h b), or dx += that, with a, b the means of g and g h; dx may be dy. */
void KERNEL(norm_back)(const float *x, float mean, float scale, const float *weight,
	const float *dy, float a, float b, float *dx, size_t n, bool add)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const size_t left = n - i;
		const vec h = (vec_load_some(x + i, left) - mean) * scale;
		vec g = vec_load_some(dy + i, left);
		vec_ahead(dx + i);
		if (weight)
			g *= vec_load_some(weight + i, left);
		vec_put_some(dx + i, (g - a - h * b) * scale, left, add);
	}
}

/* y, products x.c of one vector with n centres, becomes max(0, mean(z) - z), z = |x - c|, from
 * xx = |x|^2 and cc = |c|^2. */
void KERNEL(triangle)(float xx, const float *cc, float *y, size_t n)
{
	const vec zero = {0};
	vec sum = {0};
	size_t i = 0;
	float rest = 0;
	for (; i + SIMD_WIDTH <= n; i += SIMD_WIDTH) {
		const vec z =
			vec_sqrt(vec_max(zero, vec_load(cc + i) - 2.0F * vec_load(y + i) + xx));
		vec_store(y + i, z);
		sum += z;
	}
	for (; i < n; i++) {
		const float square = cc[i] - 2.0F * y[i] + xx;
		y[i] = __builtin_sqrtf(square > 0 ? square : 0);
		rest += y[i];
	}
	const float mean = (sum_across(sum) + rest) / (float)n;
	for (i = 0; i < n; i += SIMD_WIDTH)
		vec_store_some(y + i, vec_max(zero, mean - vec_load_some(y + i, n - i)), n - i);
}
