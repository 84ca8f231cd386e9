/*
 * ntxent: the normalised, temperature-scaled cross-entropy of views (Chen, Kornblith, Norouzi and
 * Hinton, "A simple framework for contrastive learning of visual representations", ICML 2020). Of R
 * vectors z, which are V views of N rows, each shall tell its own row's other views from all the
 * rest. With s_ij = z_i . z_j / temperature,
 *
 *     l_i = log sum over j != i of exp s_ij  -  mean over the V - 1 others p of i's row of s_ip
 *
 * and L is the mean of l_i; for more than two views that is the L_out of Khosla et al., "Supervised
 * contrastive learning" (2020), for rows that are classes of their own. The vectors are taken as they
 * are: `normalize` before it makes s a cosine.
 *
 * S is symmetric, so with p_ij = exp(s_ij - log sum_i), dL/dz_i = 1 / (R temperature) times the sum
 * over j != i of (p_ij + p_ji - 2 [j is a view of i's row] / (V - 1)) z_j: no block needs another's
 * result. S is never held whole, only a tile of it a thread.
 *
 * The views are inputs of their own, or stacked in one; a last input of one number a row weighs the
 * rows: L is the weighted mean, and a row of weight 0 is nobody's negative either. Dimensions: D
 * numbers a vector.
 */
#include "loss.h"

#include "../blas.h"

#include <math.h>
#include <string.h>

enum { ANCHORS = 64, TILE = 256 };

/* What a run is about; z is a copy of all vectors, view after view, dz their gradient. */
struct views {
	const struct nn_io *io;
	size_t N, V, R, D;
	float *z, *dz, *log_sum, *term;
	const float *weight; /* of the N rows; NULL = 1 each */
	float scale;
};

/* How many inputs are vectors: all, but for the weights. */
static size_t vectors(const struct graph *g, const struct node *n)
{
	return n->nin - (n->nin > 1 && g->node[n->in[n->nin - 1]].row.ndim == 0);
}

static size_t count_views(const struct graph *g, const struct node *n)
{
	size_t views = 0;
	for (size_t i = 0; i < vectors(g, n); i++)
		views += g->node[n->in[i]].mult;
	return views;
}

static int check_weights(struct graph *g, const struct node *n, struct cvt_err *e)
{
	if (vectors(g, n) == n->nin)
		return CVT_OK;
	TRY(nn_need_float(g, n, n->nin - 1, e));
	return g->node[n->in[n->nin - 1]].mult == 1
		       ? CVT_OK
		       : cvt_fail(e, CVT_INPUT, "ntxent: weights must be one number a row");
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	const size_t views = count_views(g, n);
	const struct shape *first = nn_input_shape(g, n, 0);
	if (!(n->arg[0].a > 0))
		return cvt_fail(
			e, CVT_USAGE, "ntxent: temperature must be above 0, not %g", n->arg[0].a);
	TRY(check_weights(g, n, e));
	for (size_t i = 0; i < vectors(g, n); i++) {
		TRY(nn_need_float(g, n, i, e));
		if (first->ndim != 1 || !shape_same(first, nn_input_shape(g, n, i)))
			return cvt_fail(
				e, CVT_INPUT, "ntxent: its views must be vectors of one length");
	}
	if (views < 2)
		return cvt_fail(e, CVT_INPUT, "ntxent: one view alone has nothing to agree with");
	n->row = (struct shape){0};
	n->mult = 0;
	n->save_row = 2 * views;
	n->work_row = 2 * views * first->dims[0];
	n->work_thread = ANCHORS * TILE;
	return blas_open(e);
}

static struct views gather(const struct nn_io *io)
{
	struct views v = {.io = io,
		.N = io->n,
		.V = count_views(io->graph, io->node),
		.D = nn_row_items(io, 0),
		.z = io->work,
		.log_sum = io->save};
	v.R = v.N * v.V;
	v.dz = v.z + v.R * v.D;
	v.term = io->save + v.R;
	float *to = v.z;
	const size_t nviews = vectors(io->graph, io->node);
	v.weight = nviews < io->node->nin ? io->x[nviews] : NULL;
	for (size_t i = 0; i < nviews; i++) {
		const size_t items = nn_input_rows(io, i) * v.D;
		memcpy(to, io->x[i], items * sizeof *to);
		to += items;
	}
	return v;
}

static float weight_of(const struct views *v, size_t i)
{
	return v->weight ? v->weight[i % v->N] : 1;
}

/* The sum of all vectors' weights. */
static double total_weight(const struct views *v)
{
	double sum = 0;
	for (size_t i = 0; i < v->R; i++)
		sum += (double)weight_of(v, i);
	return sum;
}

static bool same_row(const struct views *v, size_t i, size_t j)
{
	return i != j && i % v->N == j % v->N;
}

/* s of anchors first..first+rows-1 against vectors at..at+cols-1. */
static void similarities(
	const struct views *v, size_t first, size_t rows, size_t at, size_t cols, float *tile)
{
	const float scale = (float)(1 / v->io->node->arg[0].a);
	blas_gemm(false, true, rows, cols, v->D, scale, v->z + first * v->D, v->D, v->z + at * v->D,
		v->D, 0, tile, TILE);
}

