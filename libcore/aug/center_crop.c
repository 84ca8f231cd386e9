/* center-crop: the window of the given size in the middle, with a black border where the picture is
 * smaller (torchvision CenterCrop). */
#include "geometry.h"
#include "square.h"

#include <math.h>

/* Where the window begins; torchvision rounds half a pixel to even, and half a border down. */
static ptrdiff_t begin(size_t side, size_t window)
{
	return window > side ? -(ptrdiff_t)((window - side) / 2)
			     : (ptrdiff_t)nearbyint((double)(side - window) / 2);
}

static int apply(const struct aug_call *c, struct aug_row *r)
{
	size_t h, w;
	square_sides(c->v, &h, &w);
	const struct aug_window at = {begin(r->H, h), begin(r->W, w), h, w};
	return aug_cut(r, &at, BORDER_ZERO, c->e);
}

static int size(const double *v, size_t *H, size_t *W, size_t *C, struct cvt_err *e)
{
	(void)C;
	(void)e;
	square_sides(v, H, W);
	return CVT_OK;
}

const struct aug_op aug_center_crop = {
	.name = "center-crop",
	.help = "the window of H[,W] in the middle",
	.param = {SQUARE_PARAMS},
	.size = size,
	.example = "24",
	.apply = apply,
};
