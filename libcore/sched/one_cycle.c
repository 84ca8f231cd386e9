/*
 * one-cycle: up in a straight line from 1/25 to the full rate at A of the way, then down in a
 * straight line to nearly nothing; it trains best in short runs. Smith and Topin,
 * "Super-convergence" (2018), in the triangular form of the fast CIFAR-10 trainings.
 */
#include "sched.h"

static double factor(const struct sched_at *at)
{
	const double low = 0.04, end = 0.001, peak = at->value[0];
	if (at->x < peak)
		return low + (1.0 - low) * at->x / peak;
	return peak < 1.0 ? 1.0 - (1.0 - end) * (at->x - peak) / (1.0 - peak) : 1.0;
}

const struct sched sched_one_cycle = {
	.name = "one-cycle",
	.help = "up to the full rate at A of the way (0.25), then down in a straight line",
	.value = {0.25},
	.needs_total = true,
	.factor = factor,
};
