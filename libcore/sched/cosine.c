/* cosine: half a cosine wave from 1 to 0: Loshchilov and Hutter, "SGDR" (ICLR 2017), no restarts.
 */
#include "sched.h"

#include <math.h>

static double factor(const struct sched_at *at)
{
	return 0.5 * (1.0 + cos(3.14159265358979323846 * at->x));
}

const struct sched sched_cosine = {
	.name = "cosine",
	.help = "half a cosine wave from the full rate to nothing",
	.needs_total = true,
	.factor = factor,
};
