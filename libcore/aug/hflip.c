/* hflip: mirrors left and right, every other picture by default (torchvision RandomHorizontalFlip).
 */
#include "geometry.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	return aug_flip(r, true, c->e);
}

const struct aug_op aug_hflip = {
	.name = "hflip",
	.help = "mirrors left and right",
	.prob = 0.5,
	.apply = apply,
};
