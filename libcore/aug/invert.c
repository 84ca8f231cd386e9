/* invert: v becomes 255 - v (torchvision RandomInvert). */
#include "aug.h"
#include "tone.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	(void)c;
	tone_invert(r->image.data, r->T * r->H * r->W, r->C);
	return CVT_OK;
}

const struct aug_op aug_invert = {
	.name = "invert",
	.help = "the negative",
	.prob = 0.5,
	.apply = apply,
};
