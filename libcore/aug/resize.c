/* resize: the whole picture as H x W (torchvision Resize((H,W)) on PIL images, antialiased). */
#include "geometry.h"
#include "square.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const struct aug_window all = {0, 0, r->H, r->W};
	size_t h, w;
	square_sides(c->v, &h, &w);
	return aug_scale(r, &all, h, w, c->v[2] != 0 ? FILTER_NEAREST : FILTER_BILINEAR, c->e);
}

static int size(const double *v, size_t *H, size_t *W, size_t *C, struct cvt_err *e)
{
	(void)C;
	(void)e;
	square_sides(v, H, W);
	return CVT_OK;
}

const struct aug_op aug_resize = {
	.name = "resize",
	.help = "the whole picture as H[,W], bilinear (antialiased) or nearest",
	.param = {SQUARE_PARAMS, {"FILTER", 0, 0, 1, false, true, "bilinear|nearest"}},
	.size = size,
	.example = "20",
	.apply = apply,
};
