/* center-crop: the window of the given size in the middle (torchvision CenterCrop). */
#include "geometry.h"
#include "square.h"

#include <math.h>

static int apply(const struct aug_call *c, struct aug_row *r)
{
	size_t h, w;
	square_sides(c->v, &h, &w);
	TRY(square_inside("center-crop", r->H, r->W, h, w, c->e));
	/* torchvision rounds the half to even */
	const struct aug_window at = {(ptrdiff_t)nearbyint((double)(r->H - h) / 2),
		(ptrdiff_t)nearbyint((double)(r->W - w) / 2), h, w};
	return aug_cut(r, &at, BORDER_ZERO, c->e);
}

static int size(const double *v, size_t *H, size_t *W, size_t *C, struct cvt_err *e)
{
	(void)C;
	return square_crop_size("center-crop", v, H, W, e);
}

const struct aug_op aug_center_crop = {
	.name = "center-crop",
	.help = "the window of H[,W] in the middle",
	.param = {SQUARE_PARAMS},
	.size = size,
	.example = "24",
	.apply = apply,
};
