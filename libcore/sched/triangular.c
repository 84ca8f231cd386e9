/* triangular: from B up to the full rate in A epochs, and down again, over and over: Smith, "Cyclical
 * learning rates for training neural networks" (WACV 2017), PyTorch's CyclicLR. */
#include "sched.h"

#include <math.h>

static double factor(const struct sched_at *at)
{
	const double half = at->value[0], low = at->value[1];
	const double place = fmod(at->epoch / half, 2.0);
	return low + (1.0 - low) * (place < 1.0 ? place : 2.0 - place);
}

static const char *wrong(const double *value, size_t given)
{
	if (given > 0 && value[0] == 0.0)
		return "A is a number of epochs above 0";
	return given > 1 && value[1] > 1.0 ? "B is a share from 0 to 1" : NULL;
}

const struct sched sched_triangular = {
	.name = "triangular",
	.help = "from B (0.1) of the rate up to it in A (2) epochs, and down, over and over",
	.takes = 2,
	.value = {2.0, 0.1},
	.wrong = wrong,
	.counts_epochs = 1,
	.factor = factor,
};
