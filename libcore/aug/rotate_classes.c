/*
 * rotate-classes: turns all rows of a class in an episode (`group`, `label`) by the same quarters,
 * drawn for that class and episode: characters turned are further characters (Vinyals et al.,
 * "Matching networks for one shot learning", NIPS 2016), so there are four times as many classes to
 * learn from. For training only: validation rows stay as they are.
 */
#include "quarters.h"

#include "../rng.h"

static int size(const double *v, size_t *H, size_t *W, size_t *C, struct cvt_err *e)
{
	(void)v;
	(void)C;
	return aug_need_square("rotate-classes", *H, *W, e);
}

/* The draw is keyed by episode and class in place of the row. */
static int apply(const struct aug_call *c, struct aug_row *r)
{
	struct rng_site at = *c->site;
	struct rng draw;
	if (!r->of_episode)
		return cvt_fail(c->e, CVT_INPUT,
			"rotate-classes: turns the classes of episodes, but the rows have no "
			"'group' and "
			"'label'; cv-read --episodes 60x5+5");
	if (!c->rng)
		return CVT_OK;
	at.index = (uint64_t)r->group;
	at.copy = (uint32_t)r->class;
	at.view = 0;
	rng_at(&draw, &at);
	return aug_quarters(r, (size_t)rng_below(&draw, 4), c->e);
}

const struct aug_op aug_rotate_classes = {
	.name = "rotate-classes",
	.help = "turns each class of an episode by quarters of its own: four times as many classes",
	.draws = true,
	.size = size,
	.apply = apply,
};
