/*
 * gn: group normalisation (Wu and He, "Group normalization", 2018): as ln, but mean and variance
 * are those of a group of channels over all positions of a row. One group a channel is instance
 * normalisation.
 *
 * Dimensions: S positions (H x W) of C channels in G groups of K = C / G.
 */
#include "nn.h"

#include <math.h>
#include <string.h>

enum { GROUPS, EPS, AFFINE };

struct sizes {
	size_t S, C, G, K;
};

static struct sizes sizes_of(const struct node *n)
{
	const size_t C = nn_last(&n->row), G = (size_t)n->arg[GROUPS].a;
	return (struct sizes){nn_vectors(&n->row), C, G, C / G};
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	size_t G;
	TRY(nn_like_input(g, n, e));
	TRY(nn_count(n, GROUPS, 1, &G, e));
	TRY(nn_at_least_0(n, EPS, e));
	const size_t C = nn_last(&n->row);
	if (C % G != 0)
		return cvt_fail(e, CVT_USAGE, "gn: %zu channels do not part into %zu groups", C, G);
	n->save_row = 2 * G; /* mean and 1 / deviation of each group */
	n->work_whole = NN_PARTS * 2 * C;
	if (n->arg[AFFINE].a == 0)
		return CVT_OK;
	TRY(graph_param(g, n, "weight", PARAM_BIAS, LAYOUT_PLAIN, 1, &C, INIT_ONE, 0, e));
	return graph_param(g, n, "bias", PARAM_BIAS, LAYOUT_PLAIN, 1, &C, INIT_ZERO, 0, e);
}

/* Mean and 1 / deviation of a group, x at its first channel. */
static void measure(const struct sizes *z, const float *x, double eps, float *save)
{
	const double items = (double)(z->S * z->K);
	double sum = 0, squares = 0;
	for (size_t s = 0; s < z->S; s++)
		for (size_t k = 0; k < z->K; k++)
			sum += (double)x[s * z->C + k];
	const double mean = sum / items;
	for (size_t s = 0; s < z->S; s++)
		for (size_t k = 0; k < z->K; k++) {
			const double d = (double)x[s * z->C + k] - mean;
			squares += d * d;
		}
	save[0] = (float)mean;
	save[1] = (float)(1 / sqrt(squares / items + eps));
}

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const struct sizes z = sizes_of(io->node);
	(void)slot;
	for (size_t i = first * z.G; i < (first + count) * z.G; i++) {
		const size_t from = i % z.G * z.K, at = i / z.G * z.S * z.C + from;
		const float *x = io->x[0] + at;
		float *y = io->y + at, *save = io->save + 2 * i;
		measure(&z, x, io->node->arg[EPS].a, save);
		for (size_t s = 0; s < z.S; s++)
			for (size_t k = 0; k < z.K; k++) {
				const float h = (x[s * z.C + k] - save[0]) * save[1];
				const bool affine = io->node->nparam;
				y[s * z.C + k] =
					affine ? h * io->w[0][from + k] + io->w[1][from + k] : h;
			}
	}
}

static void forward(const struct nn_io *io)
{
	nn_each_row(io, forward_rows);
}

/* One group: x, dy, dx at its first channel, of which weight and the sums are, too. */
struct group {
	const float *x, *dy, *weight, *save;
	float *dx, *dweight, *dbias;
	bool add;
};

static void backward_group(const struct sizes *z, const struct group *g)
{
	double sum = 0, dot = 0;
	for (size_t s = 0; s < z->S; s++)
		for (size_t k = 0; k < z->K; k++) {
			const float h = (g->x[s * z->C + k] - g->save[0]) * g->save[1];
			const float dy = g->dy[s * z->C + k],
				    d = g->weight ? dy * g->weight[k] : dy;
			sum += (double)d;
			dot += (double)d * (double)h;
			g->dweight[k] += dy * h;
			g->dbias[k] += dy;
		}
	const float a = (float)(sum / (double)(z->S * z->K));
	const float b = (float)(dot / (double)(z->S * z->K));
	for (size_t s = 0; g->dx && s < z->S; s++)
		for (size_t k = 0; k < z->K; k++) {
			const size_t i = s * z->C + k;
			const float h = (g->x[i] - g->save[0]) * g->save[1];
			const float d = g->weight ? g->dy[i] * g->weight[k] : g->dy[i];
			nn_put(&g->dx[i], (d - a - h * b) * g->save[1], g->add);
		}
}

static void backward_rows(const struct nn_io *io, size_t first, size_t count, size_t part)
{
	const struct sizes z = sizes_of(io->node);
	float *sums = io->work + part * 2 * z.C;
	memset(sums, 0, 2 * z.C * sizeof *sums);
	for (size_t i = first * z.G; i < (first + count) * z.G; i++) {
		const size_t from = i % z.G * z.K, at = i / z.G * z.S * z.C + from;
		const struct group g = {
			.x = io->x[0] + at,
			.dy = io->dy + at,
			.weight = io->node->nparam ? io->w[0] + from : NULL,
			.save = io->save + 2 * i,
			.dx = io->dx[0] ? io->dx[0] + at : NULL,
			.dweight = sums + from,
			.dbias = sums + z.C + from,
			.add = io->add[0],
		};
		backward_group(&z, &g);
	}
}

static void backward(const struct nn_io *io)
{
	const size_t C = nn_last(&io->node->row);
	const size_t parts = nn_parts(io, io->rows, backward_rows);
	for (size_t i = 0; i < io->node->nparam; i++)
		if (io->dw[i])
			nn_add_parts(io->dw[i], io->work + i * C, parts, 2 * C, C);
}

const struct nn_op nn_gn = {
	.name = "gn",
	.help = "group normalisation (Wu and He 2018)",
	.inputs = 1,
	.flags = NN_BACK_X | NN_INPLACE,
	.arg = {{"G", 0, true, true, false, "groups of channels"},
		{"eps", 1e-5, false, false, false, "added to the variance"},
		{"affine", 1, false, false, false, "0 = no weight and bias"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
