/* take: the first dimension's element I of a row: one token of several. -1 is the last. */
#include "nn.h"

#include <string.h>

/* Element taken, or the number of elements if there is none of that number. */
static size_t element(const struct node *n, size_t of)
{
	const double i = n->arg[0].a < 0 ? n->arg[0].a + (double)of : n->arg[0].a;
	return i >= 0 && i < (double)of && i == (double)(size_t)i ? (size_t)i : of;
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	const struct shape *s = nn_input_shape(g, n, 0);
	TRY(nn_need_float(g, n, 0, e));
	if (s->ndim < 2 || element(n, s->dims[0]) == s->dims[0])
		return cvt_fail(e, CVT_INPUT, "take: there is no element %g among %zu", n->arg[0].a,
			s->ndim < 2 ? 0 : s->dims[0]);
	n->row.ndim = s->ndim - 1;
	memcpy(n->row.dims, s->dims + 1, (size_t)n->row.ndim * sizeof *s->dims);
	return CVT_OK;
}

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t items = shape_items(&io->node->row), of = nn_row(io, 0)->dims[0];
	const size_t at = element(io->node, of) * items;
	(void)slot;
	for (size_t r = first; r < first + count; r++)
		memcpy(io->y + r * items, io->x[0] + r * of * items + at, items * sizeof(float));
}

static void forward(const struct nn_io *io)
{
	nn_each_row(io, forward_rows);
}

static void backward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t items = shape_items(&io->node->row), of = nn_row(io, 0)->dims[0];
	const size_t at = element(io->node, of) * items;
	(void)slot;
	for (size_t r = first; r < first + count; r++) {
		float *dx = io->dx[0] + r * of * items;
		if (!io->add[0])
			memset(dx, 0, of * items * sizeof *dx);
		nn_put_all(dx + at, io->dy + r * items, items, io->add[0]);
	}
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each(io, io->rows, nn_row_items(io, 0), backward_rows);
}

const struct nn_op nn_take = {
	.name = "take",
	.help = "element I of the first dimension: a token",
	.inputs = 1,
	.arg = {{"I", 0, true, true, false, "which, from 0; -1 is the last"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
