/* colour: Pillow's arithmetic on 8-bit pictures (see colour.h). */
#include "colour.h"

#include <math.h>
#include <string.h>

/* Image.blend: a + factor (b - a), truncated; outside 0..1 clipped as well. */
static unsigned char blend(unsigned char a, unsigned char b, float factor)
{
	const float v = (float)a + factor * (float)((int)b - (int)a);
	return (unsigned char)(v <= 0 ? 0 : v >= 255 ? 255 : v);
}

void colour_grey(unsigned char *p, size_t n, size_t C)
{
	for (size_t i = 0; i < n && C == 3; i++)
		memset(p + 3 * i, luma(p + 3 * i), 3);
}

/* A blend with one value for the whole picture is a function of the byte. */
static void blend_constant(unsigned char *p, size_t bytes, unsigned char with, float factor)
{
	unsigned char table[256];
	for (unsigned v = 0; v < 256; v++)
		table[v] = blend(with, (unsigned char)v, factor);
	for (size_t i = 0; i < bytes; i++)
		p[i] = table[p[i]];
}

void colour_brightness(unsigned char *p, size_t n, size_t C, float factor)
{
	blend_constant(p, n * C, 0, factor);
}

void colour_contrast(unsigned char *p, size_t n, size_t C, float factor)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += C == 3 ? luma(p + 3 * i) : p[i];
	blend_constant(p, n * C, (unsigned char)((double)sum / (double)n + 0.5), factor);
}

void colour_saturation(unsigned char *p, size_t n, size_t C, float factor)
{
	for (size_t i = 0; i < n && C == 3; i++) {
		const unsigned char grey = luma(p + 3 * i);
		for (size_t c = 0; c < 3; c++)
			p[3 * i + c] = blend(grey, p[3 * i + c], factor);
	}
}

static unsigned char clip(float v)
{
	return (unsigned char)(v <= 0 ? 0 : v >= 255 ? 255 : v);
}

/* Convert.c, rgb2hsv_row: hue, saturation, value as bytes. */
static void to_hsv(const unsigned char *rgb, unsigned char *hsv)
{
	const unsigned char r = rgb[0], g = rgb[1], b = rgb[2];
	const unsigned char most = r > g ? (r > b ? r : b) : (g > b ? g : b);
	const unsigned char least = r < g ? (r < b ? r : b) : (g < b ? g : b);
	hsv[0] = hsv[1] = 0;
	hsv[2] = most;
	if (most == least)
		return;
	const float range = (float)(most - least), s = range / (float)most;
	const float rc = (float)(most - r) / range, gc = (float)(most - g) / range;
	const float bc = (float)(most - b) / range;
	float h = r == most ? bc - gc : g == most ? 2.0f + rc - bc : 4.0f + gc - rc;
	h = (float)fmod((double)h / 6.0 + 1.0, 1.0);
	hsv[0] = clip((float)(int)((double)h * 255.0));
	hsv[1] = clip((float)(int)((double)s * 255.0));
}

/* Convert.c, hsv2rgb_row. */
static void from_hsv(const unsigned char *hsv, unsigned char *rgb)
{
	const unsigned char v = hsv[2];
	if (hsv[1] == 0) {
		memset(rgb, v, 3);
		return;
	}
	const float h = (float)((double)hsv[0] * 6.0 / 255.0), s = (float)((double)hsv[1] / 255.0);
	const int sector = (int)floorf(h);
	const float f = h - (float)sector;
	const unsigned char p = clip(roundf((float)v * (1.0f - s)));
	const unsigned char q = clip(roundf((float)v * (1.0f - s * f)));
	const unsigned char t = clip(roundf((float)v * (1.0f - s * (1.0f - f))));
	const unsigned char table[6][3] = {
		{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}};
	memcpy(rgb, table[sector % 6], 3);
}

void colour_hue(unsigned char *p, size_t n, size_t C, double shift)
{
	const unsigned char turn = (unsigned char)(int)(shift * 255);
	for (size_t i = 0; i < n && C == 3; i++) {
		unsigned char hsv[3];
		to_hsv(p + 3 * i, hsv);
		hsv[0] = (unsigned char)(hsv[0] + turn);
		from_hsv(hsv, p + 3 * i);
	}
}
