/* peak: multiplications and additions that never leave the registers, to measure what the processor
 * could do. */
#include "vmath.h"

enum { CHAINS = 12 }; /* independent, so that no one waits for another */

/* CHAINS x width x 2 x times operations; the result only keeps the compiler from leaving them out. */
float KERNEL(peak)(float x, size_t times)
{
	vec sum[CHAINS];
	const vec factor = vec_all(x), more = vec_all(1 - x);
	for (int i = 0; i < CHAINS; i++)
		sum[i] = vec_all((float)i);
	for (size_t n = 0; n < times; n++)
		for (int i = 0; i < CHAINS; i++)
			sum[i] = sum[i] * factor + more;
	for (int i = 1; i < CHAINS; i++)
		sum[0] += sum[i];
	return vec_sum(sum[0]);
}
