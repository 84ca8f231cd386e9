/* crop: a window of the given size at a random place (torchvision RandomCrop). */
#include "geometry.h"
#include "square.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	size_t h, w;
	square_sides(c->v, &h, &w);
	TRY(square_inside("crop", r->H, r->W, h, w, c->e));
	struct aug_window at = {(ptrdiff_t)(r->H - h) / 2, (ptrdiff_t)(r->W - w) / 2, h, w};
	if (c->rng) {
		at.y = (ptrdiff_t)rng_below(c->rng, r->H - h + 1);
		at.x = (ptrdiff_t)rng_below(c->rng, r->W - w + 1);
	}
	return aug_cut(r, &at, BORDER_ZERO, c->e);
}

static int size(const double *v, size_t *H, size_t *W, size_t *C, struct cvt_err *e)
{
	(void)C;
	return square_crop_size("crop", v, H, W, e);
}

const struct aug_op aug_crop = {
	.name = "crop",
	.help = "a window of H[,W] at a random place (validation rows: the centre)",
	.param = {SQUARE_PARAMS},
	.draws = true,
	.size = size,
	.example = "24",
	.apply = apply,
};
