/* hsv: shifts hue (in degrees halved, as OpenCV has them), saturation and value at random
 * (albumentations HueSaturationValue, with OpenCV's arithmetic of 8-bit HSV). */
#include "colour.h"

#include <math.h>

struct hsv {
	int h, s, v; /* 0..179, 0..255, 0..255 */
};

/* cvtColor's RGB2HSV: quotients in 12 bits behind the point. */
static struct hsv to_hsv(const unsigned char *p)
{
	const int r = p[0], g = p[1], b = p[2];
	const int rg = r > g ? r : g, most = rg > b ? rg : b;
	const int least_rg = r < g ? r : g, least = least_rg < b ? least_rg : b;
	const int width = most - least;
	const int per_value = most ? (int)lrint(255 * 4096.0 / most) : 0;
	const int per_width = width ? (int)lrint(180 * 4096.0 / (6.0 * width)) : 0;
	const int sixths = most == r ? g - b : most == g ? b - r + 2 * width : r - g + 4 * width;
	const int h = (sixths * per_width + 2048) >> 12;
	return (struct hsv){h < 0 ? h + 180 : h, (width * per_value + 2048) >> 12, most};
}

static unsigned char to_byte(float share)
{
	return (unsigned char)lrintf(255 * share);
}

/* cvtColor's HSV2RGB. */
static void to_rgb(const struct hsv *x, unsigned char *p)
{
	enum { V, P, Q, T };
	static const unsigned char order[6][3] = {
		{V, T, P}, {Q, V, P}, {P, V, T}, {P, Q, V}, {T, P, V}, {V, P, Q}};
	const float sixths = (float)x->h * (6.0f / 180), s = (float)x->s / 255;
	const float v = (float)x->v / 255;
	const int sector = (int)sixths % 6;
	const float f = sixths - floorf(sixths);
	const float level[4] = {v, v * (1 - s), v * (1 - s * f), v * (1 - s * (1 - f))};
	for (size_t k = 0; k < 3; k++)
		p[k] = to_byte(level[order[sector][k]]);
}

static int clip(int v)
{
	return v < 0 ? 0 : v > 255 ? 255 : v;
}

static int apply(const struct aug_call *c, struct aug_row *r)
{
	int shift[3];
	if (!c->rng || r->C != 3)
		return CVT_OK;
	for (size_t k = 0; k < 3; k++) /* theirs cuts the sum, which is above 0 */
		shift[k] = (int)floorf(rng_between(c->rng, -(float)c->v[k], (float)c->v[k]));
	for (size_t i = 0, n = r->T * r->H * r->W; i < n; i++) {
		struct hsv x = to_hsv(r->image.data + 3 * i);
		x.h = (x.h + shift[0] + 180) % 180;
		x.s = clip(x.s + shift[1]);
		x.v = clip(x.v + shift[2]);
		to_rgb(&x, r->image.data + 3 * i);
	}
	return CVT_OK;
}

const struct aug_op aug_hsv = {
	.name = "hsv",
	.help = "shifts hue (of 180), saturation and value (of 255) at random within -H..H and so "
		"on",
	.param = {{"H", 20, 0, 90, false, false, NULL}, {"S", 30, 0, 255, false, false, NULL},
		{"V", 20, 0, 255, false, false, NULL}},
	.draws = true,
	.apply = apply,
};
