/* affine: turned, shifted, scaled and sheared at random about the middle (torchvision RandomAffine).
 * Shifts are whole pixels, up to the share TRANSLATE of each side. */
#include "warp.h"

#include <math.h>

enum { DEGREES, TRANSLATE, LEAST, MOST, SHEAR, SHEAR_Y, FILTER };

static double shift(struct rng *g, double share, size_t side)
{
	const float most = (float)(share * (double)side);
	return nearbyint((double)rng_between(g, -most, most));
}

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const float degrees = (float)c->v[DEGREES], x = (float)c->v[SHEAR],
		    y = (float)c->v[SHEAR_Y];
	struct aug_affine a = {.scale = 1};
	if (!c->rng)
		return CVT_OK;
	a.degrees = (double)rng_between(c->rng, -degrees, degrees);
	a.tx = shift(c->rng, c->v[TRANSLATE], r->W);
	a.ty = shift(c->rng, c->v[TRANSLATE], r->H);
	a.scale = (double)rng_between(c->rng, (float)c->v[LEAST], (float)c->v[MOST]);
	a.shear_x = (double)rng_between(c->rng, -x, x);
	a.shear_y = (double)rng_between(c->rng, -y, y);
	return aug_affine_apply(r, &a, c->v[FILTER] != 0 ? FILTER_BILINEAR : FILTER_NEAREST, c->e);
}

static int check(const double *v, struct cvt_err *e)
{
	if (v[LEAST] > v[MOST])
		return cvt_fail(e, CVT_USAGE, "affine: a range ends before it begins");
	return CVT_OK;
}

const struct aug_op aug_affine = {
	.name = "affine",
	.help = "turns, shifts, scales and shears at random within these",
	.param = {{"DEGREES", 0, 0, 180, true, false, NULL},
		{"TRANSLATE", 0, 0, 1, false, false, NULL},
		{"LEAST", 1, 0.01, 100, false, false, NULL},
		{"MOST", NAN, 0.01, 100, false, false, NULL},
		{"SHEAR", 0, 0, 89, false, false, NULL}, {"SHEAR_Y", 0, 0, 89, false, false, NULL},
		{"FILTER", 0, 0, 1, false, true, "nearest|bilinear"}},
	.draws = true,
	.check = check,
	.example = "15,0.1,0.8,1.2,10",
	.apply = apply,
};
