/*
 * vmath: functions of a register of floats, for the kernels of this folder: exp and what is made of
 * it, the normal distribution, sums over a register. Coefficients are minimax fits of our own
 * (Lawson's iteration); the errors given are of the fit, rounding adds a few units in the last
 * place.
 */
#ifndef CVT_SIMD_VMATH_H
#define CVT_SIMD_VMATH_H

#include "kernel.h"

#include <string.h>
#if SIMD_WIDTH > 4
#include <immintrin.h>
#endif

typedef int32_t ivec __attribute__((vector_size(SIMD_WIDTH * 4)));

/* A mask of the first n < SIMD_WIDTH lanes. */
#if SIMD_WIDTH == 16
static inline __mmask16 lanes_before(size_t n)
{
	return (__mmask16)((1u << n) - 1);
}
#elif SIMD_WIDTH == 8
static inline __m256i lanes_before(size_t n)
{
	const ivec lane = {0, 1, 2, 3, 4, 5, 6, 7};
	return (__m256i)(lane < (int)n);
}
#endif

/* The first n floats at p (all if there are enough), the rest 0. */
static inline vec vec_load_some(const float *p, size_t n)
{
	if (n >= SIMD_WIDTH)
		return vec_load(p);
#if SIMD_WIDTH == 16
	return (vec)_mm512_maskz_loadu_ps(lanes_before(n), p);
#elif SIMD_WIDTH == 8
	return (vec)_mm256_maskload_ps(p, lanes_before(n));
#else
	vec v = {0};
	memcpy(&v, p, n * sizeof *p);
	return v;
#endif
}

static inline void vec_store_some(float *p, vec v, size_t n)
{
	if (n >= SIMD_WIDTH) {
		vec_store(p, v);
		return;
	}
#if SIMD_WIDTH == 16
	_mm512_mask_storeu_ps(p, lanes_before(n), (__m512)v);
#elif SIMD_WIDTH == 8
	_mm256_maskstore_ps(p, lanes_before(n), (__m256)v);
#else
	memcpy(p, &v, n * sizeof *p);
#endif
}

/* to[0..n) = v, or += v. */
static inline void vec_put_some(float *to, vec v, size_t n, bool add)
{
	vec_store_some(to, add ? vec_load_some(to, n) + v : v, n);
}

static inline vec vec_select(ivec mask, vec yes, vec no)
{
	return (vec)(((ivec)yes & mask) | ((ivec)no & ~mask));
}

static inline vec vec_max(vec a, vec b)
{
	return vec_select(a > b, a, b);
}

static inline vec vec_min(vec a, vec b)
{
	return vec_select(a < b, a, b);
}

/* What vec_max holds results of a tail to: NaN stays. */
static inline vec tail_least(const struct simd_tail *t)
{
	return vec_all(t->relu ? 0 : -__builtin_inff());
}

static inline vec vec_abs(vec x)
{
	return (vec)((ivec)x & 0x7fffffff);
}

/* magnitude of x, sign of s */
static inline vec vec_copysign(vec x, vec s)
{
	return (vec)(((ivec)x & 0x7fffffff) | ((ivec)s & ~0x7fffffff));
}

/* The square root: one instruction for all of a register. */
static inline vec vec_sqrt(vec x)
{
#if SIMD_WIDTH == 16
	return (vec)_mm512_sqrt_ps((__m512)x);
#elif SIMD_WIDTH == 8
	return (vec)_mm256_sqrt_ps((__m256)x);
#else
	for (int i = 0; i < SIMD_WIDTH; i++)
		x[i] = __builtin_sqrtf(x[i]);
	return x;
#endif
}

/* exp x = 2^k exp r with |r| <= ln 2 / 2 (fit: 3e-9); 0 below -87.3, at most exp 88. NaN stays. */
static inline vec vec_exp(vec x)
{
	const vec magic = vec_all(12582912); /* 1.5 x 2^23: adding it rounds to a whole number */
	const vec c = vec_select(x > 88.0f, vec_all(88), x);
	const vec shifted = c * 1.44269504f + magic, k = shifted - magic;
	const vec r = c - k * 0.693359375f + k * 2.12194440e-4f;
	vec p = r * 1.38144668e-3f + 8.36878042e-3f;
	p = p * r + 4.16683942e-2f;
	p = p * r + 0.166665201f;
	p = p * r + 0.499999934f;
	p = p * r * r + r + 1.0f;
	const vec power = (vec)(((ivec)shifted - (ivec)magic + 127) << 23);
	return vec_select(x < -87.3f, vec_all(0), p * power);
}

static inline vec vec_sigmoid(vec x)
{
	return 1.0f / (1.0f + vec_exp(-x));
}

/* log(1 + exp x) = max(x, 0) + log(1 + e) with e = exp(-|x|), and log(1 + e) = 2 artanh s with
 * s = e / (2 + e), at most 1/3, an odd polynomial (fit: 5e-9 relative). */
static inline vec vec_softplus(vec x)
{
	const vec e = vec_exp(-vec_abs(x)), s = e / (2.0f + e), u = s * s;
	vec p = u * 0.140060048f + 0.140009005f;
	p = p * u + 0.200107637f;
	p = p * u + 0.333332081f;
	return vec_max(x, vec_all(0)) + 2.0f * (s + s * u * p);
}

/* Near 0 an odd polynomial (fit: 3e-9), else (1 - e) / (1 + e) with e = exp(-2 |x|). */
static inline vec vec_tanh(vec x)
{
	const vec a = vec_abs(x), s = x * x, e = vec_exp(-2.0f * a);
	vec p = s * -5.89515806e-3f + 2.07959716e-2f;
	p = p * s - 5.37838303e-2f;
	p = p * s + 0.133319241f;
	p = p * s - 0.33333298f;
	const vec large = vec_copysign((1.0f - e) / (1.0f + e), x);
	return vec_select(a < 0.6f, x + x * s * p, large);
}

/* The normal distribution function P(x) and its density d: with u = |x| and t = 1 / (1 + 0.3 u),
 * P(-u) = exp(-u^2 / 2) R(t), R a polynomial (fit: 4e-9 relative, for u up to 14). One exp serves
 * both, and the tail keeps its relative accuracy. */
static inline void vec_normal(vec x, vec *P, vec *d)
{
	static const float fit[] = {-2.06128255e-2f, 0.112375756f, -0.228067457f, 0.191581613f,
		-7.92472678e-2f, 9.60577884e-2f, 7.84255946e-2f, 0.110227321f, 0.119572842f,
		0.119686634f};
	const vec t = 1.0f / (1.0f + 0.3f * vec_abs(x)), e = vec_exp(-0.5f * x * x);
	vec r = vec_all(fit[0]);
	for (size_t i = 1; i < sizeof fit / sizeof *fit; i++)
		r = r * t + fit[i];
	const vec tail = e * r * t;
	*P = vec_select(x > 0.0f, 1.0f - tail, tail);
	*d = e * 0.398942280f;
}

/* The sum, and the largest, of a register's floats; halves first, so that the order is fixed. */
static inline float vec_sum(vec v)
{
	float f[SIMD_WIDTH];
	memcpy(f, &v, sizeof f);
	for (size_t half = SIMD_WIDTH / 2; half; half /= 2)
		for (size_t i = 0; i < half; i++)
			f[i] += f[i + half];
	return f[0];
}

static inline float vec_top(vec v)
{
	float f[SIMD_WIDTH];
	memcpy(f, &v, sizeof f);
	for (size_t i = 1; i < SIMD_WIDTH; i++)
		f[0] = f[i] > f[0] ? f[i] : f[0];
	return f[0];
}

#endif
