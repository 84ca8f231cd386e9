/* stop: its input, which is a constant to the gradient. */
#include "nn.h"

const struct nn_op nn_stop = {
	.name = "stop",
	.help = "its input, a constant to the gradient",
	.inputs = 1,
	.flags = NN_VIEW | NN_STOP,
	.shape = nn_view_shape,
};
