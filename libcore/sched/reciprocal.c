/* reciprocal: 1 / (1 + A epoch), the classic decay of Robbins and Monro's kind. */
#include "sched.h"

static double factor(const struct sched_at *at)
{
	return 1.0 / (1.0 + at->value[0] * at->epoch);
}

const struct sched sched_reciprocal = {
	.name = "reciprocal",
	.help = "1 / (1 + A epochs); A is 1",
	.takes = 1,
	.value = {1.0},
	.counts_epochs = 1,
	.factor = factor,
};
