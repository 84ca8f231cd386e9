/* trivial-augment-wide: one effect of 14 at random, of a random magnitude (Mueller and Hutter,
 * "TrivialAugment: Tuning-free yet state-of-the-art data augmentation", 2021; torchvision
 * TrivialAugmentWide). */
#include "effect.h"

static const struct effect_space wide = {.shear = 0.99f,
	.translate = 32,
	.rotate = 135,
	.enhance = 0.99f,
	.bits = 8,
	.bits_less = 6};

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const size_t bins = (size_t)c->v[0];
	if (!c->rng)
		return CVT_OK;
	const enum effect effect = (enum effect)rng_below(c->rng, Invert);
	const size_t bin = (size_t)rng_below(c->rng, bins);
	const bool negative = (rng_u32(c->rng) & 1) != 0;
	const double m = effect_magnitude(&wide, effect, bin, bins, r->H, r->W);
	return effect_apply(
		effect, effect_signed(effect) && negative ? -m : m, FILTER_NEAREST, r, c->e);
}

const struct aug_op aug_trivial_augment_wide = {
	.name = "trivial-augment-wide",
	.help = "one effect of 14 at random, of a random magnitude",
	.param = {{"BINS", 31, 2, 1001, false, true, NULL}},
	.draws = true,
	.apply = apply,
};
