/*
 * adam: the update that adam and adamw share. Kingma and Ba, "Adam" (ICLR 2015):
 * m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2,
 * w <- w - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon).
 */
#ifndef CVT_OPT_ADAM_H
#define CVT_OPT_ADAM_H

#include "opt.h"

#include <math.h>

/* coupled is added to the gradient times w; keep multiplies w beforehand. */
static inline void adam_update(
	const struct opt_step *s, const struct opt_slice *x, float coupled, float keep)
{
	const double b1 = s->config->beta1, b2 = s->config->beta2;
	const float size = (float)(s->lr / (1.0 - pow(b1, (double)s->t)));
	const float root = (float)sqrt(1.0 - pow(b2, (double)s->t));
	const float epsilon = (float)s->config->epsilon;
	const float m1 = (float)b1, m2 = (float)b2, n1 = (float)(1.0 - b1), n2 = (float)(1.0 - b2);
	float *restrict w = x->w, *restrict g = x->g;
	float *restrict m = x->state[0], *restrict v = x->state[1];
	for (size_t i = 0; i < x->n; i++) {
		const float d = opt_gradient(s, g[i]) + coupled * w[i];
		m[i] = m1 * m[i] + n1 * d;
		v[i] = m2 * v[i] + n2 * d * d;
		w[i] = w[i] * keep - size * m[i] / (sqrtf(v[i]) / root + epsilon);
		g[i] = 0.0f;
	}
}

#endif
