/* grid-mask: squares in a regular, turned grid are erased (Chen et al., "GridMask data augmentation",
 * 2020, as its authors' code has it for CIFAR and ImageNet, mode 1): of each unit of D pixels, drawn
 * from LEAST..MOST, the share KEEP stays along both axes. */
#include "aug.h"

#include <math.h>
#include <string.h>

enum { LEAST, MOST, KEEP, DEGREES };

struct grid {
	long unit, stays, y, x; /* the stripes that stay: how wide, and where the first begins */
	double cosine, sine;
};

static void draw(struct grid *d, const double *v, struct rng *g)
{
	d->unit = (long)v[LEAST] + (long)rng_below(g, (uint64_t)(v[MOST] - v[LEAST]) + 1);
	d->stays = (long)ceil((double)d->unit * v[KEEP]);
	d->y = (long)rng_below(g, (uint64_t)d->unit);
	d->x = (long)rng_below(g, (uint64_t)d->unit);
	const uint64_t degrees = v[DEGREES] > 0 ? rng_below(g, (uint64_t)v[DEGREES]) : 0;
	const double turn = (double)degrees * (3.14159265358979323846 / 180);
	d->cosine = cos(turn);
	d->sine = sin(turn);
}

static bool in_stripe(double at, long first, const struct grid *d)
{
	const long place = ((long)floor(at) - first) % d->unit;
	return (place < 0 ? place + d->unit : place) < d->stays;
}

/* The grid lies about the picture's middle, as wide as its diagonal. */
static void hide(const struct grid *d, struct aug_row *r)
{
	const double middle = ceil(hypot((double)r->H, (double)r->W)) / 2;
	for (size_t i = 0; i < r->T * r->H * r->W; i++) {
		const double y = (double)(i / r->W % r->H) + 0.5 - (double)r->H / 2;
		const double x = (double)(i % r->W) + 0.5 - (double)r->W / 2;
		const double u = x * d->cosine - y * d->sine + middle;
		const double v = x * d->sine + y * d->cosine + middle;
		if (!in_stripe(u, d->x, d) && !in_stripe(v, d->y, d))
			memset(r->image.data + i * r->C, 0, r->C);
	}
}

static int apply(const struct aug_call *c, struct aug_row *r)
{
	struct grid d;
	if (!c->rng)
		return CVT_OK;
	draw(&d, c->v, c->rng);
	hide(&d, r);
	return CVT_OK;
}

static int check(const double *v, struct cvt_err *e)
{
	if (v[LEAST] > v[MOST])
		return cvt_fail(e, CVT_USAGE, "grid-mask: a range ends before it begins");
	return CVT_OK;
}

const struct aug_op aug_grid_mask = {
	.name = "grid-mask",
	.help = "erases squares of a turned grid of units of LEAST..MOST pixels",
	.param = {{"LEAST", 0, 2, 16384, true, true, NULL},
		{"MOST", NAN, 2, 16384, false, true, NULL}, {"KEEP", 0.4, 0, 1, false, false, NULL},
		{"DEGREES", 360, 0, 360, false, true, NULL}},
	.draws = true,
	.check = check,
	.example = "8,14",
	.apply = apply,
};
