/*
 * bn: batch normalisation over the last dimension (Ioffe and Szegedy 2015), PyTorch's BatchNorm.
 * In training each channel is normalised by the batch's own mean and variance (over rows and
 * places), and the running statistics follow with momentum; otherwise by the running statistics.
 *
 * Statistics: a mean and a sum of squared differences from it for each piece of the batch (two
 * passes over what is in the cache), joined in order by Chan's formula.
 *
 *     dx = (w / sigma) (dy - mean(dy) - x^ mean(dy x^)),  x^ = (x - mean) / sigma
 */
#include "nn.h"

#include "../init.h"
#include "../simd.h"

#include <math.h>
#include <string.h>

enum { ARG_MOMENTUM, ARG_EPS, ARG_WEIGHT, ARG_INIT };
enum { WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR };
enum { BLOCKS = 32 };     /* at most; the batch is cut into that many sums */
enum { PIECE = 1 << 13 }; /* floats that stay in the first cache */

struct bn {
	size_t c, places; /* channels; vectors of them in a row */
};

static int bn_shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(nn_need_float(g, n, 0, e));
	const struct shape *in = nn_input_shape(g, n, 0);
	if (in->ndim == 0)
		return cvt_fail(e, CVT_USAGE, "bn: takes channels, not single numbers");
	struct bn *b = mem_alloc(1, sizeof *b, e);
	if (!b)
		return CVT_SYSTEM;
	n->conf = b;
	n->row = *in;
	b->c = in->dims[in->ndim - 1];
	b->places = shape_items(in) / b->c;
	struct init init = {INIT_ONE, 0, false};
	TRY(init_choose(n, ARG_INIT, 1, 1, &init, e));
	TRY(graph_param(
		g, n, "weight", PARAM_BIAS, LAYOUT_PLAIN, 1, &b->c, init.kind, init.scale, e));
	if (n->arg[ARG_WEIGHT].a == 0)
		g->param[n->param[WEIGHT]].frozen = true;
	TRY(graph_param(g, n, "bias", PARAM_BIAS, LAYOUT_PLAIN, 1, &b->c, INIT_ZERO, 0, e));
	TRY(graph_param(
		g, n, "running_mean", PARAM_BUFFER, LAYOUT_PLAIN, 1, &b->c, INIT_ZERO, 0, e));
	TRY(graph_param(g, n, "running_var", PARAM_BUFFER, LAYOUT_PLAIN, 1, &b->c, INIT_ONE, 0, e));
	n->save_whole = 4 * b->c; /* mean, 1 / sigma; y = x scale + shift */
	n->work_whole = (2 * BLOCKS + 3) * b->c;
	n->work_thread = 2 * b->c;
	return CVT_OK;
}

/* Statistics of the batch: in training, unless the running ones are frozen (--freeze), which are then
 * used as they are, as fine-tuning in evaluation mode does. */
static bool of_batch(const struct nn_io *io)
{
	const size_t mean = io->node->param[RUNNING_MEAN];
	return io->run->train && !io->graph->param[mean].frozen;
}

static size_t vectors(const struct nn_io *io)
{
	const struct bn *b = io->node->conf;
	return io->rows * b->places;
}

/* Vectors a block. */
static size_t block_size(const struct nn_io *io)
{
	return (vectors(io) + BLOCKS - 1) / BLOCKS;
}

static size_t blocks(const struct nn_io *io)
{
	return (vectors(io) + block_size(io) - 1) / block_size(io);
}

/* Block's mean and sum of squared differences into work, a piece at a time that stays in the cache.
 */
static void statistics_block(void *context, size_t block, unsigned thread)
{
	const struct nn_io *io = context;
	const size_t c = ((const struct bn *)io->node->conf)->c;
	const size_t piece = c < PIECE ? PIECE / c : 1;
	size_t first;
	const size_t m = par_span(vectors(io), block_size(io), block, &first);
	const float *x = io->x[0] + first * c;
	float *mean = io->work + block * 2 * c,
	      *work = io->thread_work + thread * io->thread_stride;
	for (size_t i = 0; i < m; i += piece)
		simd()->channel_moments(
			x + i * c, m - i < piece ? m - i : piece, c, i, mean, mean + c, work);
}

/* Joins the blocks: save holds the mean and 1 / sigma, the running statistics follow. */
static void join_statistics(const struct nn_io *io)
{
	const size_t c = ((const struct bn *)io->node->conf)->c, n = vectors(io);
	const double eps = io->node->arg[ARG_EPS].a, momentum = io->node->arg[ARG_MOMENTUM].a;
	for (size_t k = 0; k < c; k++) {
		double mean = 0, square = 0, count = 0;
		for (size_t b = 0; b < blocks(io); b++) {
			size_t first;
			const double m = (double)par_span(n, block_size(io), b, &first);
			const double d = (double)io->work[b * 2 * c + k] - mean;
			count += m;
			mean += d * m / count;
			square += (double)io->work[(b * 2 + 1) * c + k]
				  + d * d * m * (count - m) / count;
		}
		io->save[k] = (float)mean;
		io->save[c + k] = (float)(1 / sqrt(square / count + eps));
		float *const rm = &io->w[RUNNING_MEAN][k], *const rv = &io->w[RUNNING_VAR][k];
		const double unbiased = square / (count > 1 ? count - 1 : 1);
		*rm = (float)((1 - momentum) * (double)*rm + momentum * mean);
		*rv = (float)((1 - momentum) * (double)*rv + momentum * unbiased);
	}
}

