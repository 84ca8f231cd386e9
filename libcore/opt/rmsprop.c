/*
 * rmsprop: gradients over the root of their mean square (Tieleman and Hinton, lecture 6.5, 2012), as
 * PyTorch has it: s <- a s + (1 - a) g^2,  d = g / (sqrt(s) + epsilon),  w <- w - lr d, or with
 * momentum v <- momentum v + d,  w <- w - lr v. The second number of --betas is a.
 */
#include "opt.h"

#include <math.h>

static void update(const struct opt_step *s, const struct opt_slice *x)
{
	const float lr = (float)s->lr, decay = (float)s->decay;
	const float epsilon = (float)s->config->epsilon;
	const float momentum = (float)s->config->momentum;
	const float alpha = (float)s->config->beta2, now = (float)(1.0 - s->config->beta2);
	float *restrict w = x->w, *restrict g = x->g;
	float *restrict square = x->state[0], *restrict v = x->state[1];
	for (size_t i = 0; i < x->n; i++) {
		const float d = opt_gradient(s, g[i]) + decay * w[i];
		square[i] = alpha * square[i] + now * d * d;
		v[i] = momentum * v[i] + d / (sqrtf(square[i]) + epsilon);
		w[i] -= lr * v[i];
		g[i] = 0.0f;
	}
}

const struct opt opt_rmsprop = {
	.name = "rmsprop",
	.help = "gradients over the root of their mean square (--betas 0,A --momentum)",
	.state = {"square_avg", "momentum"},
	.reads = OPT_MOMENTUM | OPT_BETAS | OPT_EPSILON,
	.lr = 1e-2,
	.beta2 = 0.99,
	.update = update,
};
