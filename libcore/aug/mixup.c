/* mixup: every picture of a block of rows with another one of it, by shares, and so the labels
 * (Zhang et al. 2018; mix.h). */
#include "aug.h"
#include "mix.h"

static void draw(const double *v, struct rng *g, size_t H, size_t W, struct mix *m)
{
	(void)H;
	(void)W;
	mix_draw_mixup(m, v[0], g);
}

const struct aug_op aug_mixup = {
	.name = "mixup",
	.help = "mixes pictures and labels of 128 rows by a share of Beta(ALPHA, ALPHA); comes "
		"last",
	.param = {{"ALPHA", 1, 0.001, 1000, false, false, NULL},
		{"CLASSES", 0, 0, 1 << 20, false, true, NULL}},
	.draws = true,
	.mix = draw,
};
