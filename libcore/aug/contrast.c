/* contrast: by a random factor within 1 - V .. 1 + V, not below 0 (torchvision ColorJitter(contrast=V)). */
#include "colour.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const float v = (float)c->v[0], low = 1 - v > 0 ? 1 - v : 0;
	const size_t n = r->H * r->W;
	if (!c->rng)
		return CVT_OK;
	const float factor = rng_between(c->rng, low, 1 + v);
	for (size_t t = 0; t < r->T; t++)
		colour_contrast(r->image.data + t * n * r->C, n, r->C, factor);
	return CVT_OK;
}

const struct aug_op aug_contrast = {
	.name = "contrast",
	.help = "blends with the mean grey by a random factor within 1-V..1+V",
	.param = {{"V", 0, 0, 100, true, false, NULL}},
	.draws = true,
	.example = "0.6",
	.apply = apply,
};
