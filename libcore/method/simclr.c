/*
 * simclr: two views of a picture are to have the same representation, other pictures another one:
 * Chen, Kornblith, Norouzi and Hinton, "A simple framework for contrastive learning of visual
 * representations" (ICML 2020). The views (`cv-augment view=2 ...`) go through one network and a
 * projection head, two layers as wide as the embedding and --projector, and NT-Xent (ntxent.c) is
 * lowered with all other rows of the batch as negatives. The head is thrown away afterwards: what is
 * kept is the network up to its embedding.
 *
 * Both views are stacked into ONE batch, so that batch norm takes its statistics over both. By
 * themselves two passes would standardise each view by its own, and the network could learn which
 * batch a vector came from instead of what it shows.
 *
 * Rows whose views are equal (validation rows: nobody draws on them) say nothing about how well
 * views are recognised; the score leaves them out.
 */
#include "method.h"

#include "../blas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANCHORS = 64 };

struct simclr {
	size_t views, z, D; /* z: the node of the normalised projections, D numbers each */
	char field[FIELD_NAME];
	float *tile; /* products of some anchors with all vectors */
};

/* FIELD.k, k from 1. */
static const char *view_name(const struct simclr *s, size_t view, char name[FIELD_NAME + 24])
{
	(void)snprintf(name, FIELD_NAME + 24, "%s.%zu", s->field, view + 1);
	return name;
}

static int find_views(struct learner *l, size_t *node, struct cvt_err *e)
{
	struct simclr *s = l->own;
	const struct arch *a = l->facts->arch;
	char name[FIELD_NAME + 24];
	if (arch_net_inputs(a, NULL) != 1)
		return cvt_fail(e, CVT_USAGE, "--method simclr: the network must have one input");
	(void)snprintf(s->field, sizeof s->field, "%s", arch_net_input(a, NULL, 0));
	while (s->views < METHOD_INPUTS && method_field(l, view_name(s, s->views, name))) {
		TRY(method_picture(l, name, &node[s->views], e));
		s->views++;
	}
	if (s->views >= 2)
		return CVT_OK;
	return cvt_fail(e, CVT_INPUT,
		"--method simclr compares views, and the stream has no %s.1 and %s.2; cv-augment "
		"view=2 random-resized-crop=32,0.2,1 hflip color-jitter:0.8=.4,.4,.4,.1 makes them",
		s->field, s->field);
}

/* The projection head, batch norm behind both layers as in the authors' program. */
static int project(struct learner *l, size_t *x, struct cvt_err *e)
{
	struct graph *g = l->graph;
	const double width = (double)shape_items(&g->node[*x].row);
	const double out = (double)method_value(l, "projector")->count;
	TRY(graph_op(g, "flatten", "projector", x, 1, x, e, GRAPH_END));
	TRY(graph_op(g, "linear", "projector.0", x, 1, x, e, "C", width, "bias", 0.0, GRAPH_END));
	TRY(graph_op(g, "bn", "projector.1", x, 1, x, e, GRAPH_END));
	TRY(graph_op(g, "relu", "projector.2", x, 1, x, e, GRAPH_END));
	TRY(graph_op(g, "linear", "projector.3", x, 1, x, e, "C", out, "bias", 0.0, GRAPH_END));
	TRY(graph_op(g, "bn", "projector.4", x, 1, x, e, GRAPH_END));
	return graph_op(g, "normalize", "projector", x, 1, x, e, GRAPH_END);
}

