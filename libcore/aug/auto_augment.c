/* auto-augment: one of 25 learned pairs of effects, each with its own chance (Cubuk et al. 2019,
 * torchvision AutoAugment). */
#include "effect.h"

enum { PAIR = 2, PAIRS = 25, BINS = 10 };

struct pair {
	enum effect effect[PAIR];
	float prob[PAIR];
	unsigned char bin[PAIR];
};

/* The policies one behind the other, in the order of the parameter's words. */
static const struct pair pairs[] = {
#define POLICY(name)
#define SUB(a, p, m, b, q, n) {{a, b}, {(float)(p), (float)(q)}, {m, n}},
#include "policies.def"
#undef POLICY
#undef SUB
};

static int apply(const struct aug_call *c, struct aug_row *r)
{
	float chance[PAIR];
	bool negative[PAIR];
	if (!c->rng)
		return CVT_OK;
	const struct pair *p = &pairs[(size_t)c->v[0] * PAIRS + rng_below(c->rng, PAIRS)];
	for (size_t i = 0; i < PAIR; i++)
		chance[i] = rng_uniform(c->rng);
	for (size_t i = 0; i < PAIR; i++)
		negative[i] = (rng_u32(c->rng) & 1) != 0;
	for (size_t i = 0; i < PAIR; i++) {
		const enum effect effect = p->effect[i];
		const double m =
			effect_magnitude(&effect_space, effect, p->bin[i], BINS, r->H, r->W);
		if (chance[i] < p->prob[i])
			TRY(effect_apply(effect, effect_signed(effect) && negative[i] ? -m : m,
				FILTER_NEAREST, r, c->e));
	}
	return CVT_OK;
}

const struct aug_op aug_auto_augment = {
	.name = "auto-augment",
	.help = "one of 25 learned pairs of effects, by POLICY cifar10, svhn or imagenet",
	.param = {{"POLICY", 2, 0, 2, false, true, "cifar10|svhn|imagenet"}},
	.draws = true,
	.apply = apply,
};
