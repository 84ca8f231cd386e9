/* sgd: stochastic gradient descent with momentum (see sgd.h). */
#include "sgd.h"

static void update(const struct opt_step *s, const struct opt_slice *x)
{
	sgd_update(s, x, 1.0f);
}

const struct opt opt_sgd = {
	.name = "sgd",
	.help = "gradient descent with Nesterov momentum (--momentum, --no-nesterov)",
	.state = {"momentum"},
	.reads = OPT_MOMENTUM,
	.lr = 0.1,
	.momentum = 0.9,
	.nesterov = true,
	.weight_decay = 5e-4,
	.update = update,
};
