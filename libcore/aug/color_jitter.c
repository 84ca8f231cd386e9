/* color-jitter: brightness, contrast, saturation and hue, each by a random factor, in random order
 * (torchvision ColorJitter). Factors are within 1 - V .. 1 + V, not below 0; the hue's within
 * -V..V. */
#include "colour.h"

enum { KINDS = 4 };

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const size_t n = r->H * r->W;
	size_t order[KINDS];
	float by[KINDS];
	if (!c->rng)
		return CVT_OK;
	rng_permutation(c->rng, order, KINDS);
	for (size_t k = 0; k < KINDS; k++) {
		const float v = (float)c->v[k], low = 1 - v > 0 ? 1 - v : 0;
		by[k] = k == COLOUR_HUE ? rng_between(c->rng, -v, v)
					: rng_between(c->rng, low, 1 + v);
	}
	void *p = r->scratch;
	TRY(mem_grow(&p, &r->scratch_capacity, 3 * n, 1, c->e));
	r->scratch = p;
	const struct colour_planes x = {{r->scratch, r->scratch + n, r->scratch + 2 * n}, n, r->C};
	for (size_t t = 0; t < r->T; t++) {
		colour_split(r->image.data + t * n * r->C, &x);
		for (size_t i = 0; i < KINDS; i++)
			if (c->v[order[i]] > 0)
				colour_change(
					&x, (enum colour_change)order[i], (double)by[order[i]]);
		colour_join(&x, r->image.data + t * n * r->C);
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
	.example = ".4,.4,.4,.1",
	.apply = apply,
};
