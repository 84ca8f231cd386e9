/* contrast: by a random factor within 1 - V .. 1 + V, not below 0 (torchvision ColorJitter(contrast=V)). */
#include "colour.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	return colour_by_factor(c, r, colour_contrast);
}

const struct aug_op aug_contrast = {
	.name = "contrast",
	.help = "blends with the mean grey by a random factor within 1-V..1+V",
	.param = {{"V", 0, 0, 100, true, false, NULL}},
	.draws = true,
	.example = "0.6",
	.apply = apply,
};
