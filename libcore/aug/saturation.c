/* saturation: by a random factor within 1 - V .. 1 + V, not below 0 (torchvision ColorJitter(saturation=V)). */
#include "colour.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	return colour_by_factor(c, r, colour_saturation);
}

const struct aug_op aug_saturation = {
	.name = "saturation",
	.help = "blends with the grey picture by a random factor within 1-V..1+V",
	.param = {{"V", 0, 0, 100, true, false, NULL}},
	.draws = true,
	.example = "0.9",
	.apply = apply,
};
