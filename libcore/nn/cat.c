/* cat: its inputs one behind the other along an axis of the row: channels (the last) by default,
 * tokens with axis=0. A row is `outer` pieces, each made of one piece of every input. */
#include "nn.h"

#include <string.h>

static int axis_of(const struct node *n, int ndim)
{
	const double axis = n->arg[0].a < 0 ? n->arg[0].a + ndim : n->arg[0].a;
	return axis >= 0 && axis < ndim && axis == (double)(int)axis ? (int)axis : ndim;
}

/* Equal but for the axis. */
static bool fits(const struct node *a, const struct node *b, int axis)
{
	bool same = a->row.ndim == b->row.ndim && a->mult == b->mult;
	for (int i = 0; same && i < a->row.ndim; i++)
		same = i == axis || a->row.dims[i] == b->row.dims[i];
	return same;
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	const struct node *first = &g->node[n->in[0]];
	const int axis = axis_of(n, first->row.ndim);
	if (axis == first->row.ndim)
		return cvt_fail(e, CVT_USAGE, "cat: a row of %d dimensions has no axis %g",
			first->row.ndim, n->arg[0].a);
	n->row = first->row;
	n->row.dims[axis] = 0;
	for (size_t i = 0; i < n->nin; i++) {
		const struct node *in = &g->node[n->in[i]];
		TRY(nn_need_float(g, n, i, e));
		char a[100], b[100];
		if (!fits(first, in, axis))
			return cvt_fail(e, CVT_INPUT, "cat: %s and %s differ beside axis %d",
				shape_text(&first->row, a, sizeof a),
				shape_text(&in->row, b, sizeof b), axis);
		n->row.dims[axis] += in->row.dims[axis];
	}
	return CVT_OK;
}

/* How many pieces a row has. */
static size_t outer(const struct node *n)
{
	const int axis = axis_of(n, n->row.ndim);
	size_t pieces = 1;
	for (int i = 0; i < axis; i++)
		pieces *= n->row.dims[i];
	return pieces;
}

static void forward_pieces(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t pieces = outer(io->node), wide = shape_items(&io->node->row) / pieces;
	(void)slot;
	for (size_t p = first; p < first + count; p++) {
		float *y = io->y + p * wide;
		for (size_t i = 0; i < io->node->nin; i++) {
			const size_t own = nn_row_items(io, i) / pieces;
			memcpy(y, io->x[i] + p * own, own * sizeof *y);
			y += own;
		}
	}
}

static void each_piece(const struct nn_io *io, nn_range *work)
{
	const size_t pieces = outer(io->node);
	nn_each(io, io->rows * pieces, shape_items(&io->node->row) / pieces, work);
}

static void forward(const struct nn_io *io)
{
	each_piece(io, forward_pieces);
}

static void backward_pieces(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t pieces = outer(io->node), wide = shape_items(&io->node->row) / pieces;
	(void)slot;
	for (size_t p = first; p < first + count; p++) {
		const float *dy = io->dy + p * wide;
		for (size_t i = 0; i < io->node->nin; i++) {
			const size_t own = nn_row_items(io, i) / pieces;
			if (io->dx[i])
				nn_put_all(io->dx[i] + p * own, dy, own, io->add[i]);
			dy += own;
		}
	}
}

static void backward(const struct nn_io *io)
{
	each_piece(io, backward_pieces);
}

const struct nn_op nn_cat = {
	.name = "cat",
	.help = "its inputs one behind the other: channels, or tokens with axis=0",
	.inputs = -1,
	.flags = NN_AGAIN,
	.arg = {{"axis", -1, false, false, false, "of the row; -1 is the last"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
