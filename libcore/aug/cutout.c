/* cutout: squares around random places, cut at the borders (DeVries and Taylor, "Improved
 * regularization of convolutional neural networks with cutout", 2017). */
#include "erase.h"

enum { SIDE, HOLES, FILL };

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const size_t side = (size_t)c->v[SIDE];
	for (size_t i = 0; c->rng && i < (size_t)c->v[HOLES]; i++) {
		const ptrdiff_t y = (ptrdiff_t)rng_below(c->rng, r->H);
		const ptrdiff_t x = (ptrdiff_t)rng_below(c->rng, r->W);
		const ptrdiff_t half = (ptrdiff_t)(side / 2);
		const struct aug_window at = {y - half, x - half, side, side};
		aug_erase(r, &at, (enum erase_fill)c->v[FILL], c->rng);
	}
	return CVT_OK;
}

const struct aug_op aug_cutout = {
	.name = "cutout",
	.help = "erases HOLES squares around random places",
	.param = {{"SIDE", 0, 1, 16384, true, true, NULL}, {"HOLES", 1, 1, 1000, false, true, NULL},
		{"FILL", 0, 0, 2, false, true, ERASE_WORDS}},
	.draws = true,
	.example = "10",
	.apply = apply,
};
