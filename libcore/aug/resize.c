/* resize: the whole picture as H x W (torchvision Resize((H,W)) on PIL images, which antialias: the
 * word says what bilinear does anyway). */
#include "geometry.h"
#include "square.h"

enum { FILTER = 2 };
enum { BILINEAR, NEAREST };

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const struct aug_window all = {0, 0, r->H, r->W};
	size_t h, w;
	square_sides(c->v, &h, &w);
	return aug_scale(r, &all, h, w,
		(int)c->v[FILTER] == NEAREST ? FILTER_NEAREST : FILTER_BILINEAR, c->e);
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
	.param = {SQUARE_PARAMS,
		{"FILTER", BILINEAR, 0, 2, false, true, "bilinear|nearest|antialias"}},
	.size = size,
	.example = "20",
	.apply = apply,
};
