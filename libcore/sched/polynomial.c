/* polynomial: (1 - x)^A, PyTorch's PolynomialLR; A 1 is a straight line to nothing, A 0.9 what
 * segmentation networks use (Chen et al., "DeepLab", 2017). */
#include "sched.h"

#include <math.h>

static double factor(const struct sched_at *at)
{
	return pow(1.0 - at->x, at->value[0]);
}

const struct sched sched_polynomial = {
	.name = "polynomial",
	.help = "(1 - x)^A at share x of the way; A is 1, a straight line",
	.takes = 1,
	.value = {1.0},
	.needs_total = true,
	.factor = factor,
};
