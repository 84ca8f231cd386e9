/* activation: nonlinearities of n floats and their gradients; y may be x, dx may be dy. The
 * gradients overwrite dx, or add to it. */
#include "vmath.h"

/* x P(x), P the normal distribution function (Hendrycks and Gimpel, "GELU", 2016). */
void KERNEL(gelu)(const float *x, float *y, size_t n)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const vec v = vec_load_some(x + i, n - i);
		vec P, d;
		vec_ahead(x + i);
		vec_ahead(y + i);
		vec_normal(v, &P, &d);
		vec_store_some(y + i, v * P, n - i);
	}
}

/* P(x) + x d(x) */
void KERNEL(gelu_back)(const float *x, const float *dy, float *dx, size_t n, bool add)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const vec v = vec_load_some(x + i, n - i), g = vec_load_some(dy + i, n - i);
		vec P, d;
		vec_ahead(x + i);
		vec_ahead(dy + i);
		vec_normal(v, &P, &d);
		vec_put_some(dx + i, g * (P + v * d), n - i, add);
	}
}

/* x s(x), s the sigmoid */
void KERNEL(silu)(const float *x, float *y, size_t n)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const vec v = vec_load_some(x + i, n - i);
		vec_store_some(y + i, v * vec_sigmoid(v), n - i);
	}
}

/* s + x s (1 - s); with e = exp(-x), 1 - s is e s, which loses nothing where s is near 1 */
void KERNEL(silu_back)(const float *x, const float *dy, float *dx, size_t n, bool add)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const vec v = vec_load_some(x + i, n - i), g = vec_load_some(dy + i, n - i);
		const vec e = vec_exp(-v), s = 1.0f / (1.0f + e);
		vec_put_some(dx + i, g * (s + v * s * (e * s)), n - i, add);
	}
}

void KERNEL(sigmoid)(const float *x, float *y, size_t n)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH)
		vec_store_some(y + i, vec_sigmoid(vec_load_some(x + i, n - i)), n - i);
}

/* y (1 - y) */
void KERNEL(sigmoid_back)(const float *y, const float *dy, float *dx, size_t n, bool add)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const vec v = vec_load_some(y + i, n - i), g = vec_load_some(dy + i, n - i);
		vec_put_some(dx + i, g * v * (1.0f - v), n - i, add);
	}
}

void KERNEL(tanh)(const float *x, float *y, size_t n)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH)
		vec_store_some(y + i, vec_tanh(vec_load_some(x + i, n - i)), n - i);
}

/* 1 - y^2 */
void KERNEL(tanh_back)(const float *y, const float *dy, float *dx, size_t n, bool add)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const vec v = vec_load_some(y + i, n - i), g = vec_load_some(dy + i, n - i);
		vec_put_some(dx + i, g * (1.0f - v * v), n - i, add);
	}
}

/* x where it is above 0, else slope x */
void KERNEL(leaky)(const float *x, float *y, size_t n, float slope)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const vec v = vec_load_some(x + i, n - i);
		vec_store_some(y + i, vec_select(v > 0.0f, v, v * slope), n - i);
	}
}

void KERNEL(leaky_back)(const float *y, const float *dy, float *dx, size_t n, float slope, bool add)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const vec v = vec_load_some(y + i, n - i), g = vec_load_some(dy + i, n - i);
		vec_put_some(dx + i, vec_select(v > 0.0f, g, g * slope), n - i, add);
	}
}
