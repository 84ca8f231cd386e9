/*
 * sgd: stochastic gradient descent with momentum, as PyTorch defines it (no dampening): with
 * g' = g + decay w,  v <- momentum v + g',  w <- w - lr v,  or with Nesterov's look ahead
 * (Sutskever et al. 2013) w <- w - lr (g' + momentum v).
 */
#include "opt.h"

static void update(const struct opt_step *s, const struct opt_slice *x)
{
	const float lr = (float)s->lr, decay = (float)s->decay;
	const float momentum = (float)s->config->momentum;
	const float ahead = s->config->nesterov ? momentum : 1.0f;
	const float now = s->config->nesterov ? 1.0f : 0.0f;
	float *restrict w = x->w, *restrict g = x->g, *restrict v = x->state[0];
	for (size_t i = 0; i < x->n; i++) {
		const float d = opt_gradient(s, g[i]) + decay * w[i];
		v[i] = momentum * v[i] + d;
		w[i] -= lr * (now * d + ahead * v[i]);
		g[i] = 0.0f;
	}
}

const struct opt opt_sgd = {
	.name = "sgd",
	.help = "gradient descent with Nesterov momentum (--momentum, --no-nesterov)",
	.state = {"momentum"},
	.lr = 0.1,
	.weight_decay = 5e-4,
	.update = update,
};
