/*
 * adam: the update that adam and adamw share. Kingma and Ba, "Adam" (ICLR 2015):
 * m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2,
 * w <- w - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon).
 */
#ifndef CVT_OPT_ADAM_H
#define CVT_OPT_ADAM_H

#include "../simd.h"
#include "opt.h"

#include <math.h>

/* coupled is added to the gradient times w; keep multiplies w beforehand. */
static inline void adam_update(
	const struct opt_step *s, const struct opt_slice *x, float coupled, float keep)
{
	const double b1 = s->config->beta1, b2 = s->config->beta2;
	const struct simd_adam a = {.scale = s->grad_scale,
		.limit = s->grad_limit,
		.coupled = coupled,
		.keep = keep,
		.m_keep = (float)b1,
		.m_new = (float)(1.0 - b1),
		.v_keep = (float)b2,
		.v_new = (float)(1.0 - b2),
		.size = (float)(s->lr / (1.0 - pow(b1, (double)s->t))),
		.root = (float)(1.0 / sqrt(1.0 - pow(b2, (double)s->t))),
		.epsilon = (float)s->config->epsilon};
	simd()->adam(&a, x->w, x->g, x->state[0], x->state[1], x->n);
}

#endif
