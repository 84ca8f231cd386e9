/*
 * bn: batch normalisation over the last dimension (Ioffe and Szegedy 2015), PyTorch's BatchNorm.
 * In training each channel is normalised by the batch's own mean and variance (over rows and
 * places), and the running statistics follow with momentum; otherwise by the running statistics.
 *
 * A run may say that its rows come from two populations (run.apart): then each is normalised by its
 * own statistics, and the running ones follow the second, the one the network will be used on (Li et
 * al., "Revisiting batch normalization for practical domain adaptation", 2016; Chang et al.,
 * "Domain-specific batch normalization", 2019, with shared scale and shift).
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
enum { MOST = 2 };        /* populations in a batch */

struct bn {
	size_t c, places; /* channels; vectors of them in a row */
};

/* What the blocks of a pass work on. */
struct part {
	const struct nn_io *io;
	int32_t which; /* population; whatever it is where there is but one */
	float *save;   /* its mean, 1 / sigma; y = x scale + shift */
	float *back;   /* its a, b, d of input_block */
};

static int bn_shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(nn_need_float(g, n, 0, e));
	const struct shape *in = nn_input_shape(g, n, 0);
	if (in->ndim == 0)
		return cvt_fail(e, CVT_USAGE, "bn: takes channels, not single numbers");
	TRY(nn_at_least_0(n, ARG_EPS, e));
	if (!(n->arg[ARG_MOMENTUM].a >= 0 && n->arg[ARG_MOMENTUM].a <= 1))
		return cvt_fail(e, CVT_USAGE, "bn: momentum must be in 0..1, not %g",
			n->arg[ARG_MOMENTUM].a);
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
	n->save_whole = MOST * 4 * b->c;
	n->work_whole = (2 * BLOCKS + MOST * 3) * b->c;
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

static size_t channels(const struct nn_io *io)
{
	return ((const struct bn *)io->node->conf)->c;
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

static bool are_apart(const struct nn_io *io)
{
	return io->run->apart && of_batch(io) && io->rows == io->n;
}

static int32_t populations(const struct nn_io *io)
{
	return are_apart(io) ? MOST : 1;
}

static struct part part(const struct nn_io *io, int32_t which)
{
	const size_t c = channels(io), k = (size_t)which;
	return (struct part){io, which, io->save + k * 4 * c, io->work + (2 * BLOCKS + 3 * k) * c};
}

/* The next vectors of a block that lie side by side and are of the part's population: *first moves to
 * where they begin; how many, 0 when there are none before `end`. */
static size_t stretch(const struct part *p, size_t *first, size_t end)
{
	const size_t places = ((const struct bn *)p->io->node->conf)->places;
	if (!are_apart(p->io))
		return end - *first;
	const int32_t *of = p->io->run->apart;
	while (*first < end && of[*first / places] != p->which)
		*first = (*first / places + 1) * places;
	if (*first >= end)
		return 0;
	size_t last = *first;
	while (last < end && of[last / places] == p->which)
		last = (last / places + 1) * places;
	return (last < end ? last : end) - *first;
}

/* Where a block begins, and its end. */
static size_t bounds(const struct part *p, size_t block, size_t *first)
{
	const size_t n = par_span(vectors(p->io), block_size(p->io), block, first);
	return *first + n;
}

/* How many vectors of a block are the part's. */
static size_t members(const struct part *p, size_t block)
{
	size_t at, all = 0;
	const size_t end = bounds(p, block, &at);
	for (size_t n; (n = stretch(p, &at, end)); at += n)
		all += n;
	return all;
}

/* Block's mean and sum of squared differences into work, a piece at a time that stays in the cache.
 */
static void statistics_block(void *context, size_t block, unsigned thread)
{
	const struct part *p = context;
	const struct nn_io *io = p->io;
	const size_t c = channels(io), piece = c < PIECE ? PIECE / c : 1;
	size_t at, seen = 0;
	const size_t end = bounds(p, block, &at);
	float *mean = io->work + block * 2 * c,
	      *work = io->thread_work + thread * io->thread_stride;
	for (size_t n; (n = stretch(p, &at, end)); at += n, seen += n) {
		n = n < piece ? n : piece;
		simd()->channel_moments(io->x[0] + at * c, n, c, seen, mean, mean + c, work);
	}
}

static void follow(const struct nn_io *io, size_t k, double mean, double square, double count)
{
	const double momentum = io->node->arg[ARG_MOMENTUM].a;
	float *const rm = &io->w[RUNNING_MEAN][k], *const rv = &io->w[RUNNING_VAR][k];
	const double unbiased = square / (count > 1 ? count - 1 : 1);
	*rm = (float)((1 - momentum) * (double)*rm + momentum * mean);
	*rv = (float)((1 - momentum) * (double)*rv + momentum * unbiased);
}

/* Joins the blocks: save holds the mean and 1 / sigma; the running statistics follow the last
 * population. */
static void join_statistics(const struct part *p)
{
	const struct nn_io *io = p->io;
	const size_t c = channels(io), n = blocks(io);
	const double eps = io->node->arg[ARG_EPS].a;
	double m[BLOCKS];
	for (size_t b = 0; b < n; b++)
		m[b] = (double)members(p, b);
	for (size_t k = 0; k < c; k++) {
		double mean = 0, square = 0, count = 0;
		for (size_t b = 0; b < n; b++) {
			if (m[b] == 0)
				continue;
			const double d = (double)io->work[b * 2 * c + k] - mean;
			count += m[b];
			mean += d * m[b] / count;
			square += (double)io->work[(b * 2 + 1) * c + k]
				  + d * d * m[b] * (count - m[b]) / count;
		}
		p->save[k] = (float)mean;
		p->save[c + k] = (float)(1 / sqrt((count > 0 ? square / count : 0) + eps));
		if (count > 0 && p->which == populations(io) - 1)
			follow(io, k, mean, square, count);
	}
}

static void running_statistics(const struct nn_io *io)
{
	const size_t c = channels(io);
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
	const size_t c = channels(io);
	for (size_t k = 0; k < c; k++) {
		to[k] = io->w[WEIGHT][k] * invert[k];
		to[c + k] = io->w[BIAS][k] - mean[k] * to[k];
	}
}

static size_t bn_prepare(const struct nn_io *io, float *to)
{
	const size_t c = channels(io);
	if (to) {
		running_statistics(io);
		scale_and_shift(io, io->save, io->save + c, to);
	}
	return 2 * c;
}

static void normalise_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct part *p = context;
	const struct nn_io *io = p->io;
	const size_t c = channels(io);
	size_t at;
	const size_t end = bounds(p, block, &at);
	for (size_t n; (n = stretch(p, &at, end)); at += n)
		simd()->channel_scale(io->x[0] + at * c, n, c,
			io->fixed ? io->fixed : p->save + 2 * c, io->absorbs, io->y + at * c);
}

