/*
 * kmeans: a codebook of patches, without labels and without gradients: Coates, Lee and Ng, "An
 * analysis of single-layer networks in unsupervised feature learning" (AISTATS 2011). The vectors
 * that reach the network's `codebook` are clustered, and the centres become its weight. Where a
 * square linear layer stands before it, that one learns to whiten first (ZCA, their eq. 1):
 *
 *     W = V (S + eps)^-1/2 V',  b = -W mean,  with V S V' the covariance of the vectors.
 *
 * The cheap, honest rival of every network that learns from unlabelled pictures.
 *
 * Dimensions: M sampled vectors of D numbers each, K centres.
 */
#include "method.h"

#include "../blas.h"
#include "../eigen.h"
#include "../kmeans.h"
#include "../rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct codebook {
	size_t vectors;               /* node whose vectors are learned from: D a place */
	size_t weight, bias, centres; /* parameters; the first two GRAPH_NONE = no whitening */
	size_t D, K;
};

static bool is_op(const struct node *n, const char *name)
{
	return n->op && strcmp(n->op->name, name) == 0;
}

static int find_codebook(const struct graph *g, struct codebook *c, struct cvt_err *e)
{
	size_t i = 0;
	while (i < g->n && !is_op(&g->node[i], "codebook"))
		i++;
	if (i == g->n)
		return cvt_fail(e, CVT_USAGE,
			"--method kmeans: the network has no layer `codebook`, whose centres it "
			"would learn; --arch kmeans-patches has one");
	c->centres = g->node[i].param[0];
	c->K = g->param[c->centres].dims[0];
	c->D = g->param[c->centres].dims[1];
	c->vectors = g->node[i].in[0];
	const struct node *before = &g->node[c->vectors];
	if (!is_op(before, "linear") || before->nparam != 2
		|| g->param[before->param[0]].dims[1] != c->D)
		return CVT_OK;
	c->weight = before->param[0];
	c->bias = before->param[1];
	c->vectors = before->in[0];
	return CVT_OK;
}

static int build(struct learner *l, struct cvt_err *e)
{
	struct codebook *c = l->own = mem_alloc(1, sizeof *c, e);
	const struct net *net;
	if (!c)
		return CVT_SYSTEM;
	c->weight = c->bias = GRAPH_NONE;
	TRY(method_net(l, NULL, &net, e));
	TRY(find_codebook(l->graph, c, e));
	return method_keep(l, c->vectors, e);
}

/* ---- a sample of the vectors ------------------------------------------------------- */

struct sample {
	float *x; /* M x D */
	size_t M, each;
};

/* `each` vectors of every row, drawn. */
static void take_rows(const struct learner *l, const float *value, size_t first, size_t rows,
	uint64_t seed, struct sample *s)
{
	const struct codebook *c = l->own;
	const size_t places = shape_items(&l->graph->node[c->vectors].row) / c->D;
	for (size_t r = 0; r < rows; r++) {
		struct rng draw;
		rng_for(&draw, seed, RNG_METHOD, 2, first + r);
		for (size_t i = 0; i < s->each; i++) {
			const size_t at = r * places + rng_below(&draw, places);
			memcpy(s->x + s->M++ * c->D, value + at * c->D, c->D * sizeof *s->x);
		}
	}
}

static int take_sample(struct learner *l, const struct batch *rows, const struct run *run,
	struct sample *s, struct cvt_err *e)
{
	const struct codebook *c = l->own;
	const size_t wanted = method_value(l, "patches")->count;
	s->each = (wanted + rows->rows - 1) / rows->rows;
	s->x = mem_alloc(rows->rows * s->each * c->D, sizeof *s->x, e);
	if (!s->x)
		return CVT_SYSTEM;
	for (size_t first = 0; first < rows->rows; first += l->rows) {
		const size_t left = rows->rows - first, n = left < l->rows ? left : l->rows;
		if (run->stop && *run->stop)
			return CVT_GONE;
		learner_bind(l, l->eval, rows, first);
		plan_forward(l->eval, run, n);
		take_rows(l, plan_value(l->eval, c->vectors), first, n, run->seed, s);
	}
	return s->M >= c->K ? CVT_OK
			    : cvt_fail(e, CVT_INPUT,
				    "%zu centres need at least as many patches; --patches says %zu",
				    c->K, wanted);
}

