/* drop-path: in training a whole row is 0 with probability P, else multiplied by 1 / (1 - P):
 * stochastic depth of the branch it ends (Huang et al., "Deep networks with stochastic depth",
 * 2016). The draw is Philox(seed; step, node, row of the batch). With P = 0 it is a view of its input. */
#include "drop_path.h"
#include "nn.h"

#include "../rng.h"
#include "../simd.h"

#include <string.h>

static void set(struct node *n, double P)
{
	n->arg[0].a = P;
	n->view = P == 0;
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	if (!(n->arg[0].a >= 0 && n->arg[0].a < 1))
		return cvt_fail(e, CVT_USAGE, "drop-path: P must be in 0..1, not %g", n->arg[0].a);
	set(n, n->arg[0].a);
	return nn_like_input(g, n, e);
}

/* What the row is multiplied by. */
static float factor(const struct nn_io *io, size_t row)
{
	const double P = io->node->arg[0].a;
	struct rng r;
	if (!io->run->train)
		return 1;
	rng_for(&r, io->run->seed, RNG_LAYER, io->run->step, (size_t)(io->node - io->graph->node));
	r.counter[0] = (uint32_t)row;
	return (double)rng_u32(&r) * 0x1p-32 < P ? 0 : (float)(1 / (1 - P));
}

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t items = shape_items(&io->node->row);
	(void)slot;
	for (size_t r = first; r < first + count; r++)
		simd()->times(io->x[0] + r * items, factor(io, r), io->y + r * items, items, false);
}

static void forward(const struct nn_io *io)
{
	nn_each_row(io, forward_rows);
}

static void backward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t items = shape_items(&io->node->row);
	(void)slot;
	for (size_t r = first; r < first + count; r++)
		simd()->times(io->dy + r * items, factor(io, r), io->dx[0] + r * items, items,
			io->add[0]);
}

static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each_row(io, backward_rows);
}

const struct nn_op nn_drop_path = {
	.name = "drop-path",
	.help = "in training, rows are 0 with probability P (Huang et al. 2016)",
	.inputs = 1,
	.flags = NN_INPLACE | NN_EVAL_VIEW | NN_AGAIN,
	.arg = {{"P", 0.1, false, true, false, "probability"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};

/* Do both end branches of one block? Then they have its name before the last dot. */
static bool same_block(const struct node *a, const struct node *b)
{
	const char *dot = strrchr(a->path, '.');
	const size_t n = dot ? (size_t)(dot - a->path) + 1 : 0;
	return n && strncmp(a->path, b->path, n) == 0 && !strchr(b->path + n, '.');
}

/* Calls the blocks that have drop-path layers 0, 1, ... and returns how many there are; with one of
 * them as `last`, sets their probabilities. */
static size_t each_block(struct graph *g, double P, size_t last)
{
	const struct node *before = NULL;
	size_t blocks = 0;
	for (size_t i = 0; i < g->n; i++) {
		struct node *n = &g->node[i];
		if (n->op != &nn_drop_path)
			continue;
		blocks += !before || !same_block(before, n);
		before = n;
		if (last != SIZE_MAX)
			set(n, last > 0 ? P * (double)(blocks - 1) / (double)last : P);
	}
	return blocks;
}

int drop_path_set(struct graph *g, double P, struct cvt_err *e)
{
	const size_t blocks = each_block(g, P, SIZE_MAX);
	if (!(P >= 0 && P < 1))
		return cvt_fail(e, CVT_USAGE, "--drop-path %g: should be from 0 to below 1", P);
	if (blocks == 0)
		return cvt_fail(e, CVT_USAGE,
			"--drop-path: the network has no drop-path layer, which would end its "
			"branches; see cv-arch(5)");
	(void)each_block(g, P, blocks - 1);
	return CVT_OK;
}
