/*
 * param: a learned value, the same for every row (class token, positions). Its name is the element's
 * path; its shape in the file has a 1 before, as timm has it: (1, D...). The gradient is the sum
 * over rows.
 */
#include "nn.h"

#include "../simd.h"

#include <string.h>

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	size_t dims[4] = {1};
	const size_t count = n->nargs ? n->nargs : 1; /* a method gives the one by its name */
	if (count > 3)
		return cvt_fail(e, CVT_USAGE, "param: at most 3 dimensions, not %zu", count);
	n->row.ndim = (int)count;
	for (size_t i = 0; i < count; i++) {
		TRY(nn_count(n, i, 1, &n->row.dims[i], e));
		dims[i + 1] = n->row.dims[i];
	}
	/* no decay, as timm's no_weight_decay() of cls_token and pos_embed */
	TRY(graph_param(g, n, "", PARAM_BIAS, LAYOUT_PLAIN, (int)count + 1, dims, INIT_TRUNC_NORMAL,
		0.02, e));
	n->work_whole = NN_PARTS * shape_items(&n->row);
	return CVT_OK;
}

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t items = shape_items(&io->node->row);
	(void)slot;
	for (size_t r = first; r < first + count; r++)
		memcpy(io->y + r * items, io->w[0], items * sizeof(float));
}

static void forward(const struct nn_io *io)
{
	nn_each_row(io, forward_rows);
}

static void sum_rows(const struct nn_io *io, size_t first, size_t count, size_t part)
{
	const size_t items = shape_items(&io->node->row);
	float *sum = io->work + part * items;
	memset(sum, 0, items * sizeof *sum);
	for (size_t r = first; r < first + count; r++)
		simd()->add(sum, io->dy + r * items, items);
}

static void backward(const struct nn_io *io)
{
	const size_t items = shape_items(&io->node->row);
	if (io->dw[0])
		nn_add_parts(io->dw[0], io->work, nn_parts(io, io->rows, sum_rows), items, items);
}

const struct nn_op nn_param = {
	.name = "param",
	.help = "a learned value of shape D... for every row",
	.inputs = 0,
	.flags = NN_NO_INPUT | NN_VARIADIC,
	.arg = {{"D", 0, true, true, false, "dimensions"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
