/*
 * cosine-restarts: half a cosine wave from 1 to 0 that begins anew after A epochs, each period B times
 * as long as the one before: Loshchilov and Hutter, "SGDR" (ICLR 2017), PyTorch's
 * CosineAnnealingWarmRestarts. Without A there are three periods of one length.
 */
#include "sched.h"

#include <math.h>

enum { PERIODS = 1000 };

static double factor(const struct sched_at *at)
{
	const double times = at->value[1];
	double period = at->given ? at->value[0] : at->epochs / 3.0;
	double epoch = at->epoch;
	if (times == 1.0)
		epoch = fmod(epoch, period);
	for (int i = 0; i < PERIODS && epoch >= period; i++) {
		epoch -= period;
		period *= times;
	}
	return 0.5 * (1.0 + cos(3.14159265358979323846 * epoch / period));
}

static const char *wrong(const double *value, size_t given)
{
	if (given > 0 && value[0] == 0.0)
		return "A is a number of epochs above 0";
	return given > 1 && value[1] < 1.0 ? "B is at least 1" : NULL;
}

const struct sched sched_cosine_restarts = {
	.name = "cosine-restarts",
	.help = "half a cosine wave every A epochs, each B times as long; without A three",
	.takes = 2,
	.value = {0.0, 1.0},
	.needs_total = true,
	.wrong = wrong,
	.counts_epochs = 2,
	.factor = factor,
};
