/* id: its input; a branch without layers. */
#include "nn.h"

const struct nn_op nn_id = {
	.name = "id",
	.help = "its input as it is",
	.inputs = 1,
	.flags = NN_VIEW,
	.shape = nn_view_shape,
};
