/*
 * adagrad: the rate of each weight falls with the squares of its gradients so far (Duchi, Hazan and
 * Singer, JMLR 2011), as PyTorch has it: s <- s + g^2,  w <- w - lr g / (sqrt(s) + epsilon).
 */
#include "opt.h"

#include <math.h>

static void update(const struct opt_step *s, const struct opt_slice *x)
{
	const float lr = (float)s->lr, decay = (float)s->decay;
	const float epsilon = (float)s->config->epsilon;
	float *restrict w = x->w, *restrict g = x->g, *restrict sum = x->state[0];
	for (size_t i = 0; i < x->n; i++) {
		const float d = opt_gradient(s, g[i]) + decay * w[i];
		sum[i] += d * d;
		w[i] -= lr * d / (sqrtf(sum[i]) + epsilon);
		g[i] = 0.0f;
	}
}

const struct opt opt_adagrad = {
	.name = "adagrad",
	.help = "rates fall with the squares of all gradients so far",
	.state = {"sum"},
	.reads = OPT_EPSILON,
	.lr = 1e-2,
	.epsilon = 1e-10,
	.update = update,
};