static void running_statistics(const struct nn_io *io)
{
	const size_t c = ((const struct bn *)io->node->conf)->c;
	const double eps = io->node->arg[ARG_EPS].a;
	for (size_t k = 0; k < c; k++) {
		io->save[k] = io->w[RUNNING_MEAN][k];
		io->save[c + k] = (float)(1 / sqrt((double)io->w[RUNNING_VAR][k] + eps));
	}
}

/* y = x scale + shift; both lie in `to`, of C floats each. */
static void scale_and_shift(
	const struct nn_io *io, const float *mean, const float *invert, float *to)
{
	const size_t c = ((const struct bn *)io->node->conf)->c;
	for (size_t k = 0; k < c; k++) {
		to[k] = io->w[WEIGHT][k] * invert[k];
		to[c + k] = io->w[BIAS][k] - mean[k] * to[k];
	}
}

static size_t bn_prepare(const struct nn_io *io, float *to)
{
	const size_t c = ((const struct bn *)io->node->conf)->c;
	if (to) {
		running_statistics(io);
		scale_and_shift(io, io->save, io->save + c, to);
	}
	return 2 * c;
}

static void normalise_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct nn_io *io = context;
	const size_t c = ((const struct bn *)io->node->conf)->c;
	size_t first;
	const size_t m = par_span(vectors(io), block_size(io), block, &first);
	simd()->channel_scale(io->x[0] + first * c, m, c, io->fixed ? io->fixed : io->save + 2 * c,
		io->absorbs, io->y + first * c);
}

static void bn_forward(const struct nn_io *io)
{
	const size_t c = ((const struct bn *)io->node->conf)->c;
	struct nn_io copy = *io;
	if (of_batch(io)) {
		par_for(io->run->par, blocks(io), statistics_block, &copy);
		join_statistics(io);
	} else if (!io->fixed) {
		running_statistics(io);
	}
	if (!io->fixed)
		scale_and_shift(io, io->save, io->save + c, io->save + 2 * c);
	par_for(io->run->par, blocks(io), normalise_block, &copy);
}

/* The relu behind us that is ours to do, if any: its gradient passes where y > 0. */
static const float *gate(const struct nn_io *io)
{
	return io->absorbs ? io->save + 2 * ((const struct bn *)io->node->conf)->c : NULL;
}

/* Sums of dy and of dy x^ over a block. */
static void sums_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct nn_io *io = context;
	const size_t c = ((const struct bn *)io->node->conf)->c;
	size_t first;
	const size_t m = par_span(vectors(io), block_size(io), block, &first);
	float *sum = io->work + block * 2 * c, *product = sum + c;
	memset(sum, 0, 2 * c * sizeof *sum);
	simd()->channel_sums(
		io->x[0] + first * c, io->dy + first * c, m, c, io->save, gate(io), sum, product);
	for (size_t k = 0; k < c; k++)
		product[k] *= io->save[c + k];
}

/* dx = a dy + b x + d, a channel by itself; a, b, d lie in work. */
static void input_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct nn_io *io = context;
	const size_t c = ((const struct bn *)io->node->conf)->c;
	size_t first;
	const size_t m = par_span(vectors(io), block_size(io), block, &first);
	simd()->channel_back(io->x[0] + first * c, io->dy + first * c, m, c,
		io->work + 2 * BLOCKS * c, gate(io), io->dx[0] + first * c, io->add[0]);
}

/* The whole sums for channel k, and with them a, b, d of input_block. */
static void join_sums(const struct nn_io *io, size_t k)
{
	const size_t c = ((const struct bn *)io->node->conf)->c;
	const double n = (double)vectors(io);
	double sum = 0, product = 0;
	for (size_t b = 0; b < blocks(io); b++) {
		sum += (double)io->work[b * 2 * c + k];
		product += (double)io->work[(b * 2 + 1) * c + k];
	}
	if (io->dw[WEIGHT])
		io->dw[WEIGHT][k] += (float)product;
	if (io->dw[BIAS])
		io->dw[BIAS][k] += (float)sum;
	const double mean = (double)io->save[k], invert = (double)io->save[c + k];
	const double a = (double)io->w[WEIGHT][k] * invert;
	const double b = of_batch(io) ? -a * invert * product / n : 0;
	const double d = of_batch(io) ? -a * sum / n - b * mean : 0;
	float *to = io->work + 2 * BLOCKS * c + k;
	to[0] = (float)a;
	to[c] = (float)b;
	to[2 * c] = (float)d;
}

static void bn_backward(const struct nn_io *io)
{
	struct nn_io copy = *io;
	par_for(io->run->par, blocks(io), sums_block, &copy);
	for (size_t k = 0; k < ((const struct bn *)io->node->conf)->c; k++)
		join_sums(io, k);
	if (io->dx[0])
		par_for(io->run->par, blocks(io), input_block, &copy);
}

const struct nn_op nn_bn = {
	.name = "bn",
	.help = "batch normalisation of the last dimension",
	.inputs = 1,
	.flags = NN_BACK_X | NN_INPLACE | NN_AFFINE,
	.absorbs = "relu",
	.arg = {{.name = "momentum", .value = 0.1, .help = "of the running statistics"},
		{.name = "eps", .value = 1e-5, .help = "added to the variance"},
		{.name = "weight", .value = 1, .help = "0: its scale is not learned"},
		{.name = "init",
			.word = true,
			.help = "of its scale; zero begins a residual branch as nothing"}},
	.shape = bn_shape,
	.forward = bn_forward,
	.backward = bn_backward,
	.prepare = bn_prepare,
};
