/* gaussian-noise: adds MEAN + SIGMA N(0, 1), as shares of 255, to each byte, rounded and clipped
 * (torchvision v2 GaussianNoise, there on floats in 0..1). */
#include "aug.h"

#include <math.h>

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const float sigma = 255 * (float)c->v[0], mean = 255 * (float)c->v[1];
	for (size_t i = 0, n = r->T * r->H * r->W * r->C; c->rng && i < n; i++) {
		const float v = (float)r->image.data[i] + mean + sigma * rng_normal(c->rng);
		r->image.data[i] = (unsigned char)nearbyintf(v < 0 ? 0 : v > 255 ? 255 : v);
	}
	return CVT_OK;
}

const struct aug_op aug_gaussian_noise = {
	.name = "gaussian-noise",
	.help = "adds noise of that SIGMA and MEAN, as shares of 255",
	.param = {{"SIGMA", 0.1, 0, 10, false, false, NULL},
		{"MEAN", 0, -1, 1, false, false, NULL}},
	.draws = true,
	.apply = apply,
};
