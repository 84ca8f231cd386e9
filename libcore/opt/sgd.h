/*
 * sgd: the update that sgd, lars and muon share: stochastic gradient descent with momentum, as
 * PyTorch defines it (no dampening): with g' = times (g + decay w), times 1 for sgd itself,
 * v <- momentum v + g',  w <- w - lr v,  or with Nesterov's look ahead (Sutskever et al. 2013)
 * w <- w - lr (g' + momentum v).
 */
#ifndef CVT_OPT_SGD_H
#define CVT_OPT_SGD_H

#include "opt.h"

static inline void sgd_update(const struct opt_step *s, const struct opt_slice *x, float times)
{
	const float lr = (float)s->lr, decay = (float)s->decay;
	const float momentum = (float)s->config->momentum;
	const float ahead = s->config->nesterov ? momentum : 1.0f;
	const float now = s->config->nesterov ? 1.0f : 0.0f;
	float *restrict w = x->w, *restrict g = x->g, *restrict v = x->state[0];
	for (size_t i = 0; i < x->n; i++) {
		const float d = times * (opt_gradient(s, g[i]) + decay * w[i]);
		v[i] = momentum * v[i] + d;
		w[i] -= lr * (now * d + ahead * v[i]);
		g[i] = 0.0f;
	}
}

#endif
