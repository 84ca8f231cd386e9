/* flatten: a row as one vector, in PyTorch's order: channel after channel. */
#include "reorder.h"

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(nn_need_float(g, n, 0, e));
	n->row = (struct shape){1, {shape_items(nn_input_shape(g, n, 0))}};
	n->view = reorder_is_view(nn_input_shape(g, n, 0), &n->row);
	return CVT_OK;
}

const struct nn_op nn_flatten = {
	.name = "flatten",
	.help = "a row as one vector, channel after channel",
	.inputs = 1,
	.shape = shape,
	.forward = reorder_forward,
	.backward = reorder_backward,
};
