/* pad-crop: pads every side and cuts a window of the old size at a random place (torchvision
 * RandomCrop(size, padding)): the picture shifts by up to the padding. */
#include "geometry.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const size_t pad = (size_t)c->v[0];
	if (!c->rng)
		return CVT_OK;
	const ptrdiff_t y = (ptrdiff_t)rng_below(c->rng, 2 * pad + 1) - (ptrdiff_t)pad;
	const ptrdiff_t x = (ptrdiff_t)rng_below(c->rng, 2 * pad + 1) - (ptrdiff_t)pad;
	const struct aug_window at = {y, x, r->H, r->W};
	return aug_cut(r, &at, c->v[1] != 0 ? BORDER_REFLECT : BORDER_ZERO, c->e);
}

const struct aug_op aug_pad_crop = {
	.name = "pad-crop",
	.help = "shifts by up to P pixels; what comes in is zero or reflect",
	.param = {{"P", 4, 0, 4096, true, true, NULL},
		{"MODE", 0, 0, 1, false, true, "zero|reflect"}},
	.draws = true,
	.example = "4",
	.apply = apply,
};