static void measure(struct part *p)
{
	const struct nn_io *io = p->io;
	const size_t c = channels(io);
	if (of_batch(io)) {
		par_for(io->run->par, blocks(io), statistics_block, p);
		join_statistics(p);
	} else {
		running_statistics(io);
	}
	scale_and_shift(io, p->save, p->save + c, p->save + 2 * c);
}

/* The second time a step, what was measured in the first is there. */
static void bn_forward(const struct nn_io *io)
{
	for (int32_t k = 0; k < populations(io); k++) {
		struct part p = part(io, k);
		if (!io->fixed && !io->again)
			measure(&p);
		par_for(io->run->par, blocks(io), normalise_block, &p);
	}
}

/* The relu behind us that is ours to do, if any: its gradient passes where y > 0. */
static const float *gate(const struct part *p)
{
	return p->io->absorbs ? p->save + 2 * channels(p->io) : NULL;
}

/* Sums of dy and of dy x^ over a block. */
static void sums_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct part *p = context;
	const struct nn_io *io = p->io;
	const size_t c = channels(io);
	size_t at;
	const size_t end = bounds(p, block, &at);
	float *sum = io->work + block * 2 * c, *product = sum + c;
	memset(sum, 0, 2 * c * sizeof *sum);
	for (size_t n; (n = stretch(p, &at, end)); at += n)
		simd()->channel_sums(
			io->x[0] + at * c, io->dy + at * c, n, c, p->save, gate(p), sum, product);
	for (size_t k = 0; k < c; k++)
		product[k] *= p->save[c + k];
}

/* dx = a dy + b x + d, a channel by itself. */
static void input_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct part *p = context;
	const struct nn_io *io = p->io;
	const size_t c = channels(io);
	size_t at;
	const size_t end = bounds(p, block, &at);
	for (size_t n; (n = stretch(p, &at, end)); at += n)
		simd()->channel_back(io->x[0] + at * c, io->dy + at * c, n, c, p->back, gate(p),
			io->dx[0] + at * c, io->add[0]);
}

/* The whole sums for channel k of a part with that many vectors, and with them its a, b, d. */
static void join_sums(const struct part *p, size_t k, double count)
{
	const struct nn_io *io = p->io;
	const size_t c = channels(io);
	double sum = 0, product = 0;
	for (size_t b = 0; b < blocks(io); b++) {
		sum += (double)io->work[b * 2 * c + k];
		product += (double)io->work[(b * 2 + 1) * c + k];
	}
	if (io->dw[WEIGHT])
		io->dw[WEIGHT][k] += (float)product;
	if (io->dw[BIAS])
		io->dw[BIAS][k] += (float)sum;
	const double mean = (double)p->save[k], invert = (double)p->save[c + k];
	const bool moves = of_batch(io) && count > 0; /* the statistics, with x */
	const double a = (double)io->w[WEIGHT][k] * invert;
	const double b = moves ? -a * invert * product / count : 0;
	const double d = moves ? -a * sum / count - b * mean : 0;
	p->back[k] = (float)a;
	p->back[c + k] = (float)b;
	p->back[2 * c + k] = (float)d;
}

static void bn_backward(const struct nn_io *io)
{
	for (int32_t w = 0; w < populations(io); w++) {
		struct part p = part(io, w);
		size_t count = 0;
		for (size_t b = 0; b < blocks(io); b++)
			count += members(&p, b);
		par_for(io->run->par, blocks(io), sums_block, &p);
		for (size_t k = 0; k < channels(io); k++)
			join_sums(&p, k, (double)count);
		if (io->dx[0])
			par_for(io->run->par, blocks(io), input_block, &p);
	}
}

const struct nn_op nn_bn = {
	.name = "bn",
	.help = "batch normalisation of the last dimension",
	.inputs = 1,
	.flags = NN_BACK_X | NN_INPLACE | NN_AFFINE | NN_AGAIN,
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