/* ---- forward ----------------------------------------------------------------------- */

/* Of one anchor, as far as tiles have come: log sum exp = top + log(sum). */
struct anchor {
	double top, sum, positive;
};

static void take_tile(
	const struct views *v, size_t i, size_t at, size_t cols, const float *s, struct anchor *a)
{
	for (size_t j = at; j < at + cols; j++) {
		const double x = (double)s[j - at];
		if (i == j || weight_of(v, j) == 0)
			continue;
		if (same_row(v, i, j))
			a->positive += x;
		if (x > a->top) {
			a->sum = a->sum * exp(a->top - x) + 1;
			a->top = x;
		} else {
			a->sum += (double)expf((float)(x - a->top));
		}
	}
}

static void forward_block(void *context, size_t block, unsigned thread)
{
	const struct views *v = context;
	float *tile = v->io->thread_work + thread * v->io->thread_stride;
	struct anchor anchor[ANCHORS];
	size_t first, at;
	const size_t rows = par_span(v->R, ANCHORS, block, &first);
	for (size_t i = 0; i < rows; i++)
		anchor[i] = (struct anchor){.top = -INFINITY};
	for (size_t b = 0; b * TILE < v->R; b++) {
		const size_t cols = par_span(v->R, TILE, b, &at);
		similarities(v, first, rows, at, cols, tile);
		for (size_t i = 0; i < rows; i++)
			take_tile(v, first + i, at, cols, tile + i * TILE, &anchor[i]);
	}
	for (size_t i = 0; i < rows; i++) {
		const double log_sum = anchor[i].top + log(anchor[i].sum);
		const double cost = log_sum - anchor[i].positive / (double)(v->V - 1);
		const float weight = weight_of(v, first + i);
		v->log_sum[first + i] = weight == 0 ? 0 : (float)log_sum;
		v->term[first + i] = weight == 0 ? 0 : weight * (float)cost;
	}
}

static void forward(const struct nn_io *io)
{
	struct views v = gather(io);
	const double total = total_weight(&v);
	double sum = 0;
	par_for(io->run->par, par_blocks(v.R, ANCHORS), forward_block, &v);
	for (size_t i = 0; i < v.R; i++)
		sum += (double)v.term[i];
	io->y[0] = total == 0 ? 0 : (float)(sum / total);
}

/* ---- backward ---------------------------------------------------------------------- */

/* The gradient of s_ij and s_ji together, in the place of s. */
static void weigh_tile(const struct views *v, size_t i, size_t at, size_t cols, float *s)
{
	const float own = v->log_sum[i], weight = weight_of(v, i);
	const float positive = 2.0f * weight / (float)(v->V - 1);
	for (size_t j = at; j < at + cols; j++) {
		const float other = weight_of(v, j);
		const bool apart = i == j || weight == 0 || other == 0;
		float *p = &s[j - at];
		*p = apart ? 0 : weight * expf(*p - own) + other * expf(*p - v->log_sum[j]);
		if (same_row(v, i, j))
			*p -= positive;
	}
}

static void backward_block(void *context, size_t block, unsigned thread)
{
	const struct views *v = context;
	float *tile = v->io->thread_work + thread * v->io->thread_stride;
	size_t first, at;
	const size_t rows = par_span(v->R, ANCHORS, block, &first);
	for (size_t b = 0; b * TILE < v->R; b++) {
		const size_t cols = par_span(v->R, TILE, b, &at);
		similarities(v, first, rows, at, cols, tile);
		for (size_t i = 0; i < rows; i++)
			weigh_tile(v, first + i, at, cols, tile + i * TILE);
		blas_gemm(false, false, rows, v->D, cols, v->scale, tile, TILE, v->z + at * v->D,
			v->D, b ? 1 : 0, v->dz + first * v->D, v->D);
	}
}

static void backward(const struct nn_io *io)
{
	struct views v = gather(io);
	const float total = (float)total_weight(&v);
	v.scale = total == 0 ? 0 : io->dy[0] / (total * (float)io->node->arg[0].a);
	par_for(io->run->par, par_blocks(v.R, ANCHORS), backward_block, &v);
	const float *dz = v.dz;
	const size_t nviews = vectors(io->graph, io->node);
	if (nviews < io->node->nin && io->dx[nviews] && !io->add[nviews])
		memset(io->dx[nviews], 0, v.N * sizeof *io->dx[nviews]); /* constants */
	for (size_t i = 0; i < nviews; dz += nn_input_rows(io, i++) * v.D)
		if (io->dx[i])
			nn_put_all(io->dx[i], dz, nn_input_rows(io, i) * v.D, io->add[i]);
}

const struct nn_op loss_ntxent = {
	.name = "ntxent",
	.help = "views of one row agree, those of others do not (SimCLR's NT-Xent)",
	.inputs = -1,
	.flags = NN_BACK_X,
	.arg = {{"temperature", 0.5, false, false, false, "divides the products"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
