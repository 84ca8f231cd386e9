/*
 * colour: Pillow's arithmetic on 8-bit pictures, to the bit (ImageEnhance, ImageChops, Convert.c).
 * Pictures have n pixels of C = 1 or 3 bytes. One channel is its own grey: colour and hue leave it.
 */
#ifndef CVT_AUG_COLOUR_H
#define CVT_AUG_COLOUR_H

#include "aug.h"

/* Image.blend: a + factor (b - a), truncated; outside 0..1 clipped as well. */
static inline unsigned char colour_blend(unsigned char a, unsigned char b, float factor)
{
	const float v = (float)a + factor * (float)((int)b - (int)a);
	return (unsigned char)(int)(v <= 0 ? 0 : v >= 255 ? 255 : v);
}

void colour_grey(unsigned char *p, size_t n, size_t C);
/* Blends from black, from the mean grey, from the grey picture; factor 1 = as it is. */
void colour_brightness(unsigned char *p, size_t n, size_t C, float factor);
void colour_contrast(unsigned char *p, size_t n, size_t C, float factor);
void colour_saturation(unsigned char *p, size_t n, size_t C, float factor);
/* The operation that blends all frames of a row by a factor drawn from 1 - V .. 1 + V, not below 0, V its
 * first value. */
int colour_by_factor(const struct aug_call *c, struct aug_row *r,
	void (*blend)(unsigned char *p, size_t n, size_t C, float factor));
/* Turns the hue by a share -0.5..0.5 of the circle, through 8-bit HSV as torchvision does. */
void colour_hue(unsigned char *p, size_t n, size_t C, double shift);

/* The same on a picture whose channels lie apart, for several operations in a row. */
struct colour_planes {
	unsigned char *plane[3];
	size_t n, C;
};
void colour_split(const unsigned char *p, const struct colour_planes *to);
void colour_join(const struct colour_planes *from, unsigned char *p);
enum colour_change { COLOUR_BRIGHTNESS, COLOUR_CONTRAST, COLOUR_SATURATION, COLOUR_HUE };
/* By the factor, or for the hue by the share of the circle. */
void colour_change(const struct colour_planes *x, enum colour_change change, double by);

#endif
