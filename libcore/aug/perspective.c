/* perspective: the corners move inwards at random, each by up to the share DISTORTION of half a side
 * (torchvision RandomPerspective). */
#include "warp.h"

static double inwards(struct rng *g, double distortion, size_t side)
{
	const size_t half = side / 2;
	return (double)rng_below(g, (uint64_t)(distortion * (double)half) + 1);
}

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const double w = (double)r->W - 1, h = (double)r->H - 1, share = c->v[0];
	double to[8];
	if (!c->rng)
		return CVT_OK;
	for (size_t i = 0; i < 4; i++) {
		const bool right = i == 1 || i == 2, low = i >= 2;
		const double x = inwards(c->rng, share, r->W), y = inwards(c->rng, share, r->H);
		to[2 * i] = right ? w - x : x;
		to[2 * i + 1] = low ? h - y : y;
	}
	return aug_perspective_apply(r, to, c->v[1] != 0 ? FILTER_NEAREST : FILTER_BILINEAR, c->e);
}

const struct aug_op aug_perspective = {
	.name = "perspective",
	.help = "moves the corners inwards at random, by up to DISTORTION of half a side",
	.param = {{"DISTORTION", 0.5, 0, 1, false, false, NULL},
		{"FILTER", 0, 0, 1, false, true, "bilinear|nearest"}},
	.draws = true,
	.prob = 0.5,
	.apply = apply,
};
