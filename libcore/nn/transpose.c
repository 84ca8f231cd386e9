/* transpose: exchanges tokens and features, (T,D) to (D,T): a linear layer behind it mixes tokens
 * (Tolstikhin et al., "MLP-Mixer", 2021). */
#include "nn.h"

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	const struct shape *s = nn_input_shape(g, n, 0);
	TRY(nn_need_float(g, n, 0, e));
	if (s->ndim != 2)
		return cvt_fail(e, CVT_INPUT, "transpose: takes tokens (T,D)");
	n->row = (struct shape){2, {s->dims[1], s->dims[0]}};
	return CVT_OK;
}

/* to[d][t] = from[t][d], in squares that stay in the cache. */
static void turn(const float *from, float *to, size_t T, size_t D, bool add)
{
	enum { SIDE = 16 };
	for (size_t t0 = 0; t0 < T; t0 += SIDE)
		for (size_t d0 = 0; d0 < D; d0 += SIDE)
			for (size_t d = d0; d < D && d < d0 + SIDE; d++)
				for (size_t t = t0; t < T && t < t0 + SIDE; t++)
					nn_put(&to[d * T + t], from[t * D + d], add);
}

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const struct shape *s = nn_row(io, 0);
	const size_t items = shape_items(s);
	(void)slot;
	for (size_t r = first; r < first + count; r++)
		turn(io->x[0] + r * items, io->y + r * items, s->dims[0], s->dims[1], false);
}

static void forward(const struct nn_io *io)
{
	nn_each_row(io, forward_rows);
}

static void backward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const struct shape *s = nn_row(io, 0);
	const size_t items = shape_items(s);
	(void)slot;
	for (size_t r = first; r < first + count; r++)
		turn(io->dy + r * items, io->dx[0] + r * items, s->dims[1], s->dims[0], io->add[0]);
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each_row(io, backward_rows);
}

const struct nn_op nn_transpose = {
	.name = "transpose",
	.help = "exchanges tokens and features, (T,D) to (D,T)",
	.inputs = 1,
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
