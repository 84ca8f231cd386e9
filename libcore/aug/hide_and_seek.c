/* hide-and-seek: each patch of a grid is hidden with its own chance (Singh and Lee, "Hide-and-Seek:
 * Forcing a network to be meticulous", 2017, who fill with the data set's mean; `mean` is the
 * picture's here). */
#include "erase.h"

enum { SIDE, SHARE, FILL };

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const size_t side = (size_t)c->v[SIDE];
	for (size_t y = 0; c->rng && y < r->H; y += side)
		for (size_t x = 0; x < r->W; x += side) {
			const struct aug_window at = {(ptrdiff_t)y, (ptrdiff_t)x, side, side};
			if (rng_uniform(c->rng) < (float)c->v[SHARE])
				aug_erase(r, &at, (enum erase_fill)c->v[FILL], c->rng);
		}
	return CVT_OK;
}

const struct aug_op aug_hide_and_seek = {
	.name = "hide-and-seek",
	.help = "hides each patch of SIDExSIDE pixels with chance SHARE",
	.param = {{"SIDE", 0, 1, 16384, true, true, NULL}, {"SHARE", 0.5, 0, 1, false, false, NULL},
		{"FILL", 1, 0, 2, false, true, ERASE_WORDS}},
	.draws = true,
	.example = "8",
	.apply = apply,
};
