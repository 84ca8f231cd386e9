/* constant: the same rate all the time. */
#include "sched.h"

static double factor(const struct sched_at *at)
{
	(void)at;
	return 1.0;
}

const struct sched sched_constant = {
	.name = "constant",
	.help = "the same rate all the time",
	.factor = factor,
};
