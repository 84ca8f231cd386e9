/* random-erasing: a rectangle of random area and aspect is erased (Zhong et al. 2020; torchvision
 * RandomErasing, there on tensors: `random` are bytes here, normal numbers there). Ten tries, else
 * nothing. */
#include "erase.h"

#include <math.h>

enum { LEAST, MOST, NARROW, WIDE, FILL, TRIES = 10 };

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const float low = (float)log(c->v[NARROW]), high = (float)log(c->v[WIDE]);
	for (int i = 0; c->rng && i < TRIES; i++) {
		const double area =
			(double)(r->H * r->W)
			* (double)rng_between(c->rng, (float)c->v[LEAST], (float)c->v[MOST]);
		const double aspect = exp((double)rng_between(c->rng, low, high));
		const double h = nearbyint(sqrt(area * aspect)), w = nearbyint(sqrt(area / aspect));
		if (h >= (double)r->H || w >= (double)r->W)
			continue;
		struct aug_window at = {0, 0, (size_t)h, (size_t)w};
		at.y = (ptrdiff_t)rng_below(c->rng, r->H - at.h + 1);
		at.x = (ptrdiff_t)rng_below(c->rng, r->W - at.w + 1);
		aug_erase(r, &at, (enum erase_fill)c->v[FILL], c->rng);
		break;
	}
	return CVT_OK;
}

static int check(const double *v, struct cvt_err *e)
{
	if (v[LEAST] > v[MOST] || v[NARROW] > v[WIDE])
		return cvt_fail(e, CVT_USAGE, "random-erasing: a range ends before it begins");
	return CVT_OK;
}

const struct aug_op aug_random_erasing = {
	.name = "random-erasing",
	.help = "erases a rectangle of random area and aspect (height by width)",
	.param = {{"LEAST", 0.02, 0, 1, false, false, NULL},
		{"MOST", 0.33, 0, 1, false, false, NULL},
		{"NARROW", 0.3, 0.01, 100, false, false, NULL},
		{"WIDE", 3.3, 0.01, 100, false, false, NULL},
		{"FILL", 0, 0, 2, false, true, ERASE_WORDS}},
	.draws = true,
	.prob = 0.5,
	.check = check,
	.apply = apply,
};
