/* hue: turned by a random share of the circle within -V..V (torchvision ColorJitter(hue=V)). */
#include "colour.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const float v = (float)c->v[0];
	if (c->rng)
		colour_hue(r->image.data, r->T * r->H * r->W, r->C,
			(double)rng_between(c->rng, -v, v));
	return CVT_OK;
}

const struct aug_op aug_hue = {
	.name = "hue",
	.help = "turns the hue by a random share of the circle within -V..V",
	.param = {{"V", 0, 0, 0.5, true, false, NULL}},
	.draws = true,
	.example = "0.4",
	.apply = apply,
};
