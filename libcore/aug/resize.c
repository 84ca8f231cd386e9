/* resize: the whole picture as H x W (torchvision Resize((H,W)) on PIL images, which antialias: the
 * word says what bilinear does anyway), or with the shorter side H and the same aspect (Resize(H)). */
#include "geometry.h"
#include "square.h"

enum { H, W, FILTER, SHAPE };
enum { BILINEAR, NEAREST };

/* The size that a picture of *h x *w gets. */
static int new_size(const double *v, size_t *h, size_t *w, struct cvt_err *e)
{
	const bool high = *h > *w;
	const size_t shorter = high ? *w : *h, longer = high ? *h : *w, side = (size_t)v[H];
	if (v[SHAPE] == 0) {
		square_sides(v, h, w);
		return CVT_OK;
	}
	if (shorter == 0) /* not known yet */
		return CVT_OK;
	if (longer > AUG_MAX_SIDE || side * longer / shorter > AUG_MAX_SIDE)
		return cvt_fail(e, CVT_INPUT,
			"resize: the longer side of a picture of %zux%zu would become more than "
			"%d; leave out `short`",
			*h, *w, AUG_MAX_SIDE);
	*h = high ? side * longer / shorter : side;
	*w = high ? side : side * longer / shorter;
	return CVT_OK;
}

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const struct aug_window all = {0, 0, r->H, r->W};
	size_t h = r->H, w = r->W;
	TRY(new_size(c->v, &h, &w, c->e));
	return aug_scale(r, &all, h, w,
		(int)c->v[FILTER] == NEAREST ? FILTER_NEAREST : FILTER_BILINEAR, c->e);
}

static int check(const double *v, struct cvt_err *e)
{
	if (v[SHAPE] != 0 && v[W] != v[H])
		return cvt_fail(e, CVT_USAGE, "resize: with `short` one number says all");
	return CVT_OK;
}

static int size(const double *v, size_t *h, size_t *w, size_t *C, struct cvt_err *e)
{
	(void)C;
	return new_size(v, h, w, e);
}

const struct aug_op aug_resize = {
	.name = "resize",
	.help = "the whole picture as H[,W], bilinear (antialiased) or nearest; short: by its "
		"shorter side",
	.param = {SQUARE_PARAMS,
		{"FILTER", BILINEAR, 0, 2, false, true, "bilinear|nearest|antialias"},
		{"SHAPE", 0, 0, 1, false, true, "whole|short"}},
	.check = check,
	.size = size,
	.example = "20",
	.apply = apply,
};
