/* adam: Adam with weight decay as a part of the gradient (see adam.h). */
#include "adam.h"

static void update(const struct opt_step *s, const struct opt_slice *x)
{
	adam_update(s, x, (float)s->decay, 1.0f);
}

const struct opt opt_adam = {
	.name = "adam",
	.help = "Adam; weight decay joins the gradient (--betas)",
	.state = {"exp_avg", "exp_avg_sq"},
	.reads = OPT_BETAS | OPT_EPSILON,
	.lr = 1e-3,
	.weight_decay = 0.0,
	.update = update,
};
