/* stack: the rows of k inputs under each other, those of the first first: k views become one batch
 * of k times as many rows (mult k), so that a network sees them at once. Labels can be stacked,
 * too. */
#include "nn.h"

#include <string.h>

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	const struct node *first = &g->node[n->in[0]];
	for (size_t i = 0; i < n->nin; i++) {
		const struct node *in = &g->node[n->in[i]];
		if (in->mult != 1)
			return cvt_fail(e, CVT_INPUT, "stack: its inputs are stacked already");
		char a[100], b[100];
		if (!shape_same(&first->row, &in->row) || first->dtype != in->dtype)
			return cvt_fail(e, CVT_INPUT,
				"stack: its inputs are %s (%s) and %s (%s); they must be equal",
				shape_text(&first->row, a, sizeof a), dtype_name(first->dtype),
				shape_text(&in->row, b, sizeof b), dtype_name(in->dtype));
	}
	n->row = first->row;
	n->dtype = first->dtype;
	n->mult = n->nin;
	return CVT_OK;
}

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t bytes = shape_items(&io->node->row) * dtype_size(io->node->dtype);
	unsigned char *y = (unsigned char *)io->y;
	(void)slot;
	for (size_t r = first; r < first + count; r++) {
		const unsigned char *x = nn_input(io, r / io->n);
		memcpy(y + r * bytes, x + r % io->n * bytes, bytes);
	}
}

static void forward(const struct nn_io *io)
{
	nn_each_row(io, forward_rows);
}

/* By the rows of an input: one that is stacked twice adds to itself. */
static void backward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t items = shape_items(&io->node->row);
	(void)slot;
	for (size_t i = 0; i < io->node->nin; i++)
		if (io->dx[i])
			nn_put_all(io->dx[i] + first * items, io->dy + (i * io->n + first) * items,
				count * items, io->add[i]);
}

static void backward(const struct nn_io *io)
{
	nn_each(io, io->n, io->node->nin * shape_items(&io->node->row), backward_rows);
}

const struct nn_op nn_stack = {
	.name = "stack",
	.help = "the rows of its inputs under each other: views as one batch",
	.inputs = -1,
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
