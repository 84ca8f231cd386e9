/* rgb-shift: adds to red, green and blue a random shift each (albumentations RGBShift). One channel
 * takes the first. */
#include "aug.h"
#include "tone.h"

#include <math.h>

static int apply(const struct aug_call *c, struct aug_row *r)
{
	float shift[3];
	if (!c->rng)
		return CVT_OK;
	for (size_t k = 0; k < 3; k++)
		shift[k] = rng_between(c->rng, -(float)c->v[k], (float)c->v[k]);
	tone_shift(r->image.data, r->T * r->H * r->W, r->C, shift);
	return CVT_OK;
}

const struct aug_op aug_rgb_shift = {
	.name = "rgb-shift",
	.help = "adds random shifts within -R..R, -G..G, -B..B",
	.param = {{"R", 20, 0, 255, false, false, NULL}, {"G", NAN, 0, 255, false, false, NULL},
		{"B", NAN, 0, 255, false, false, NULL}},
	.draws = true,
	.apply = apply,
};
