/*
 * dropout: in training each item is 0 with probability P, else multiplied by 1 / (1 - P)
 * (Srivastava et al., "Dropout", 2014). The mask is Philox(seed; step, node, position in the
 * batch): nothing of it is kept, backward draws it again.
 */
#include "nn.h"

#include "../rng.h"

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	if (!(n->arg[0].a >= 0 && n->arg[0].a < 1))
		return cvt_fail(e, CVT_USAGE, "dropout: P must be in 0..1, not %g", n->arg[0].a);
	return nn_like_input(g, n, e);
}

/* to = from, or += from, with the mask of items [first, first + n); first is a multiple of 4. */
static void apply(
	const struct nn_io *io, const float *from, float *to, size_t first, size_t n, bool add)
{
	const double P = io->node->arg[0].a;
	const float keep = (float)(1 / (1 - P));
	const uint32_t below = (uint32_t)(P * 0x1p32);
	struct rng r;
	rng_for(&r, io->run->seed, RNG_LAYER, io->run->step, (size_t)(io->node - io->graph->node));
	for (size_t i = 0; i < n; i++) {
		if (i % 4 == 0) {
			const uint64_t place = (first + i) / 4;
			r.counter[0] = (uint32_t)place;
			r.counter[1] = (uint32_t)(place >> 32);
			philox(r.key, r.counter, r.word);
		}
		nn_put(&to[i], r.word[i % 4] < below ? 0 : from[i] * keep, add);
	}
}

static void forward_items(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	apply(io, io->x[0] + first, io->y + first, first, n, false);
}

static void forward(const struct nn_io *io)
{
	if (io->run->train)
		nn_each_item(io, forward_items);
	else
		nn_copy_forward(io);
}

static void backward_items(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	if (io->run->train)
		apply(io, io->dy + first, io->dx[0] + first, first, n, io->add[0]);
	else
		nn_put_all(io->dx[0] + first, io->dy + first, n, io->add[0]);
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each_item(io, backward_items);
}

const struct nn_op nn_dropout = {
	.name = "dropout",
	.help = "in training, items are 0 with probability P (Srivastava et al. 2014)",
	.inputs = 1,
	.flags = NN_INPLACE | NN_EVAL_VIEW | NN_AGAIN,
	.arg = {{"P", 0.5, false, true, false, "probability"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
