/* tokens: a map (H,W,C) as H W tokens of C features; the same memory. */
#include "nn.h"

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	const struct shape *s = nn_input_shape(g, n, 0);
	TRY(nn_need_picture(g, n, e));
	n->row = (struct shape){2, {s->dims[0] * s->dims[1], s->dims[2]}};
	return CVT_OK;
}

const struct nn_op nn_tokens = {
	.name = "tokens",
	.help = "a map (H,W,C) as H x W tokens",
	.inputs = 1,
	.flags = NN_VIEW,
	.shape = shape,
};
