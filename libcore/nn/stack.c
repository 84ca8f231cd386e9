/* stack: the rows of k inputs under each other, those of the first first: k views become one batch
 * of k times as many rows (mult k), so that a network sees them at once. */
#include "nn.h"

#include <string.h>

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(nn_same_inputs(g, n, e));
	if (n->mult != 1)
		return cvt_fail(e, CVT_INPUT, "stack: its inputs are stacked already");
	n->mult = n->nin;
	return CVT_OK;
}

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t items = shape_items(&io->node->row);
	(void)slot;
	for (size_t r = first; r < first + count; r++)
		memcpy(io->y + r * items, io->x[r / io->n] + r % io->n * items,
			items * sizeof(float));
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
