/* The activations' kernels of every kind of processor against libm in double: over the whole range,
 * on odd lengths (nothing beyond the end is touched), in place, with NaN and infinity. */
#include "../../libcore/simd.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LENGTHS = 70 };

typedef void unary(const float *x, float *y, size_t n);
typedef void back(const float *x, const float *dy, float *dx, size_t n, bool add);

static double gelu(double x)
{
	return 0.5 * x * erfc(-x / sqrt(2));
}

static double gelu_slope(double x)
{
	return 0.5 * erfc(-x / sqrt(2)) + x * exp(-x * x / 2) / sqrt(8 * atan(1));
}

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

static double silu(double x)
{
	return x * sigmoid(x);
}

static double silu_slope(double x)
{
	return sigmoid(x) * (1 + x * (1 - sigmoid(x)));
}

static bool check(bool good, const char *isa, const char *what, double worst)
{
	printf("%s %s of %s, error %.2g\n", good ? "ok" : "not ok", what, isa, worst);
	return good;
}

/* The largest error, relative where the value is beyond `floor` and to `floor` below it. */
static double error_of(unary *f, double (*truth)(double), double floor)
{
	float x[1024], y[1024];
	double worst = 0;
	for (size_t piece = 0; piece < 800; piece++) { /* -100 to 100 */
		for (size_t i = 0; i < 1024; i++)
			x[i] = (float)((double)(piece * 1024 + i) / 4096 - 100);
		f(x, y, 1024);
		for (size_t i = 0; i < 1024; i++) {
			const double t = truth((double)x[i]);
			worst = fmax(worst, fabs((double)y[i] - t) / fmax(fabs(t), floor));
		}
	}
	return worst;
}

static bool check_value(const char *isa, const char *what, unary *f, double (*truth)(double))
{
	const double worst = error_of(f, truth, 1e-6);
	return check(worst < 2e-6, isa, what, worst);
}

static bool check_slope(const char *isa, const char *what, back *f, double (*truth)(double))
{
	double worst = 0;
	for (size_t i = 0; i < 66667; i++) {
		const float x = (float)((double)i * 0.003 - 100), dy = 1;
		float dx = 1;
		f(&x, &dy, &dx, 1, true);
		worst = fmax(worst, fabs((double)dx - 1 - truth((double)x)));
	}
	return check(worst < 5e-7, isa, what, worst);
}

static bool check_lengths(const char *isa, const char *what, unary *f)
{
	float x[LENGTHS], y[LENGTHS + 1], whole[LENGTHS];
	bool good = true;
	for (size_t i = 0; i < LENGTHS; i++)
		x[i] = (float)i * 0.1f - 3;
	f(x, whole, LENGTHS);
	for (size_t n = 0; n <= LENGTHS; n++) {
		memcpy(y, x, sizeof x);
		y[n] = 77;
		f(y, y, n);
		good &= memcmp(y, whole, n * sizeof *y) == 0 && y[n] == 77;
	}
	return check(good, isa, what, 0);
}

/* Below -88 exp(-x) stays at its largest, so that a sigmoid ends at 6e-39. */
static bool check_odd(const char *isa, const char *what, unary *f, float below, float above)
{
	const float x[] = {NAN, -INFINITY, INFINITY};
	float y[3];
	f(x, y, 3);
	const double low = fabs((double)y[1] - (double)below);
	return check(isnan(y[0]) && low < 1e-37 && y[2] == above, isa, what, low);
}

static bool check_isa(const struct simd *s)
{
	bool good = check_value(s->name, "gelu", s->gelu, gelu);
	good &= check_value(s->name, "silu", s->silu, silu);
	good &= check_value(s->name, "sigmoid", s->sigmoid, sigmoid);
	good &= check_value(s->name, "tanh", s->tanh, tanh);
	good &= check_slope(s->name, "slope of gelu", s->gelu_back, gelu_slope);
	good &= check_slope(s->name, "slope of silu", s->silu_back, silu_slope);
	good &= check_lengths(s->name, "any length of gelu", s->gelu);
	good &= check_lengths(s->name, "any length of tanh", s->tanh);
	good &= check_odd(s->name, "NaN and infinity of tanh", s->tanh, -1, 1);
	good &= check_odd(s->name, "NaN and infinity of sigmoid", s->sigmoid, 0, 1);
	return good;
}

int main(void)
{
	static const char *const names[] = {"portable", "avx2", "avx512"};
	bool good = true;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct simd *s = simd_named(names[i]);
		if (s)
			good &= check_isa(s);
		else
			printf("skip %s: this processor has it not\n", names[i]);
	}
	return good ? 0 : 1;
}
