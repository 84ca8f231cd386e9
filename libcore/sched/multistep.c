/* multistep: times A after each of the epochs B, C, ..., PyTorch's MultiStepLR. */
#include "sched.h"

static double factor(const struct sched_at *at)
{
	double f = 1.0;
	if (at->given < 2) /* as He et al. 2016: at half and at three quarters of the way */
		return (at->x >= 0.5 ? at->value[0] : 1.0) * (at->x >= 0.75 ? at->value[0] : 1.0);
	for (size_t i = 1; i < at->given; i++)
		f *= at->epoch >= at->value[i] ? at->value[0] : 1.0;
	return f;
}

const struct sched sched_multistep = {
	.name = "multistep",
	.help = "times A (0.1) after epochs B, C, ...; without them at 1/2 and 3/4 of the way",
	.takes = SCHED_VALUES,
	.value = {0.1},
	.needs_total = true,
	.counts_epochs = 3,
	.factor = factor,
};