/* ---- whitening --------------------------------------------------------------------- */

static void covariance(const struct sample *s, size_t D, double *mean, double *cov)
{
	for (size_t m = 0; m < s->M; m++)
		for (size_t i = 0; i < D; i++)
			mean[i] += (double)s->x[m * D + i] / (double)s->M;
	for (size_t m = 0; m < s->M; m++)
		for (size_t i = 0; i < D; i++) {
			const double a = ((double)s->x[m * D + i] - mean[i]) / (double)s->M;
			for (size_t j = 0; j <= i; j++)
				cov[i * D + j] += a * ((double)s->x[m * D + j] - mean[j]);
		}
	for (size_t i = 0; i < D; i++)
		for (size_t j = 0; j < i; j++)
			cov[j * D + i] = cov[i * D + j];
}

/* w and b of the whitening from the eigenvectors (rows of `vector`) and eigenvalues. */
static void whitening(size_t D, const double *mean, const double *value, const double *vector,
	double eps, float *w, float *b)
{
	for (size_t i = 0; i < D; i++) {
		double shift = 0.0;
		for (size_t j = 0; j < D; j++) {
			double sum = 0.0;
			for (size_t k = 0; k < D; k++)
				sum += vector[k * D + i] * vector[k * D + j]
				       / sqrt(fmax(value[k], 0.0) + eps);
			w[i * D + j] = (float)sum;
			shift += sum * mean[j];
		}
		b[i] = (float)-shift;
	}
}

/* Learns the linear layer before the codebook, and applies it to the sample. */
static int whiten(const struct learner *l, struct sample *s, struct cvt_err *e)
{
	const struct codebook *c = l->own;
	const size_t D = c->D;
	float *w = param_data(l->graph, c->weight), *b = param_data(l->graph, c->bias);
	double *mean = mem_alloc(D * (2 * D + 2), sizeof *mean, e);
	float *to = mem_alloc(s->M * D, sizeof *to, e);
	int code = mean && to ? CVT_OK : CVT_SYSTEM;
	if (code == CVT_OK) {
		double *value = mean + D, *cov = value + D, *vector = cov + D * D;
		covariance(s, D, mean, cov);
		eigen_symmetric(cov, D, value, vector);
		whitening(D, mean, value, vector, method_value(l, "whiten-eps")->real, w, b);
		for (size_t m = 0; m < s->M; m++)
			memcpy(to + m * D, b, D * sizeof *to);
		blas_gemm(false, true, s->M, D, D, 1, s->x, D, w, D, 1, to, D);
		free(s->x);
		s->x = to;
		to = NULL;
	}
	free(mean);
	free(to);
	return code;
}

static int fit(
	struct learner *l, const struct batch *rows, const struct run *run, struct cvt_err *e)
{
	const struct codebook *c = l->own;
	const struct kmeans_spec spec = {.k = c->K,
		.iterations = method_value(l, "iterations")->count,
		.seed = run->seed,
		.stop = run->stop};
	struct sample s = {0};
	TRY(blas_open(e));
	int code = take_sample(l, rows, run, &s, e);
	if (code == CVT_OK && c->weight != GRAPH_NONE)
		code = whiten(l, &s, e);
	if (code == CVT_OK)
		code = kmeans(
			&spec, s.x, s.M, c->D, param_data(l->graph, c->centres), NULL, run->par, e);
	free(s.x);
	return code;
}

static void close(struct learner *l)
{
	free(l->own);
}

const struct method method_kmeans = {
	.name = "kmeans",
	.help = "unlabelled: whitened patches clustered into a codebook (Coates et al. 2011)",
	.options = {{"patches", "N", "patches that k-means sees", CLI_COUNT, 200000},
		{"iterations", "N", "of k-means", CLI_COUNT, 30},
		{"whiten-eps", "F", "added to the variances when whitening", CLI_REAL, 0.1}},
	.build = build,
	.fit = fit,
	.close = close,
};
