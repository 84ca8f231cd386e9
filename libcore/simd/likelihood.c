/* likelihood: what logits x say of targets t in 0..1, one Bernoulli variable each. */
#include "vmath.h"

/* The sum of log(1 + exp x) - t x: in floats over a stretch, in double over all. */
double KERNEL(bce)(const float *x, const float *t, size_t n)
{
	enum { STRETCH = 64 * SIMD_WIDTH };
	double sum = 0;
	for (size_t from = 0; from < n; from += STRETCH) {
		const size_t end = n - from < STRETCH ? n : from + STRETCH;
		vec part = {0};
		for (size_t i = from; i < end; i += SIMD_WIDTH) {
			const vec v = vec_load_some(x + i, end - i);
			const vec s = vec_softplus(v) - v * vec_load_some(t + i, end - i);
			if (end - i < SIMD_WIDTH) { /* past the end lies log 2 */
				float some[SIMD_WIDTH] = {0};
				vec_store_some(some, s, end - i);
				part += vec_load(some);
			} else {
				part += s;
			}
		}
		sum += (double)vec_sum(part);
	}
	return sum;
}

/* factor (sigmoid x - t) */
void KERNEL(bce_back)(const float *x, const float *t, float factor, float *dx, size_t n, bool add)
{
	for (size_t i = 0; i < n; i += SIMD_WIDTH) {
		const vec v = vec_load_some(x + i, n - i);
		vec_put_some(dx + i, factor * (vec_sigmoid(v) - vec_load_some(t + i, n - i)), n - i,
			add);
	}
}