static int build(struct learner *l, struct cvt_err *e)
{
	struct simclr *s = l->own = mem_alloc(1, sizeof *s, e);
	const double temperature = method_value(l, "temperature")->real;
	size_t view[METHOD_INPUTS], stacked, loss;
	const struct net *net;
	if (!s)
		return CVT_SYSTEM;
	if (method_value(l, "projector")->count == 0)
		return cvt_fail(e, CVT_USAGE, "--projector: at least 1");
	if (!(temperature > 0))
		return cvt_fail(e, CVT_USAGE, "--temperature: must be above 0");
	TRY(find_views(l, view, e));
	TRY(graph_op(l->graph, "stack", "views", view, s->views, &stacked, e, GRAPH_END));
	const struct net_spec spec = {.input = &stacked, .inputs = 1, .headless = true};
	TRY(method_net_on(l, &spec, &net, e));
	s->z = net->embedding;
	TRY(project(l, &s->z, e));
	s->D = shape_items(&l->graph->node[s->z].row);
	size_t in[2] = {s->z}, n = 1;
	TRY(method_weigh(l, in, &n, e));
	TRY(graph_op(l->graph, "ntxent", "loss", in, n, &loss, e, "temperature", temperature,
		GRAPH_END));
	TRY(method_keep(l, s->z, e));
	return method_phase(l, "", loss, NULL, e);
}

static int prepare(struct learner *l, struct cvt_err *e)
{
	struct simclr *s = l->own;
	size_t items;
	TRY(tensor_count(3, (const size_t[]){ANCHORS, s->views, l->rows}, &items, e));
	s->tile = mem_alloc(items, sizeof *s->tile, e);
	return s->tile ? CVT_OK : CVT_SYSTEM;
}

/* ---- the score --------------------------------------------------------------------- */

static bool views_equal(const struct simclr *s, const struct batch *rows, size_t row)
{
	char name[FIELD_NAME + 24];
	const struct tensor *first = batch_get(rows, view_name(s, 0, name));
	const size_t bytes = tensor_row_bytes(first);
	for (size_t v = 1; v < s->views; v++) {
		const struct tensor *t = batch_get(rows, view_name(s, v, name));
		if (memcmp((const char *)first->data + row * bytes,
			    (const char *)t->data + row * bytes, bytes)
			!= 0)
			return false;
	}
	return true;
}

/* The vector most like number i of n, which are views of N rows, those that are absent left out; i
 * itself if it is alone. */
static size_t nearest(const float *product, size_t n, size_t i, const float *weight, size_t N)
{
	size_t best = i;
	for (size_t j = 0; j < n; j++)
		if (j != i && !(weight && weight[j % N] == 0)
			&& (best == i || product[j] > product[best]))
			best = j;
	return best;
}

/* How often the vector nearest to a view, of all in the batch, is of the same picture. */
static void score(const struct learner *l, const struct plan *p, const struct batch *rows,
	struct score_sum *sum)
{
	const struct simclr *s = l->own;
	const struct tensor *weight = batch_get(rows, "weight");
	const float *z = plan_value(p, s->z), *w = weight ? weight->data : NULL;
	const size_t N = rows->rows, R = s->views * N;
	for (size_t first = 0; first < R && N > 1; first += ANCHORS) {
		const size_t n = R - first < ANCHORS ? R - first : ANCHORS;
		blas_gemm(
			false, true, n, R, s->D, 1, z + first * s->D, s->D, z, s->D, 0, s->tile, R);
		for (size_t i = first; i < first + n; i++) {
			if ((w && w[i % N] == 0) || views_equal(s, rows, i % N))
				continue;
			const size_t j = nearest(s->tile + (i - first) * R, R, i, w, N);
			sum->count += 1;
			sum->sum += j % N == i % N;
		}
	}
}

static void close(struct learner *l)
{
	struct simclr *s = l->own;
	if (s)
		free(s->tile);
	free(s);
}

const struct method method_simclr = {
	.name = "simclr",
	.help = "contrastive: views of one picture agree, of others not (Chen et al. 2020)",
	.options = {{"projector", "N", "outputs of the projection head", CLI_COUNT, 128},
		{"temperature", "T", "divides logits (4), cosines (0.5), distances (root of D)",
			CLI_REAL, 0.5}},
	.score_name = {{"accuracy", true}},
	.lr_factor = 3, /* the paper's 0.3: its gradients are short */
	.unlabelled = true,
	.build = build,
	.prepare = prepare,
	.score = score,
	.close = close,
};
