/* reshape: another shape of equally many items, in PyTorch's order: three dimensions are (H,W,C),
 * whose items go channel after channel, so that "reshape 4 4 256" is view(-1, 256, 4, 4) there. */
#include "reorder.h"

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(nn_need_float(g, n, 0, e));
	const size_t count = n->nargs ? n->nargs : 1; /* a method gives the one by its name */
	if (count > TENSOR_DIMS - 1)
		return cvt_fail(e, CVT_USAGE, "reshape: at most %d dimensions", TENSOR_DIMS - 1);
	n->row.ndim = (int)count;
	for (size_t i = 0; i < count; i++)
		TRY(nn_count(n, i, 1, &n->row.dims[i], e));
	size_t items;
	const struct shape *in = nn_input_shape(g, n, 0);
	const size_t have = shape_items(in);
	char text[100];
	n->view = reorder_is_view(in, &n->row);
	if (tensor_count(n->row.ndim, n->row.dims, &items, NULL) == CVT_OK && items == have)
		return CVT_OK;
	return cvt_fail(e, CVT_INPUT, "reshape: a row of %zu items cannot be %s", have,
		shape_text(&n->row, text, sizeof text));
}

const struct nn_op nn_reshape = {
	.name = "reshape",
	.help = "another shape D... of equally many items",
	.inputs = 1,
	.flags = NN_VARIADIC,
	.arg = {{"D", 0, true, true, false, "dimensions"}},
	.shape = shape,
	.forward = reorder_forward,
	.backward = reorder_backward,
};
