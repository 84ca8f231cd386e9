/*
 * channels: kernels over `rows` vectors of c channels, each with constants or sums of its own, as
 * batch normalisation needs them. Few channels are taken as a longer period of several vectors, so
 * that registers are full: what is per channel is repeated over the period, or folded at its end.
 */
#include "vmath.h"

enum { PERIOD = 128 }; /* floats; c beyond that is a period of its own */

static inline size_t period_of(size_t c)
{
	return c > PERIOD / 2 ? c : PERIOD / c * c;
}

/* v for a whole period: itself, or copies in room (PERIOD floats). */
static const float *repeat(const float *v, size_t c, float *room)
{
	const size_t period = period_of(c);
	if (period == c)
		return v;
	for (size_t at = 0; at < period; at += c)
		memcpy(room + at, v, c * sizeof *room);
	return room;
}

/* A sum over a period: the channels' own floats, or zeros in room. */
static float *begin_sum(float *sum, size_t c, float *room)
{
	if (period_of(c) == c)
		return sum;
	memset(room, 0, PERIOD * sizeof *room);
	return room;
}

static void end_sum(float *sum, size_t c, const float *room)
{
	if (room == sum)
		return;
	for (size_t at = 0; at < period_of(c); at += c)
		for (size_t k = 0; k < c; k++)
			sum[k] += room[at + k];
}

/* y = x scale + shift; y may be x. */
void KERNEL(channel_scale)(
	const float *x, size_t rows, size_t c, const float *scale, const float *shift, float *y)
{
	float room[2][PERIOD];
	const size_t period = period_of(c), n = rows * c;
	scale = repeat(scale, c, room[0]);
	shift = repeat(shift, c, room[1]);
	for (size_t at = 0; at < n; at += period) {
		const size_t m = n - at < period ? n - at : period;
		for (size_t k = 0; k < m; k += SIMD_WIDTH) {
			const vec v =
				vec_load_some(x + at + k, m - k) * vec_load_some(scale + k, m - k)
				+ vec_load_some(shift + k, m - k);
			vec_store_some(y + at + k, v, m - k);
		}
	}
}

/* sum += x */
static void add_up(const float *x, size_t n, size_t period, float *sum)
{
	for (size_t at = 0; at < n; at += period) {
		const size_t m = n - at < period ? n - at : period;
		for (size_t k = 0; k < m; k += SIMD_WIDTH)
			vec_put_some(sum + k, vec_load_some(x + at + k, m - k), m - k, true);
	}
}

/* sum += (x - mean)^2 */
static void add_squares(const float *x, size_t n, size_t period, const float *mean, float *sum)
{
	for (size_t at = 0; at < n; at += period) {
		const size_t m = n - at < period ? n - at : period;
		for (size_t k = 0; k < m; k += SIMD_WIDTH) {
			const vec d =
				vec_load_some(x + at + k, m - k) - vec_load_some(mean + k, m - k);
			vec_put_some(sum + k, d * d, m - k, true);
		}
	}
}

/* Mean and sum of squared differences from it, by two passes; call it with what fits a cache. */
static void moments(const float *x, size_t rows, size_t c, float *mean, float *square)
{
	float room[2][PERIOD];
	memset(mean, 0, c * sizeof *mean);
	memset(square, 0, c * sizeof *square);
	float *sum = begin_sum(mean, c, room[0]);
	add_up(x, rows * c, period_of(c), sum);
	end_sum(mean, c, sum);
	for (size_t k = 0; k < c; k++)
		mean[k] /= (float)rows;
	const float *repeated = repeat(mean, c, room[0]);
	sum = begin_sum(square, c, room[1]);
	add_squares(x, rows * c, period_of(c), repeated, sum);
	end_sum(square, c, sum);
}

/* mean and square (the sum of squared differences from it) of `before` vectors become those of
 * rows more (Chan, Golub and LeVeque, "Updating formulae", 1979). work: 2 c floats. */
void KERNEL(channel_moments)(const float *x, size_t rows, size_t c, size_t before,
	float *restrict mean, float *restrict square, float *restrict work)
{
	if (before == 0) {
		moments(x, rows, c, mean, square);
		return;
	}
	const float part = (float)rows / (float)(before + rows), weight = part * (float)before;
	moments(x, rows, c, work, work + c);
	for (size_t k = 0; k < c; k++) {
		const float d = work[k] - mean[k];
		mean[k] += d * part;
		square[k] += work[c + k] + d * d * weight;
	}
}

/* sum += dy, product += dy (x - mean), over the rows. */
void KERNEL(channel_sums)(const float *x, const float *dy, size_t rows, size_t c, const float *mean,
	float *sum, float *product)
{
	float room[3][PERIOD];
	const size_t period = period_of(c), n = rows * c;
	mean = repeat(mean, c, room[0]);
	float *s = begin_sum(sum, c, room[1]), *p = begin_sum(product, c, room[2]);
	for (size_t at = 0; at < n; at += period) {
		const size_t m = n - at < period ? n - at : period;
		for (size_t k = 0; k < m; k += SIMD_WIDTH) {
			const vec d = vec_load_some(dy + at + k, m - k);
			const vec v =
				vec_load_some(x + at + k, m - k) - vec_load_some(mean + k, m - k);
			vec_put_some(s + k, d, m - k, true);
			vec_put_some(p + k, d * v, m - k, true);
		}
	}
	end_sum(sum, c, s);
	end_sum(product, c, p);
}

/* dx = a dy + (b x + d), or += that; dx may be dy. abd: a, b and d of c floats each. */
void KERNEL(channel_back)(const float *x, const float *dy, size_t rows, size_t c, const float *abd,
	float *dx, bool add)
{
	float room[3][PERIOD];
	const size_t period = period_of(c), n = rows * c;
	const float *a = repeat(abd, c, room[0]), *b = repeat(abd + c, c, room[1]);
	const float *d = repeat(abd + 2 * c, c, room[2]);
	for (size_t at = 0; at < n; at += period) {
		const size_t m = n - at < period ? n - at : period;
		for (size_t k = 0; k < m; k += SIMD_WIDTH) {
			const vec bx =
				vec_load_some(b + k, m - k) * vec_load_some(x + at + k, m - k)
				+ vec_load_some(d + k, m - k);
			const vec v =
				vec_load_some(a + k, m - k) * vec_load_some(dy + at + k, m - k)
				+ bx;
			vec_put_some(dx + at + k, v, m - k, add);
		}
	}
}
