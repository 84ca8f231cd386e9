/* solarize: inverts what is THRESHOLD or more (torchvision RandomSolarize). */
#include "aug.h"
#include "tone.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	tone_solarize(r->image.data, r->T * r->H * r->W, r->C, c->v[0]);
	return CVT_OK;
}

const struct aug_op aug_solarize = {
	.name = "solarize",
	.help = "inverts what is THRESHOLD or more",
	.param = {{"THRESHOLD", 128, 0, 256, false, false, NULL}},
	.prob = 0.5,
	.apply = apply,
};
