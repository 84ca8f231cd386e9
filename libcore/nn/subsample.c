/* subsample: every S-th position of a map, x[::S, ::S] (shortcut A of He et al., "Deep residual
 * learning", 2016). */
#include "nn.h"

#include <string.h>

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	size_t S;
	TRY(nn_need_picture(g, n, e));
	TRY(nn_count(n, 0, 1, &S, e));
	n->row = *nn_input_shape(g, n, 0);
	for (size_t i = 0; i < 2; i++)
		n->row.dims[i] = (n->row.dims[i] + S - 1) / S;
	return CVT_OK;
}

/* Where the vector that becomes output vector v (of all) begins in the input. */
static size_t source(const struct nn_io *io, size_t v)
{
	const size_t *to = io->node->row.dims, *from = nn_row(io, 0)->dims;
	const size_t S = (size_t)io->node->arg[0].a;
	const size_t x = v % to[1], y = v / to[1] % to[0], row = v / to[1] / to[0];
	return ((row * from[0] + y * S) * from[1] + x * S) * from[2];
}

static void forward_vectors(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t C = nn_last(&io->node->row);
	(void)slot;
	for (size_t v = first; v < first + count; v++)
		memcpy(io->y + v * C, io->x[0] + source(io, v), C * sizeof(float));
}

static void forward(const struct nn_io *io)
{
	nn_each(io, io->rows * nn_vectors(&io->node->row), nn_last(&io->node->row),
		forward_vectors);
}

static void backward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t C = nn_last(&io->node->row), vectors = nn_vectors(&io->node->row);
	const size_t items = nn_row_items(io, 0);
	(void)slot;
	if (!io->add[0])
		memset(io->dx[0] + first * items, 0, count * items * sizeof(float));
	for (size_t v = first * vectors; v < (first + count) * vectors; v++)
		nn_put_all(io->dx[0] + source(io, v), io->dy + v * C, C, io->add[0]);
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each(io, io->rows, nn_row_items(io, 0), backward_rows);
}

const struct nn_op nn_subsample = {
	.name = "subsample",
	.help = "every S-th position of a map",
	.inputs = 1,
	.flags = NN_AGAIN,
	.arg = {{"S", 0, true, true, false, "stride"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
