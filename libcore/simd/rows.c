/* rows: kernels over one vector of n floats that need sums over it, and products of vectors. */
#include "vmath.h"

/* sum of a b */
float KERNEL(dot)(const float *a, const float *b, size_t n)
{
	vec s = {0};
	for (size_t i = 0; i < n; i += SIMD_WIDTH)
		s += vec_load_some(a + i, n - i) * vec_load_some(b + i, n - i);
	return vec_sum(s);
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
	float t = vec_top(v);
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
	KERNEL(times)(y, 1 / vec_sum(s), y, n, false);
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
	vec s = {0}, q = {0};
	for (size_t i = 0; i < n; i += SIMD_WIDTH)
		s += vec_load_some(x + i, n - i);
	const float m = vec_sum(s) / (float)n;
	size_t i = 0;
	for (; i + SIMD_WIDTH <= n; i += SIMD_WIDTH) {
		const vec d = vec_load(x + i) - m;
		q += d * d;
	}
	float rest = 0;
	for (; i < n; i++)
		rest += (x[i] - m) * (x[i] - m);
	*mean = m;
	*scale = 1 / __builtin_sqrtf((vec_sum(q) + rest) / (float)n + eps);
}

/* y = (x - mean) scale weight + bias; y may be x; weight and bias may be NULL together. */
void KERNEL(norm)(const float *x, float mean, float scale, const float *weight, const float *bias,
	float *y, size_t n)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const size_t left = n - i;
		vec v = (vec_load_some(x + i, left) - mean) * scale;
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
		const vec g = weight ? own * vec_load_some(weight + i, left) : own;
		s += g;
		d += g * h;
		if (dweight) {
			vec_put_some(dweight + i, own * h, left, true);
			vec_put_some(dbias + i, own, left, true);
		}
	}
	*sum = vec_sum(s);
	*dot = vec_sum(d);
}

/* dx = scale (g - a - h b), or dx += that, with a, b the means of g and g h; dx may be dy. */
void KERNEL(norm_back)(const float *x, float mean, float scale, const float *weight,
	const float *dy, float a, float b, float *dx, size_t n, bool add)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const size_t left = n - i;
		const vec h = (vec_load_some(x + i, left) - mean) * scale;
		vec g = vec_load_some(dy + i, left);
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
	const float mean = (vec_sum(sum) + rest) / (float)n;
	for (i = 0; i < n; i += SIMD_WIDTH)
		vec_store_some(y + i, vec_max(zero, mean - vec_load_some(y + i, n - i)), n - i);
}
