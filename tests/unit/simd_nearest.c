/* The kernels of the search for nearest rows, for every kind of processor that this one is, against plain
 * loops: what is exact must be so to the last bit. */
#include "../../libcore/simd.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../../libcore/rng.h"

enum { ROWS = 37, MOST = 141, LANES = 32 };
static const size_t sizes[] = {1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100, 141};
enum { SIZES = sizeof sizes / sizeof *sizes };
static float X[ROWS * MOST], Q[MOST];
static int failures;

static void check(bool good, const char *what, const char *processor)
{
	printf("%s %s of %s\n", good ? "ok" : "not ok", what, processor);
	failures += !good;
}

/* As in the header of simd/exact.c, one number after the other. */
static double plain_exact(const float *a, const float *b, size_t n, bool square)
{
	double s[8] = {0};
	for (size_t i = 0; i < n; i++) {
		const double x = (double)a[i], y = (double)b[i], z = x - y;
		const double product = square ? z * z : x * y;
		s[i % 8] += product;
	}
	return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

static double plain_norm(const float *x, size_t n)
{
	double s[2][8] = {{0}}, sum = 0;
	for (size_t i = 0; i < n; i++) {
		const double product = (double)x[i] * (double)x[i];
		s[i / 8 % 2][i % 8] += product;
	}
	for (size_t k = 0; k < 2; k++)
		sum += ((s[k][0] + s[k][4]) + (s[k][1] + s[k][5]))
		       + ((s[k][2] + s[k][6]) + (s[k][3] + s[k][7]));
	return sum;
}

/* What is no number shows, wherever it is. */
static bool norm_tells(const struct simd *s)
{
	float x[MOST] = {0};
	bool good = s->exact_norm(x, 0) == 0;
	for (size_t i = 0; i < MOST; i++) {
		x[i] = i % 2 ? NAN : INFINITY;
		good = good && !isfinite(s->exact_norm(x, MOST));
		x[i] = 0;
	}
	return good;
}

static bool exact_is_right(const struct simd *s)
{
	bool good = true;
	for (size_t i = 0; i < SIZES; i++) {
		const size_t n = sizes[i];
		const double dot = s->exact_dot(Q, X + 1, n), square = s->exact_square(Q, X + 1, n);
		const double norm = s->exact_norm(X + 1, n), want_norm = plain_norm(X + 1, n);
		const double want_dot = plain_exact(Q, X + 1, n, false);
		const double want_square = plain_exact(Q, X + 1, n, true);
		good = good && memcmp(&dot, &want_dot, sizeof dot) == 0
		       && memcmp(&square, &want_square, sizeof square) == 0
		       && memcmp(&norm, &want_norm, sizeof norm) == 0;
	}
	return good;
}

/* Right, nothing behind the end, and a row's product the same alone as among others. */
static bool floats_are_right(const struct simd *s)
{
	bool good = true;
	for (size_t i = 0; i < SIZES; i++)
		for (size_t n = 0; n <= ROWS; n += 1 + n / 7) {
			const size_t d = sizes[i];
			float product[ROWS + 1] = {0}, one;
			product[n] = 7;
			s->scan_floats(Q, X, n, d, product);
			good = good && product[n] == 7.0F;
			for (size_t j = 0; j < n; j++) {
				const double want = plain_exact(Q, X + j * d, d, false);
				s->scan_floats(Q, X + j * d, 1, d, &one);
				good = good && memcmp(&one, &product[j], sizeof one) == 0
				       && fabs((double)one - want) <= 1e-5 * (1 + fabs(want));
			}
		}
	return good;
}

static bool sift_is_right(const struct simd *s)
{
	float bar[LANES], length[LANES], scale[ROWS], offset[ROWS], slack[ROWS], key[ROWS * LANES];
	uint32_t at[ROWS * LANES];
	bool good = true;
	for (size_t q = 0; q < LANES; q++) {
		length[q] = q % 4 ? 0.5F : 3;
		bar[q] = q % 3 == 0 ? INFINITY : q % 3 == 1 ? -INFINITY : (float)q / 16 - 1;
	}
	for (size_t j = 0; j < ROWS; j++) {
		slack[j] = j % 3 ? 0 : 0.125F;
		scale[j] = j % 5 ? 0.5F : 2;
		offset[j] = j == 20 ? INFINITY : j % 2 ? 0.25F : -1;
	}
	for (size_t rows = 0; rows <= ROWS; rows += 1 + rows / 5) {
		const size_t n = s->sift(X, rows, scale, offset, slack, length, bar, at, key);
		size_t found = 0;
		for (uint32_t i = 0; i < rows * LANES; i++) {
			const float k = X[i] * scale[i / LANES] - offset[i / LANES]
					+ length[i % LANES] * slack[i / LANES];
			if (!(k > bar[i % LANES]))
				continue;
			good = good && found < n && at[found] == i && key[found] == k;
			found++;
		}
		good = good && found == n;
	}
	return good;
}

/* Whole numbers are exact, at their greatest, too; rows lie apart, and nothing behind them is read. */
static bool codes_are_right(const struct simd *s)
{
	static int8_t code[ROWS * MOST];
	static uint8_t byte[ROWS * MOST];
	int16_t q[MOST];
	int32_t signed_sum[ROWS + 1], unsigned_sum[ROWS + 1];
	bool good = true;
	for (size_t i = 0; i < ROWS * MOST; i++) {
		code[i] = (int8_t)(X[i] > 1.5F ? 127 : X[i] < -1.5F ? -127 : 60 * X[i]);
		byte[i] = X[i] > 1 ? 255 : (uint8_t)(40 * (X[i] + 2));
	}
	for (size_t i = 0; i < MOST; i++)
		q[i] = (int16_t)(i % 3 ? 32767 : -32767 + 5000 * (int)(i % 4));
	for (size_t i = 0; i < SIZES; i++)
		for (size_t n = 0; n <= ROWS; n += 1 + n / 7) {
			const size_t d = sizes[i], apart = d < 100 ? d + 3 : d;
			signed_sum[n] = unsigned_sum[n] = 7;
			s->scan_codes(q, code, n, apart, d, signed_sum);
			s->scan_bytes(q, byte, n, apart, d, unsigned_sum);
			good = good && signed_sum[n] == 7 && unsigned_sum[n] == 7;
			for (size_t j = 0; j < n; j++) {
				int64_t a = 0, b = 0;
				for (size_t k = 0; k < d; k++) {
					a += q[k] * code[j * apart + k];
					b += q[k] * byte[j * apart + k];
				}
				good = good && signed_sum[j] == a && unsigned_sum[j] == b;
			}
		}
	return good;
}

/* What is left of x is what is said, and no more than half a unit anywhere. */
static bool codes_are_near(const struct simd *s)
{
	static const float zeros[MOST];
	int8_t code[MOST + 1];
	bool good = true;
	for (size_t i = 0; i < SIZES; i++) {
		const size_t n = sizes[i];
		float left, greatest = 0;
		code[n] = 99;
		const double unit = (double)s->encode(Q, n, code, &left);
		double want = 0;
		for (size_t k = 0; k < n; k++) {
			const double rest = (double)Q[k] - unit * code[k];
			want += rest * rest;
			greatest = fmaxf(greatest, fabsf(Q[k]));
			good = good && fabs(rest) <= 0.5001 * unit;
		}
		good = good && code[n] == 99
		       && fabs(want - (double)left) <= 1e-5 * (want + unit * unit)
		       && fabs(unit * 127 - (double)greatest) <= 1e-6 * (double)greatest
		       && s->encode(zeros, n, code, &left) == 0.0F && left == 0.0F && code[0] == 0;
	}
	return good;
}

static void check_processor(const char *name)
{
	const struct simd *s = simd_named(name);
	if (!s) {
		printf("skip kernels of %s: this processor has it not\n", name);
		return;
	}
	check(exact_is_right(s), "exact sums", name);
	check(norm_tells(s), "a norm of what is not finite", name);
	check(floats_are_right(s), "products of rows", name);
	check(sift_is_right(s), "sifting", name);
	check(codes_are_right(s), "products of whole numbers", name);
	check(codes_are_near(s), "rounding to whole numbers", name);
}

int main(void)
{
	struct rng r;
	rng_for(&r, 1, RNG_METHOD, 0, 0);
	/* sixteenths: a key is exact, whether product and difference are rounded apart or not */
	for (size_t i = 0; i < ROWS * MOST; i++)
		X[i] = (float)rng_below(&r, 64) / 16 - 2;
	for (size_t i = 0; i < MOST; i++)
		Q[i] = rng_normal(&r);
	check_processor("portable");
	check_processor("avx2");
	check_processor("avx512");
	check_processor("amx");
	return failures != 0;
}
