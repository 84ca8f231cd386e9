/* gaussian-blur: K x K pixels, sigma at random (torchvision GaussianBlur, which computes on tensors
 * also for PIL pictures; sums in another order may differ by 1 where they fall half-way). */
#include "smooth.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	if (!c->rng)
		return CVT_OK;
	const float sigma = rng_between(c->rng, (float)c->v[1], (float)c->v[2]);
	return smooth_blur(r, (size_t)c->v[0], (double)sigma, c->e);
}

static int check(const double *v, struct cvt_err *e)
{
	if ((size_t)v[0] % 2 == 0)
		return cvt_fail(e, CVT_USAGE, "gaussian-blur: K is odd, such as %g, not %g",
			v[0] + 1, v[0]);
	if (v[1] > v[2])
		return cvt_fail(e, CVT_USAGE, "gaussian-blur: a range ends before it begins");
	return CVT_OK;
}

const struct aug_op aug_gaussian_blur = {
	.name = "gaussian-blur",
	.help = "blurs over KxK pixels, sigma at random within LEAST..MOST",
	.param = {{"K", 0, 1, 255, true, true, NULL},
		{"LEAST", 0.1, 0.001, 100, false, false, NULL},
		{"MOST", 2, 0.001, 100, false, false, NULL}},
	.draws = true,
	.check = check,
	.example = "5",
	.apply = apply,
};
