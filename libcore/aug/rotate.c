/* rotate: turns by a random angle (torchvision RandomRotation; the size stays, corners are black).
 */
#include "warp.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	if (!c->rng)
		return CVT_OK;
	const float most = (float)c->v[0];
	return aug_turn(r, (double)rng_between(c->rng, -most, most),
		c->v[1] != 0 ? FILTER_BILINEAR : FILTER_NEAREST, c->e);
}

const struct aug_op aug_rotate = {
	.name = "rotate",
	.help = "turns by a random angle within -DEGREES..DEGREES",
	.param = {{"DEGREES", 0, 0, 180, true, false, NULL},
		{"FILTER", 0, 0, 1, false, true, "nearest|bilinear"}},
	.draws = true,
	.example = "30",
	.apply = apply,
};
