/* exponential: times A an epoch, falling at every step; without A it ends at a hundredth. */
#include "sched.h"

#include <math.h>

static double factor(const struct sched_at *at)
{
	return at->given ? pow(at->value[0], at->epoch) : pow(0.01, at->x);
}

const struct sched sched_exponential = {
	.name = "exponential",
	.help = "times A an epoch; without A it ends at a hundredth",
	.takes = 1,
	.needs_total = true,
	.counts_epochs = 2,
	.factor = factor,
};
