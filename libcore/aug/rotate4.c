/*
 * rotate4: every row becomes four, turned by 0, 90, 180 and 270 degrees counter-clockwise, and which
 * it was is to be learned: to tell, a network must know what things look like upright (Gidaris,
 * Singh and Komodakis, "Unsupervised representation learning by predicting image rotations", ICLR
 * 2018). All four stand in one batch, as in the paper, where that was better than a random one.
 * Nothing is drawn, so validation rows become four, too.
 */
#include "quarters.h"

static const char *const degrees[] = {"0", "90", "180", "270"};

static const struct aug_pretext pretext = {
	.field = "rotation",
	.loss = "cross-entropy",
	.classes = 4,
	.copies = 4,
	.class_name = degrees,
};

static int size(const double *v, size_t *H, size_t *W, size_t *C, struct cvt_err *e)
{
	(void)v;
	(void)C;
	return aug_need_square("rotate4", *H, *W, e);
}

static int apply(const struct aug_call *c, struct aug_row *r)
{
	r->label = (int32_t)r->copy;
	return aug_quarters(r, r->copy, c->e);
}

const struct aug_op aug_rotate4 = {
	.name = "rotate4",
	.help = "pretext: every row becomes four, turned by quarters; learns `rotation`",
	.size = size,
	.apply = apply,
	.pretext = &pretext,
};
