/*
 * one-cycle-cosine: up along half a cosine wave from B of the full rate to all of it at A of the way,
 * then down along another to C of it: Smith and Topin, "Super-convergence" (2018), as PyTorch's
 * OneCycleLR has it (pct_start A, div_factor 1 / B, final_div_factor B / C). Its last step is at the
 * end of the way, and so one step before A is the top.
 */
#include "sched.h"

#include <math.h>

/* From `from` to `to` at share x of the way between. */
static double wave(double from, double to, double x)
{
	return to + (from - to) / 2.0 * (1.0 + cos(3.14159265358979323846 * x));
}

static double factor(const struct sched_at *at)
{
	const double share = at->value[0], start = at->value[1], end = at->value[2];
	const double top = share - at->step;
	if (at->x < top)
		return wave(start, 1.0, at->x / top);
	return share < 1.0 ? wave(1.0, end, (at->x - top) / (1.0 - share)) : 1.0;
}

const struct sched sched_one_cycle_cosine = {
	.name = "one-cycle-cosine",
	.help = "the same in cosine waves; A is 0.3, B 0.04, C 4e-6, as in PyTorch",
	.takes = 3,
	.value = {0.3, 0.04, 4e-6},
	.needs_total = true,
	.wrong = sched_shares,
	.factor = factor,
};
