/* brightness: by a random factor within 1 - V .. 1 + V, not below 0 (torchvision ColorJitter(brightness=V)). */
#include "colour.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	return colour_by_factor(c, r, colour_brightness);
}

const struct aug_op aug_brightness = {
	.name = "brightness",
	.help = "blends with black by a random factor within 1-V..1+V",
	.param = {{"V", 0, 0, 100, true, false, NULL}},
	.draws = true,
	.example = "0.6",
	.apply = apply,
};
