/* random-resized-crop: a window of random area and aspect, resized (torchvision RandomResizedCrop;
 * Szegedy et al. 2015). Ten tries; then the largest central window of an allowed aspect. Halves are
 * rounded to even, as Python does. */
#include "geometry.h"

#include <math.h>

enum { SIDE, LEAST, MOST, NARROW, WIDE, TRIES = 10 };

static bool draw_window(
	const double *v, struct rng *g, const struct aug_row *r, struct aug_window *w)
{
	const double area = (double)(r->H * r->W);
	const float low = (float)log(v[NARROW]), high = (float)log(v[WIDE]);
	for (int i = 0; i < TRIES; i++) {
		const double target =
			area * (double)rng_between(g, (float)v[LEAST], (float)v[MOST]);
		const double aspect = exp((double)rng_between(g, low, high));
		const double wide = nearbyint(sqrt(target * aspect)),
			     tall = nearbyint(sqrt(target / aspect));
		if (wide < 1 || tall < 1 || wide > (double)r->W || tall > (double)r->H)
			continue;
		w->w = (size_t)wide;
		w->h = (size_t)tall;
		w->y = (ptrdiff_t)rng_below(g, r->H - w->h + 1);
		w->x = (ptrdiff_t)rng_below(g, r->W - w->w + 1);
		return true;
	}
	return false;
}

static struct aug_window central_window(const double *v, const struct aug_row *r)
{
	const double aspect = (double)r->W / (double)r->H;
	struct aug_window w = {0, 0, r->H, r->W};
	if (aspect < v[NARROW])
		w.h = (size_t)fmax(1, nearbyint((double)r->W / v[NARROW]));
	else if (aspect > v[WIDE])
		w.w = (size_t)fmax(1, nearbyint((double)r->H * v[WIDE]));
	w.y = (ptrdiff_t)(r->H - w.h) / 2;
	w.x = (ptrdiff_t)(r->W - w.w) / 2;
	return w;
}

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const size_t side = (size_t)c->v[SIDE];
	struct aug_window w = {0, 0, r->H, r->W};
	if (c->rng && !draw_window(c->v, c->rng, r, &w))
		w = central_window(c->v, r);
	return aug_scale(r, &w, side, side, FILTER_BILINEAR, c->e);
}

static int check(const double *v, struct cvt_err *e)
{
	if (v[LEAST] > v[MOST] || v[NARROW] > v[WIDE])
		return cvt_fail(e, CVT_USAGE, "random-resized-crop: a range ends before it begins");
	return CVT_OK;
}

static int size(const double *v, size_t *H, size_t *W, size_t *C, struct cvt_err *e)
{
	(void)C;
	(void)e;
	*H = *W = (size_t)v[SIDE];
	return CVT_OK;
}

const struct aug_op aug_random_resized_crop = {
	.name = "random-resized-crop",
	.help = "a window of random area and aspect as SIDExSIDE (validation rows: all of it)",
	.param = {{"SIDE", 0, 1, 16384, true, true, NULL},
		{"LEAST", 0.08, 0.0001, 1, false, false, NULL},
		{"MOST", 1, 0.0001, 1, false, false, NULL},
		{"NARROW", 3.0 / 4, 0.01, 100, false, false, NULL},
		{"WIDE", 4.0 / 3, 0.01, 100, false, false, NULL}},
	.draws = true,
	.check = check,
	.size = size,
	.example = "32",
	.apply = apply,
};
