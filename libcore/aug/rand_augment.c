/* rand-augment: N effects of 14 at random, all of magnitude M of BINS (Cubuk et al., "RandAugment:
 * Practical automated data augmentation with a reduced search space", 2020; torchvision RandAugment).
 */
#include "effect.h"

enum { N, M, BINS };

static int apply(const struct aug_call *c, struct aug_row *r)
{
	for (size_t i = 0; c->rng && i < (size_t)c->v[N]; i++) {
		const enum effect effect = (enum effect)rng_below(c->rng, Invert);
		const bool negative = (rng_u32(c->rng) & 1) != 0;
		const double m = effect_magnitude(
			&effect_space, effect, (size_t)c->v[M], (size_t)c->v[BINS], r->H, r->W);
		TRY(effect_apply(effect, effect_signed(effect) && negative ? -m : m, FILTER_NEAREST,
			r, c->e));
	}
	return CVT_OK;
}

static int check(const double *v, struct cvt_err *e)
{
	if (v[M] >= v[BINS])
		return cvt_fail(e, CVT_USAGE, "rand-augment: M is from 0 to %g (BINS - 1), not %g",
			v[BINS] - 1, v[M]);
	return CVT_OK;
}

const struct aug_op aug_rand_augment = {
	.name = "rand-augment",
	.help = "N effects of 14 at random, all of magnitude M of BINS",
	.param = {{"N", 2, 0, 100, false, true, NULL}, {"M", 9, 0, 1000, false, true, NULL},
		{"BINS", 31, 2, 1001, false, true, NULL}},
	.draws = true,
	.check = check,
	.apply = apply,
};
