/*
 * lars: momentum whose rate is made for each layer, so that large batches train (You, Gitman and
 * Ginsburg, "Large batch training of convolutional networks", 2017):
 * g' = eta |w| / (|g| + decay |w|) (g + decay w), with eta 0.001; biases and norms, which do not
 * decay, have g' = g, as in timm.
 */
#include "sgd.h"

static void update(const struct opt_step *s, const struct opt_slice *x)
{
	const double eta = 1e-3, size = s->g_norm + s->decay * s->w_norm;
	const bool adapts = s->decay > 0.0 && s->w_norm > 0.0 && s->g_norm > 0.0;
	sgd_update(s, x, adapts ? (float)(eta * s->w_norm / size) : 1.0f);
}

const struct opt opt_lars = {
	.name = "lars",
	.help = "momentum with a rate for each layer, for large batches (--momentum)",
	.state = {"momentum"},
	.reads = OPT_MOMENTUM,
	.lr = 1.0,
	.weight_decay = 1e-4,
	.momentum = 0.9,
	.norms = true,
	.update = update,
};
