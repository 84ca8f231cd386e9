/*
 * colour: Pillow's arithmetic on 8-bit colours, to the bit, on pictures whose channels lie apart:
 * plane[0] red, plane[1] green, plane[2] blue, n bytes each. Built without contraction (Makefile), so
 * that all processors round alike.
 */
#include "kernel.h"

void KERNEL(rgb_split)(const uint8_t *rgb, size_t n, uint8_t *const plane[3])
{
	uint8_t *restrict r = plane[0], *restrict g = plane[1], *restrict b = plane[2];
	for (size_t i = 0; i < n; i++) {
		r[i] = rgb[3 * i];
		g[i] = rgb[3 * i + 1];
		b[i] = rgb[3 * i + 2];
	}
}

void KERNEL(rgb_join)(const uint8_t *const plane[3], size_t n, uint8_t *rgb)
{
	const uint8_t *r = plane[0], *g = plane[1], *b = plane[2];
	uint8_t *restrict to = rgb;
	for (size_t i = 0; i < n; i++) {
		to[3 * i] = r[i];
		to[3 * i + 1] = g[i];
		to[3 * i + 2] = b[i];
	}
}

/* ITU-R 601-2 luma in 16 bits, as convert("L"). */
static inline uint32_t luma_of(uint32_t r, uint32_t g, uint32_t b)
{
	return (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
}

void KERNEL(luma)(const uint8_t *const plane[3], size_t n, uint8_t *to)
{
	const uint8_t *r = plane[0], *g = plane[1], *b = plane[2];
	uint8_t *restrict p = to;
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)luma_of(r[i], g[i], b[i]);
}

uint64_t KERNEL(luma_sum)(const uint8_t *const plane[3], size_t n)
{
	enum { STRIP = 1 << 16 }; /* whose sum fits */
	uint64_t sum = 0;
	for (size_t at = 0; at < n; at += STRIP) {
		const size_t end = n - at < STRIP ? n : at + STRIP;
		uint32_t part = 0;
		for (size_t i = at; i < end; i++)
			part += luma_of(plane[0][i], plane[1][i], plane[2][i]);
		sum += part;
	}
	return sum;
}

/* Image.blend: a + factor (b - a), truncated; clipped where factor is not in 0..1. */
static inline uint8_t blend(int a, int b, float factor)
{
	const int v = (int)((float)a + factor * (float)(b - a));
	const int low = v < 0 ? 0 : v;
	return (uint8_t)(low > 255 ? 255 : low);
}

void KERNEL(blend_level)(uint8_t *p, size_t n, uint8_t level, float factor)
{
	for (size_t i = 0; i < n; i++)
		p[i] = blend(level, p[i], factor);
}

void KERNEL(blend_grey)(uint8_t *const plane[3], size_t n, float factor)
{
	uint8_t *restrict r = plane[0], *restrict g = plane[1], *restrict b = plane[2];
	for (size_t i = 0; i < n; i++) {
		const int grey = (int)luma_of(r[i], g[i], b[i]);
		r[i] = blend(grey, r[i], factor);
		g[i] = blend(grey, g[i], factor);
		b[i] = blend(grey, b[i], factor);
	}
}

/*
 * Pillow's rgb2hsv and hsv2rgb in whole numbers; equal for all 2^24 colours. Forth, the hue is 85 n /
 * (2 range), truncated, n = 0..6 range along the circle. Where that is a whole number Pillow's floats
 * fall short of it for some: `short_of`. Back, in steps of 1/510 of the circle, channel c is v (1 - s
 * w), w rising from 0 to 1 within a sixth as min(k, 4 - k) does, k = hue + 5, 3, 1 sixths: with s of
 * 255 and w of 85, v (21675 - s w) / 21675, rounded; a float holds the numerator and a half.
 */
static inline uint32_t within(uint32_t k, uint32_t least, uint32_t most)
{
	return k - least <= most - least;
}

static inline int32_t short_of(uint32_t k)
{
	const uint32_t fourth = (k & 3) == 0, first = (k & 3) == 1, odd = k & 1;
	return (int32_t)(within(k, 1, 31) | (fourth & within(k, 88, 104))
			 | (odd & within(k, 129, 149)) | (first & within(k, 153, 209))
			 | ((k & ~8u) == 176));
}

static inline uint8_t channel(int hue, int sixths, float s, float v)
{
	const int turned = hue + 85 * sixths;
	const float k = (float)(turned - (510 & -(turned >= 510)));
	const float rise = k < 340 - k ? k : 340 - k, low = rise < 0 ? 0 : rise;
	const float w = low > 85 ? 85 : low;
	return (uint8_t)(int)((v * (21675 - s * w) + 10837.5f) * (1 / 21675.0f));
}

enum { PIXELS = 64 };

struct hsv {
	int32_t hue[PIXELS];
	float s[PIXELS], v[PIXELS];
};

/* Choices are masks, so that they become vectors. One division does for both quotients: half a unit
 * more keeps them clear of whole numbers, and whether one is whole a product tells. */
static void to_hsv(const uint8_t *red, const uint8_t *green, const uint8_t *blue, size_t n,
	struct hsv *restrict x)
{
	for (size_t i = 0; i < n; i++) {
		const int r = red[i], g = green[i], b = blue[i];
		const int rg = r > g ? r : g, most = rg > b ? rg : b;
		const int least_rg = r < g ? r : g, least = least_rg < b ? least_rg : b;
		const int range = most - least, width = range + (range == 0);
		const int red_most = -(r == most), green_most = -(g == most) & ~red_most;
		const int blue_most = ~(red_most | green_most);
		const int sixths = ((g - b + (6 * range & -(g < b))) & red_most)
				   | ((2 * range + b - r) & green_most)
				   | ((4 * range + r - g) & blue_most);
		const float along = 85 * (float)sixths, twice = (float)(2 * width);
		const float top = (float)(most + (most == 0)), share = 1 / (twice * top);
		const int hue = (int)((along + 0.5f) * top * share);
		const int exact = (float)hue * twice == along;
		x->hue[i] = hue - (exact & short_of((uint32_t)hue));
		x->s[i] = (float)(int)((255 * (float)range + 0.5f) * twice * share);
		x->v[i] = (float)most;
	}
}

void KERNEL(turn_hue)(uint8_t *const plane[3], size_t n, int turn)
{
	struct hsv x;
	for (size_t at = 0; at < n; at += PIXELS) {
		uint8_t *restrict r = plane[0] + at, *restrict g = plane[1] + at;
		uint8_t *restrict b = plane[2] + at;
		const size_t some = n - at < PIXELS ? n - at : PIXELS;
		to_hsv(r, g, b, some, &x);
		for (size_t i = 0; i < some; i++) {
			const int hue = 2 * ((x.hue[i] + turn) & 255);
			r[i] = channel(hue, 5, x.s[i], x.v[i]);
			g[i] = channel(hue, 3, x.s[i], x.v[i]);
			b[i] = channel(hue, 1, x.s[i], x.v[i]);
		}
	}
}
