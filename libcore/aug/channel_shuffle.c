/* channel-shuffle: red, green and blue in random order (torchvision v2 RandomChannelPermutation). */
#include "aug.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	size_t order[3];
	if (!c->rng || r->C != 3)
		return CVT_OK;
	rng_permutation(c->rng, order, 3);
	for (size_t i = 0, n = r->T * r->H * r->W; i < n; i++) {
		unsigned char *p = r->image.data + 3 * i;
		const unsigned char was[3] = {p[0], p[1], p[2]};
		for (size_t k = 0; k < 3; k++)
			p[k] = was[order[k]];
	}
	return CVT_OK;
}

const struct aug_op aug_channel_shuffle = {
	.name = "channel-shuffle",
	.help = "red, green and blue in random order",
	.draws = true,
	.apply = apply,
};
