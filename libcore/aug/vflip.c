/* vflip: mirrors up and down, every other picture by default (torchvision RandomVerticalFlip). */
#include "geometry.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	return aug_flip(r, false, c->e);
}

const struct aug_op aug_vflip = {
	.name = "vflip",
	.help = "mirrors up and down",
	.prob = 0.5,
	.apply = apply,
};
