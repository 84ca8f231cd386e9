/*
 * adamw: Adam with weight decay beside the gradient, w <- (1 - lr decay) w before the step:
 * Loshchilov and Hutter, "Decoupled weight decay regularization" (ICLR 2019).
 */
#include "adam.h"

static void update(const struct opt_step *s, const struct opt_slice *x)
{
	adam_update(s, x, 0.0f, (float)(1.0 - s->lr * s->decay));
}

const struct opt opt_adamw = {
	.name = "adamw",
	.help = "Adam; weight decay beside the gradient (--betas)",
	.state = {"exp_avg", "exp_avg_sq"},
	.reads = OPT_BETAS | OPT_EPSILON,
	.lr = 1e-3,
	.weight_decay = 0.05,
	.update = update,
};
