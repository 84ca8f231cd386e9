/*
 * colour: Pillow's arithmetic on 8-bit pictures (see colour.h). The kernels (simd/colour.c) want
 * channels apart: single operations take them apart a strip at a time, color-jitter the whole
 * picture.
 */
#include "colour.h"

#include "../simd.h"

#include <string.h>

enum { STRIP = 1024 };

/* ---- channels apart ---------------------------------------------------------------- */

void colour_split(const unsigned char *p, const struct colour_planes *to)
{
	if (to->C == 3)
		simd()->rgb_split(p, to->n, to->plane);
	else
		memcpy(to->plane[0], p, to->n);
}

void colour_join(const struct colour_planes *from, unsigned char *p)
{
	if (from->C == 3)
		simd()->rgb_join((const uint8_t *const *)from->plane, from->n, p);
	else
		memcpy(p, from->plane[0], from->n);
}

/* Contrast's grey: the mean of the luma, rounded. */
static unsigned char mean_luma(uint64_t sum, size_t n)
{
	return (unsigned char)((double)sum / (double)n + 0.5);
}

static uint64_t sum_luma(const struct colour_planes *x)
{
	uint64_t sum = 0;
	if (x->C == 3)
		return simd()->luma_sum((const uint8_t *const *)x->plane, x->n);
	for (size_t i = 0; i < x->n; i++)
		sum += x->plane[0][i];
	return sum;
}

/* The hue in steps of 1/255, truncated as numpy's uint8 does it. */
static int hue_steps(double shift)
{
	return (int)(shift * 255) & 255;
}

static void blend_level(const struct colour_planes *x, unsigned char level, float factor)
{
	for (size_t c = 0; c < x->C; c++)
		simd()->blend_level(x->plane[c], x->n, level, factor);
}

void colour_change(const struct colour_planes *x, enum colour_change change, double by)
{
	switch (change) {
	case COLOUR_BRIGHTNESS:
		blend_level(x, 0, (float)by);
		break;
	case COLOUR_CONTRAST:
		blend_level(x, mean_luma(sum_luma(x), x->n), (float)by);
		break;
	case COLOUR_SATURATION:
		if (x->C == 3)
			simd()->blend_grey(x->plane, x->n, (float)by);
		break;
	case COLOUR_HUE:
		if (x->C == 3)
			simd()->turn_hue(x->plane, x->n, hue_steps(by));
		break;
	}
}

/* ---- channels together ------------------------------------------------------------- */

struct strip {
	unsigned char bytes[3][STRIP];
	struct colour_planes x;
};

static void take_strip(struct strip *s, const unsigned char *p, size_t n)
{
	s->x = (struct colour_planes){{s->bytes[0], s->bytes[1], s->bytes[2]}, n, 3};
	colour_split(p, &s->x);
}

void colour_grey(unsigned char *p, size_t n, size_t C)
{
	struct strip s;
	for (size_t i = 0; i < n && C == 3; i += STRIP) {
		take_strip(&s, p + 3 * i, n - i < STRIP ? n - i : STRIP);
		simd()->luma((const uint8_t *const *)s.x.plane, s.x.n, s.bytes[0]);
		s.x.plane[1] = s.x.plane[2] = s.x.plane[0];
		colour_join(&s.x, p + 3 * i);
	}
}

void colour_brightness(unsigned char *p, size_t n, size_t C, float factor)
{
	simd()->blend_level(p, n * C, 0, factor);
}

void colour_contrast(unsigned char *p, size_t n, size_t C, float factor)
{
	struct strip s;
	uint64_t sum = 0;
	for (size_t i = 0; i < n && C == 3; i += STRIP) {
		take_strip(&s, p + 3 * i, n - i < STRIP ? n - i : STRIP);
		sum += sum_luma(&s.x);
	}
	if (C == 1) {
		const struct colour_planes x = {{p}, n, 1};
		sum = sum_luma(&x);
	}
	simd()->blend_level(p, n * C, mean_luma(sum, n), factor);
}

static void change_strips(
	unsigned char *p, size_t n, size_t C, enum colour_change change, double by)
{
	struct strip s;
	for (size_t i = 0; i < n && C == 3; i += STRIP) {
		take_strip(&s, p + 3 * i, n - i < STRIP ? n - i : STRIP);
		colour_change(&s.x, change, by);
		colour_join(&s.x, p + 3 * i);
	}
}

void colour_saturation(unsigned char *p, size_t n, size_t C, float factor)
{
	change_strips(p, n, C, COLOUR_SATURATION, (double)factor);
}

void colour_hue(unsigned char *p, size_t n, size_t C, double shift)
{
	change_strips(p, n, C, COLOUR_HUE, shift);
}

int colour_by_factor(const struct aug_call *c, struct aug_row *r,
	void (*blend)(unsigned char *p, size_t n, size_t C, float factor))
{
	const float v = (float)c->v[0], low = 1 - v > 0 ? 1 - v : 0;
	const size_t n = r->H * r->W;
	if (!c->rng)
		return CVT_OK;
	const float factor = rng_between(c->rng, low, 1 + v);
	for (size_t t = 0; t < r->T; t++)
		blend(r->image.data + t * n * r->C, n, r->C, factor);
	return CVT_OK;
}
