/* cutmix: a window of every picture of a block of rows is another's, and as much of the label
 * (Yun et al. 2019; mix.h). */
#include "aug.h"
#include "mix.h"

static void draw(const double *v, struct rng *g, size_t H, size_t W, struct mix *m)
{
	mix_draw_cutmix(m, v[0], H, W, g);
}

const struct aug_op aug_cutmix = {
	.name = "cutmix",
	.help = "puts windows of others into the pictures of 128 rows, as much of their labels; "
		"comes last",
	.param = {{"ALPHA", 1, 0.001, 1000, false, false, NULL},
		{"CLASSES", 0, 0, 1 << 20, false, true, NULL}},
	.draws = true,
	.pastes = true,
	.mix = draw,
};
