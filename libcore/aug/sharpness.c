/* sharpness: 0 is blurred, 1 as it is, 2 sharpened (torchvision RandomAdjustSharpness). */
#include "geometry.h"
#include "smooth.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	return smooth_sharpen(r, (float)c->v[0], c->e);
}

const struct aug_op aug_sharpness = {
	.name = "sharpness",
	.help = "FACTOR 0 is blurred, 1 as it is, 2 sharpened",
	.param = {{"FACTOR", 0, 0, 100, true, false, NULL}},
	.prob = 0.5,
	.example = "4",
	.apply = apply,
};
