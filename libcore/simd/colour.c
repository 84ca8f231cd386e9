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
static const int32_t short_of[256] = {
#define ONE(k) [k] = 1,
	ONE(1) ONE(2) ONE(3) ONE(4) ONE(5) ONE(6) ONE(7) ONE(8) ONE(9) ONE(10) ONE(11) ONE(12) ONE(
		13) ONE(14) ONE(15) ONE(16) ONE(17) ONE(18) ONE(19) ONE(20) ONE(21) ONE(22) ONE(23)
		ONE(24) ONE(25) ONE(26) ONE(27) ONE(28) ONE(29) ONE(30) ONE(31) ONE(88) ONE(92)
			ONE(96) ONE(100) ONE(104) ONE(129) ONE(131) ONE(133) ONE(135) ONE(137)
				ONE(139) ONE(141) ONE(143) ONE(145) ONE(147) ONE(149) ONE(153)
					ONE(157) ONE(161) ONE(165) ONE(169) ONE(173) ONE(176)
						ONE(177) ONE(181) ONE(184) ONE(185) ONE(189)
							ONE(193) ONE(197) ONE(201) ONE(205) ONE(209)
#undef ONE
};

static inline uint8_t channel(int hue, int sixths, int s, int v)
{
	const int turned = hue + 85 * sixths, k = turned - (turned >= 510 ? 510 : 0);
	const int rise = k < 340 - k ? k : 340 - k, low = rise < 0 ? 0 : rise;
	const int w = low > 85 ? 85 : low;
	return (uint8_t)(int)(((float)(v * (21675 - s * w)) + 10837.5f) * (1 / 21675.0f));
}

enum { PIXELS = 64 };

struct hsv {
	int32_t hue[PIXELS], exact[PIXELS], s[PIXELS], v[PIXELS];
};

/* Choices are masks, so that they become vectors. */
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
		const float along = (float)(85 * sixths);
		const float share = along / (float)(2 * width);
		x->hue[i] = (int)share;
		x->exact[i] = (float)(int)share == share;
		x->s[i] = (int)((float)(255 * range) / (float)(most + (most == 0)));
		x->v[i] = most;
	}
	for (size_t i = 0; i < n; i++)
		x->hue[i] -= x->exact[i] & short_of[x->hue[i]];
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
