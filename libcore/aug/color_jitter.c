/* color-jitter: brightness, contrast, saturation and hue, each by a random factor, in random order
 * (torchvision ColorJitter). Factors are within 1 - V .. 1 + V, not below 0; the hue's within
 * -V..V. */
#include "colour.h"

enum { BRIGHTNESS, CONTRAST, SATURATION, HUE, KINDS };

static int apply(const struct aug_call *c, struct aug_row *r)
{
	size_t order[KINDS];
	float factor[KINDS];
	const size_t n = r->H * r->W;
	if (!c->rng)
		return CVT_OK;
	rng_permutation(c->rng, order, KINDS);
	for (size_t k = 0; k < KINDS; k++) {
		const float v = (float)c->v[k], low = 1 - v > 0 ? 1 - v : 0;
		factor[k] = k == HUE ? rng_between(c->rng, -v, v) : rng_between(c->rng, low, 1 + v);
	}
	for (size_t i = 0; i < KINDS * r->T; i++) {
		const size_t k = order[i % KINDS];
		unsigned char *p = r->image.data + i / KINDS * n * r->C;
		if (c->v[k] == 0)
			continue;
		if (k == BRIGHTNESS)
			colour_brightness(p, n, r->C, factor[k]);
		else if (k == CONTRAST)
			colour_contrast(p, n, r->C, factor[k]);
		else if (k == SATURATION)
			colour_saturation(p, n, r->C, factor[k]);
		else
			colour_hue(p, n, r->C, (double)factor[k]);
	}
	return CVT_OK;
}

const struct aug_op aug_color_jitter = {
	.name = "color-jitter",
	.help = "brightness, contrast, saturation, hue by random factors in random order",
	.param = {{"BRIGHTNESS", 0, 0, 100, true, false, NULL},
		{"CONTRAST", 0, 0, 100, false, false, NULL},
		{"SATURATION", 0, 0, 100, false, false, NULL},
		{"HUE", 0, 0, 0.5, false, false, NULL}},
	.draws = true,
	.apply = apply,
};
