/* Every kernel over vectors, for every kind of processor that this one is, against its formula in
 * double precision and against the portable version; nothing is written beyond the end. */
#include "../../libcore/simd.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../../libcore/rng.h"

enum { MOST = 300, GUARD = 64 };
static const float untouched = 12345.5F;
static float A[MOST], B[MOST], C[MOST]; /* inputs, filled once */
static const float mean = 0.3F, scale = 1.7F;

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

static double normal(double x) /* the distribution function */
{
	return 0.5 * erfc(-x / sqrt(2));
}

static double density(double x)
{
	return exp(-x * x / 2) / sqrt(2 * acos(-1));
}

/* Sums of products of f over 0..n-1. */
static double total(double (*f)(size_t), size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += f(i);
	return sum;
}

static double f_exp(size_t i)
{
	return exp(0.5 * (double)A[i]);
}

static double f_ab(size_t i)
{
	return (double)A[i] * (double)B[i];
}

static double f_a(size_t i)
{
	return (double)A[i];
}

/* |x - c| where |c|^2 is B, x.c is C and |x|^2 is 9. */
static double f_far(size_t i)
{
	return sqrt(fmax(0.0, (double)B[i] - 2 * (double)C[i] + 9));
}

static double f_bc(size_t i)
{
	return (double)B[i] * (double)C[i];
}

static double f_bce(size_t i)
{
	const double a = 9 * (double)A[i];
	return fmax(a, 0) + log1p(exp(-fabs(a))) - a * (double)B[i];
}

static double hat(size_t i)
{
	return ((double)A[i] - (double)mean) * (double)scale;
}

static double f_bch(size_t i)
{
	return f_bc(i) * hat(i);
}

static double variance(size_t n)
{
	const double m = total(f_a, n) / (double)n;
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += ((double)A[i] - m) * ((double)A[i] - m);
	return sum / (double)n;
}

/* X(name, how many results, call of s's kernel on out, the formula of result i): a, b, c are what
 * A, B, C hold at i. Kernels that add find C in out. */
