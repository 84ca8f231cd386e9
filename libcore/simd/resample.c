/*
 * resample: the two passes of Pillow's resize of 8-bit pictures: sums of products in 22 bits behind
 * the point, rounded to bytes. Weights are not negative and add up to about 1, so that a sum stays
 * below 2^30.
 */
#include "kernel.h"

#include <string.h>

enum { BITS = 22, HALF = 1 << (BITS - 1) };

static inline uint8_t to_byte(int32_t sum)
{
	const int32_t v = sum >> BITS;
	return (uint8_t)(v > 255 ? 255 : v);
}

/* One channel of c. */
static void channel(const struct simd_taps *t, const uint8_t *line, size_t c, int32_t *restrict sum,
	uint8_t *restrict to)
{
	for (size_t i = 0; i < t->out; i++)
		sum[i] = HALF;
	for (size_t k = 0; k < t->taps; k++)
		for (size_t i = 0; i < t->out; i++)
			sum[i] += t->weight[k * t->out + i] * line[((size_t)t->first[i] + k) * c];
	for (size_t i = 0; i < t->out; i++)
		to[i] = to_byte(sum[i]);
}

/* Two inputs a place: the usual, when a picture grows. */
static void two_taps(const int32_t *restrict first, const int32_t *restrict v,
	const int32_t *restrict w, const int32_t *restrict pixel, size_t out, uint8_t *restrict r,
	uint8_t *restrict g, uint8_t *restrict b)
{
	for (size_t i = 0; i < out; i++) {
		const int32_t x = pixel[first[i]], y = pixel[first[i] + 1];
		r[i] = to_byte(HALF + v[i] * (x & 255) + w[i] * (y & 255));
		g[i] = to_byte(HALF + v[i] * (x >> 8 & 255) + w[i] * (y >> 8 & 255));
		b[i] = to_byte(HALF + v[i] * (x >> 16 & 255) + w[i] * (y >> 16 & 255));
	}
}

static void add_tap(const int32_t *restrict first, const int32_t *restrict weight,
	const int32_t *restrict pixel, size_t out, int32_t *restrict r, int32_t *restrict g,
	int32_t *restrict b)
{
	for (size_t i = 0; i < out; i++) {
		const int32_t x = pixel[first[i]];
		r[i] += weight[i] * (x & 255);
		g[i] += weight[i] * (x >> 8 & 255);
		b[i] += weight[i] * (x >> 16 & 255);
	}
}

/* Pixels as one number each, so that one look gets all of a tap. */
static void colour(const struct simd_taps *t, const uint8_t *line, size_t in,
	int32_t *restrict work, uint8_t *restrict to)
{
	const size_t out = t->out;
	int32_t *restrict pixel = work, *restrict r = work + in;
	int32_t *restrict g = r + out, *restrict b = g + out;
	for (size_t i = 0; i + 1 < in; i++)
		memcpy(&pixel[i], line + 3 * i, sizeof *pixel);
	pixel[in - 1] = 0;
	memcpy(&pixel[in - 1], line + 3 * (in - 1), 3);
	if (t->taps == 2) {
		two_taps(t->first, t->weight, t->weight + out, pixel, out, to, to + out,
			to + 2 * out);
		return;
	}
	for (size_t i = 0; i < out; i++)
		r[i] = g[i] = b[i] = HALF;
	for (size_t k = 0; k < t->taps; k++)
		add_tap(t->first, t->weight + k * out, pixel + k, out, r, g, b);
	for (size_t i = 0; i < 3 * out; i++)
		to[i] = to_byte(r[i]);
}

/* One line of `in` pixels of c bytes along itself; the channels of `to` lie apart, `out`
 * bytes each. `work` has room for in + c out numbers. */
void KERNEL(resample_across)(const struct simd_taps *t, const uint8_t *line, size_t in, size_t c,
	int32_t *work, uint8_t *to)
{
	if (c == 3)
		colour(t, line, in, work, to);
	else
		for (size_t k = 0; k < c; k++)
			channel(t, line + k, c, work, to + k * t->out);
}

/* One line from `taps` lines that lie one behind the other, whose weights lie `step` apart. */
void KERNEL(resample_down)(const int32_t *weight, size_t step, size_t taps, const uint8_t *line,
	size_t bytes, uint8_t *to)
{
	uint8_t *restrict out = to;
	if (taps == 2) { /* the usual, when a picture grows */
		const int32_t v = weight[0], w = weight[step];
		for (size_t i = 0; i < bytes; i++)
			out[i] = to_byte(HALF + v * line[i] + w * line[bytes + i]);
		return;
	}
	for (size_t x = 0; x < bytes;) {
		enum { STRIP = 64 };
		int32_t sum[STRIP];
		const size_t n = bytes - x < STRIP ? bytes - x : STRIP;
		for (size_t i = 0; i < n; i++)
			sum[i] = HALF;
		for (size_t k = 0; k < taps; k++)
			for (size_t i = 0; i < n; i++)
				sum[i] += weight[k * step] * line[k * bytes + x + i];
		for (size_t i = 0; i < n; i++, x++)
			out[x] = to_byte(sum[i]);
	}
}
