/* step: times B every A epochs; without A, at half and at three quarters of the way (He et al.
 * 2016). */
#include "sched.h"

#include <math.h>

static double factor(const struct sched_at *at)
{
	const double times = at->value[0] > 0.0 ? floor(at->epoch / at->value[0])
						: (at->x >= 0.5) + (at->x >= 0.75);
	return pow(at->value[1], times);
}

static const char *wrong(const double *value, size_t given)
{
	return given && value[0] == 0.0 ? "A is a number of epochs above 0" : NULL;
}

const struct sched sched_step = {
	.name = "step",
	.help = "times B (0.1) every A epochs; without A at 1/2 and 3/4 of the way",
	.takes = 2,
	.value = {0.0, 0.1},
	.needs_total = true,
	.wrong = wrong,
	.counts_epochs = 2,
	.factor = factor,
};