#define KERNELS(X)                                                                                 \
	X(add, n, s->add(out, A, n), c + a)                                                        \
	X(sum, n, s->sum(A, B, out, n), a + b)                                                     \
	X(sum_in_place, n, s->sum(out, B, out, n), c + b)                                          \
	X(mul, n, s->mul(A, B, out, n, false), a *b)                                               \
	X(mul_add, n, s->mul(A, B, out, n, true), c + a * b)                                       \
	X(times, n, s->times(A, 2.5F, out, n, false), 2.5 * a)                                     \
	X(times_add, n, s->times(A, 2.5F, out, n, true), c + 2.5 * a)                              \
	X(relu, n, s->relu(A, out, n), a > 0 ? a : 0)                                              \
	X(relu_in_place, n, s->relu(out, out, n), c > 0 ? c : 0)                                   \
	X(relu_back, n, s->relu_back(A, B, out, n, false), a > 0 ? b : 0)                          \
	X(relu_back_add, n, s->relu_back(A, B, out, n, true), c + (a > 0 ? b : 0))                 \
	X(relu_back_in_place, n, s->relu_back(A, out, out, n, false), a > 0 ? c : 0)               \
	X(relu6, n, s->relu6(A, out, n), a > 6 ? 6 : a > 0 ? a : 0)                                \
	X(relu6_back, n, s->relu6_back(A, B, out, n, false), a > 0 && a < 6 ? b : 0)               \
	X(relu6_back_add, n, s->relu6_back(A, B, out, n, true), c + (a > 0 && a < 6 ? b : 0))      \
	X(leaky, n, s->leaky(A, out, n, 0.25F), a > 0 ? a : 0.25 * a)                              \
	X(leaky_back, n, s->leaky_back(A, B, out, n, 0.25F, true), c + (a > 0 ? b : 0.25 * b))     \
	X(gelu, n, s->gelu(A, out, n), a *normal(a))                                               \
	X(gelu_back, n, s->gelu_back(A, B, out, n, false), b *(normal(a) + a * density(a)))        \
	X(gelu_back_add, n, s->gelu_back(A, B, out, n, true),                                      \
		c + b * (normal(a) + a * density(a)))                                              \
	X(silu, n, s->silu(A, out, n), a *sigmoid(a))                                              \
	X(silu_back, n, s->silu_back(A, B, out, n, true),                                          \
		c + b * sigmoid(a) * (1 + a * (1 - sigmoid(a))))                                   \
	X(sigmoid, n, s->sigmoid(A, out, n), sigmoid(a))                                           \
	X(sigmoid_back, n, s->sigmoid_back(A, B, out, n, true), c + b * a * (1 - a))               \
	X(bce, 1, (s->times(A, 9, out, n, false), out[0] = (float)s->bce(out, B, n)),              \
		total(f_bce, n))                                                                   \
	X(bce_back, n, s->bce_back(A, B, 0.5F, out, n, true), c + 0.5 * (sigmoid(a) - b))          \
	X(tanh, n, s->tanh(A, out, n), tanh(a))                                                    \
	X(tanh_back, n, s->tanh_back(A, B, out, n, true), c + b * (1 - a * a))                     \
	X(dot, 1, out[0] = s->dot(A, B, n), total(f_ab, n))                                        \
	X(softmax, n, s->softmax(A, out, n, 0.5F), exp(0.5 * a) / total(f_exp, n))                 \
	X(softmax_back, n, s->softmax_back(A, B, out, n, 0.5F, true),                              \
		c + 0.5 * a * (b - total(f_ab, n)))                                                \
	X(moments, 2, s->moments(A, n, 0.01F, out, out + 1),                                       \
		i == 0 ? total(f_a, n) / (double)n : 1 / sqrt(variance(n) + (double)0.01F))        \
	X(norm, n, s->norm(A, mean, scale, B, C, out, n), hat(i) * b + c)                          \
	X(norm_bare, n, s->norm(A, mean, scale, NULL, NULL, out, n), hat(i))                       \
	X(norm_back, n, s->norm_back(A, mean, scale, B, C, 0.5F, 0.25F, out, n, false),            \
		(double)scale *(c * b - 0.5 - hat(i) * 0.25))                                      \
	X(norm_sums, 2, s->norm_sums(A, mean, scale, B, C, n, out, out + 1, NULL, NULL),           \
		total(i == 0 ? f_bc : f_bch, n))                                                   \
	X(triangle, n, s->triangle(9, B, out, n), fmax(0, total(f_far, n) / (double)n - f_far(i)))

#define DEFINE(name, count, call, formula)                                                         \
	static size_t run_##name(const struct simd *s, float *out, size_t n)                       \
	{                                                                                          \
		call;                                                                              \
		return count;                                                                      \
	}                                                                                          \
	static double want_##name(size_t i, size_t n)                                              \
	{                                                                                          \
		const double a = (double)A[i], b = (double)B[i], c = (double)C[i];                 \
		(void)a, (void)b, (void)c, (void)n;                                                \
		return formula;                                                                    \
	}
KERNELS(DEFINE)

static const struct kernel {
	const char *name;
	size_t (*run)(const struct simd *s, float *out, size_t n);
	double (*want)(size_t i, size_t n);
} kernels[] = {
#define LIST(name, count, call, formula) {#name, run_##name, want_##name},
	KERNELS(LIST)};

static const size_t sizes[] = {
	1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 100, 129, 300};

static size_t run(const struct kernel *k, const struct simd *s, float *out, size_t n)
{
	memcpy(out, C, n * sizeof *out);
	for (size_t i = n; i < n + GUARD; i++)
		out[i] = untouched;
	return k->run(s, out, n);
}

static bool near(double got, double want)
{
	return fabs(got - want) <= 2e-5 * (1 + fabs(want));
}

