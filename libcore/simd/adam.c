/* adam: one stretch of the update of adam and adamw (libcore/opt/adam.h has the formula). */
#include "kernel.h"

void KERNEL(adam)(const struct simd_adam *a, float *restrict w, float *restrict g,
	float *restrict m, float *restrict v, size_t n)
{
	const struct simd_adam s = *a;
	for (size_t i = 0; i < n; i++) {
		float d = g[i] * s.scale;
		d = d > s.limit ? s.limit : d < -s.limit ? -s.limit : d;
		d += s.coupled * w[i];
		m[i] = s.m_keep * m[i] + s.m_new * d;
		v[i] = s.v_keep * v[i] + s.v_new * d * d;
		w[i] = w[i] * s.keep - s.size * m[i] / (__builtin_sqrtf(v[i]) * s.root + s.epsilon);
		g[i] = 0;
	}
}
