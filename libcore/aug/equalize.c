/* equalize: makes each channel's histogram flat (torchvision RandomEqualize). */
#include "aug.h"
#include "tone.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const size_t n = r->H * r->W;
	(void)c;
	for (size_t t = 0; t < r->T; t++)
		tone_equalize(r->image.data + t * n * r->C, n, r->C);
	return CVT_OK;
}

const struct aug_op aug_equalize = {
	.name = "equalize",
	.help = "makes each channel's histogram flat",
	.prob = 0.5,
	.apply = apply,
};
