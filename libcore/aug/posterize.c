/* posterize: keeps the upper BITS of each byte (torchvision RandomPosterize). */
#include "aug.h"
#include "tone.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	tone_posterize(r->image.data, r->T * r->H * r->W, r->C, (int)c->v[0]);
	return CVT_OK;
}

const struct aug_op aug_posterize = {
	.name = "posterize",
	.help = "keeps the upper BITS of each byte",
	.param = {{"BITS", 0, 0, 8, true, true, NULL}},
	.prob = 0.5,
	.example = "3",
	.apply = apply,
};
