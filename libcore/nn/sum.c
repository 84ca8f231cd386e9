/* sum: the sum of its inputs, which is what { } of the architecture language is. */
#include "nn.h"

#include "../simd.h"

/* y may be the first input's memory, and inputs may be the same: a piece is summed aside. */
static void forward_items(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	enum { PIECE = 1 << 10 };
	float piece[PIECE];
	(void)slot;
	for (size_t i = 0; i < n; i += PIECE) {
		const size_t at = first + i, count = n - i < PIECE ? n - i : PIECE;
		simd()->sum(io->x[0] + at, io->x[1] + at, piece, count);
		for (size_t k = 2; k < io->node->nin; k++)
			simd()->sum(piece, io->x[k] + at, piece, count);
		if (io->absorbs)
			simd()->relu(piece, io->y + at, count);
		else
			nn_put_all(io->y + at, piece, count, false);
	}
}

static void forward_one(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	if (io->absorbs)
		simd()->relu(io->x[0] + first, io->y + first, n);
	else
		nn_put_all(io->y + first, io->x[0] + first, n, false);
}

static void forward_two(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	simd()->sum(io->x[0] + first, io->x[1] + first, io->y + first, n);
	if (io->absorbs)
		simd()->relu(io->y + first, io->y + first, n);
}

static void forward(const struct nn_io *io)
{
	nn_each_item(io, io->node->nin == 1   ? forward_one
			 : io->node->nin == 2 ? forward_two
					      : forward_items);
}

/* Of a sum with the relu behind it; without, the plan passes gradients on. dx[0] may be dy's memory:
 * then it comes last. */
static void backward_items(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	const float *y = io->y + first, *dy = io->dy + first;
	const bool in_place = io->dx[0] == io->dy;
	(void)slot;
	for (size_t k = in_place; k < io->node->nin; k++)
		if (io->dx[k])
			simd()->relu_back(y, dy, io->dx[k] + first, n, io->add[k]);
	if (in_place)
		simd()->relu_back(y, dy, io->dx[0] + first, n, false);
}

static void backward(const struct nn_io *io)
{
	nn_each_item(io, backward_items);
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	return nn_same_inputs(g, n, e);
}

const struct nn_op nn_sum = {
	.name = "sum",
	.help = "the sum of its inputs",
	.inputs = -1,
	.flags = NN_PASS | NN_INPLACE | NN_AGAIN,
	.shape = shape,
	.forward = forward,
	.backward = backward,
	.absorbs = "relu",
	.absorbing = NN_BACK_Y | NN_INPLACE | NN_AGAIN,
	.folds = FOLD_RELU,
};