/* One size: right, like the portable one, and nothing behind the end (2 results fit in any n). */
static bool is_right(const struct kernel *k, const struct simd *s, size_t n)
{
	float out[MOST + GUARD], plain[MOST + GUARD];
	const size_t results = run(k, s, out, n);
	(void)run(k, simd_named("portable"), plain, n);
	bool right = true;
	for (size_t i = 0; i < results; i++)
		right = right && near((double)out[i], k->want(i, n))
			&& near((double)out[i], (double)plain[i]);
	for (size_t i = results > n ? results : n; i < n + GUARD; i++)
		right = right && memcmp(&out[i], &untouched, sizeof untouched) == 0;
	return right;
}

static void fill(void)
{
	struct rng r;
	rng_for(&r, 1, RNG_METHOD, 0, 0);
	for (size_t i = 0; i < MOST; i++) {
		A[i] = 2 * rng_normal(&r);
		B[i] = rng_normal(&r);
		C[i] = rng_normal(&r);
	}
	A[5] = 0;
	A[6] = -0.0F;
	A[7] = 6;
	A[9] = 7.5F;
}

/* What is not a number is not taken for 0 by a relu, by itself or behind batch norm. */
static bool keeps_nan(const struct simd *s)
{
	enum { N = 37 };
	static const float affine[2 * N] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	float x[N] = {0}, y[2][N], z[2][N];
	x[3] = x[N - 1] = NAN;
	s->relu(x, y[0], N);
	s->relu6(x, y[1], N);
	s->channel_scale(x, 1, N, affine, true, z[0]);
	s->channel_scale(x, 1, N, affine, false, z[1]);
	bool good = true;
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < 2; k++)
			good = good && isnan(y[k][i]) == isnan(x[i])
			       && isnan(z[k][i]) == isnan(x[i]);
	return good;
}

/* Adam's update of n weights against its formula, in which the gradient's limit counts. */
static bool adam_is_right(const struct simd *s, size_t n)
{
	static const struct simd_adam a = {.scale = 0.5F,
		.limit = 0.9F,
		.coupled = 0.01F,
		.keep = 0.98F,
		.m_keep = 0.9F,
		.m_new = 0.1F,
		.v_keep = 0.99F,
		.v_new = 0.01F,
		.size = 0.02F,
		.root = 1.5F,
		.epsilon = 1e-3F};
	float w[MOST + 1], g[MOST + 1], m[MOST + 1], v[MOST + 1];
	bool right = true;
	for (size_t i = 0; i < n; i++) {
		w[i] = A[i];
		g[i] = 2 * B[i];
		m[i] = C[i];
		v[i] = C[i] * C[i];
	}
	w[n] = untouched;
	s->adam(&a, w, g, m, v, n);
	for (size_t i = 0; i < n; i++) {
		const double old = (double)A[i], c = (double)C[i];
		const double d = fmax(-0.9, fmin(0.9, (double)B[i])) + 0.01 * old;
		const double mean_of = 0.9 * c + 0.1 * d, square = 0.99 * c * c + 0.01 * d * d;
		const double want = 0.98 * old - 0.02 * mean_of / (sqrt(square) * 1.5 + 1e-3);
		right = right && near((double)w[i], want) && near((double)m[i], mean_of)
			&& near((double)v[i], square) && g[i] == 0;
	}
	return right && memcmp(&w[n], &untouched, sizeof untouched) == 0;
}

static int check_processor(const char *name)
{
	const struct simd *s = simd_named(name);
	int failures = 0;
	if (!s) {
		printf("skip kernels of %s: this processor has it not\n", name);
		return 0;
	}
	for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
		bool right = true;
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
			right = right && is_right(&kernels[k], s, sizes[i]);
		printf("%s %s of %s\n", right ? "ok" : "not ok", kernels[k].name, name);
		failures += !right;
	}
	const bool kept = keeps_nan(s);
	printf("%s NaN stays NaN in a relu of %s\n", kept ? "ok" : "not ok", name);
	bool moved = true;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		moved = moved && adam_is_right(s, sizes[i]);
	printf("%s adam of %s\n", moved ? "ok" : "not ok", name);
	return failures + !kept + !moved;
}

int main(void)
{
	fill();
	const int failures =
		check_processor("portable") + check_processor("avx2") + check_processor("avx512");
	return failures != 0;
}
