/*
 * one-cycle: up in a straight line from B of the full rate to all of it at A of the way, then down in
 * a straight line to C of it; it trains best in short runs. Smith and Topin, "Super-convergence"
 * (2018), in the triangular form of the fast CIFAR-10 trainings (Jordan, "94% on CIFAR-10 in 3.29
 * seconds", 2024, has 0.23, 0.2, 0.07).
 */
#include "sched.h"

static double factor(const struct sched_at *at)
{
	const double peak = at->value[0], start = at->value[1], end = at->value[2];
	if (at->x < peak)
		return start + (1.0 - start) * at->x / peak;
	return peak < 1.0 ? 1.0 - (1.0 - end) * (at->x - peak) / (1.0 - peak) : 1.0;
}

const struct sched sched_one_cycle = {
	.name = "one-cycle",
	.help = "from B (0.04) of the rate up to it at A (0.25) of the way, down to C (0.001)",
	.takes = 3,
	.value = {0.25, 0.04, 0.001},
	.needs_total = true,
	.wrong = sched_shares,
	.factor = factor,
};
