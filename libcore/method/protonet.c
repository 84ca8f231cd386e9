/*
 * protonet: prototypical networks: Snell, Swersky and Zemel, "Prototypical networks for few-shot
 * learning", NIPS 2017. Rows come as episodes (`group`; `role` 0 support, 1 query; `label`), whole
 * ones in each batch. The network's embedding is trained so that a query lies nearest, by squared
 * Euclidean distance, to the mean of its class's support (loss/prototypes.c). Classes differ from
 * episode to episode, so the network needs no head and the model file has none.
 *
 * The distances are divided by a temperature, by default the square root of the embedding's size D:
 * they are sums of D terms that vary like its root, as the products of attention do, and without it
 * the softmax of an untrained network is saturated.
 */
#include "../episode.h"
#include "method.h"

#include <math.h>
#include <stdlib.h>

struct protonet {
	size_t embedding, d;
	float *mean; /* score()'s: as many as a batch may have rows */
	int32_t *way;
	size_t role;      /* node */
	int32_t *present; /* roles, -1 where a row's weight is 0 */
};

static int need_episodes(const struct learner *l, struct cvt_err *e)
{
	static const struct {
		const char *name;
		enum dtype dtype;
	} need[] = {{"group", DT_I8}, {"role", DT_I4}, {"label", DT_I4}};
	for (size_t i = 0; i < sizeof need / sizeof *need; i++) {
		const struct method_field *f = method_field(l, need[i].name);
		if (!f || f->dtype != need[i].dtype || f->row.ndim != 0)
			return cvt_fail(e, CVT_INPUT,
				"the rows are no episodes: they have no '%s' of one whole number; "
				"cv-read DATA --episodes 5x1+15 --count 1000",
				need[i].name);
	}
	return CVT_OK;
}

static int add_network(struct learner *l, size_t *embedding, struct cvt_err *e)
{
	const struct net *net;
	TRY(method_body(l, NULL, &net, e));
	return graph_op(l->graph, "flatten", "embedding.flat", (size_t[]){net->embedding}, 1,
		embedding, e, GRAPH_END);
}

static int build(struct learner *l, struct cvt_err *e)
{
	static const char *const field[] = {"label", "role", "group"};
	const struct method_value *temperature = method_value(l, "temperature");
	struct protonet *p = l->own = mem_alloc(1, sizeof *p, e);
	size_t in[5], n = 4, loss;
	if (!p)
		return CVT_SYSTEM;
	TRY(need_episodes(l, e));
	TRY(add_network(l, &p->embedding, e));
	p->d = shape_items(&l->graph->node[p->embedding].row);
	in[0] = p->embedding;
	for (size_t i = 0; i < 3; i++)
		TRY(method_input(l, field[i], &in[i + 1], e));
	p->role = in[2];
	TRY(method_weigh(l, in, &n, e)); /* before() reads it */
	TRY(graph_op(l->graph, "prototypes", "loss", in, 4, &loss, e, "temperature",
		temperature->given ? temperature->real : sqrt((double)p->d), GRAPH_END));
	TRY(method_keep(l, p->embedding, e));
	return method_phase(l, "", loss, NULL, e);
}

static int prepare(struct learner *l, struct cvt_err *e)
{
	struct protonet *p = l->own;
	p->mean = mem_alloc(l->rows, p->d * sizeof *p->mean, e);
	p->way = mem_alloc(l->rows, sizeof *p->way, e);
	p->present = mem_alloc(l->rows, sizeof *p->present, e);
	return p->mean && p->way && p->present ? CVT_OK : CVT_SYSTEM;
}

static void before(struct learner *l, struct plan *plan, const struct batch *rows,
	const struct run *run, double x)
{
	const struct protonet *p = l->own;
	const int32_t *role = batch_get(rows, "role")->data;
	const struct tensor *weight = batch_get(rows, "weight");
	(void)run;
	(void)x;
	for (size_t i = 0; i < rows->rows; i++) {
		const bool absent = weight && ((const float *)weight->data)[i] == 0.0f;
		p->present[i] = absent ? -1 : role[i];
	}
	plan_bind(plan, p->role, p->present);
}

static void score_episode(const struct protonet *p, const struct episode *s, struct score_sum *sum)
{
	const size_t ways = episode_means(s, KNN_L2, p->mean, p->way);
	for (size_t v = 0; v < s->n && ways; v++) {
		if (s->role[v] != 1 || s->label[v] < 0)
			continue;
		sum->count += 1.0;
		sum->sum += episode_nearest(s->x + v * p->d, KNN_L2, p->mean, p->way, ways, p->d)
			    == s->label[v];
	}
}

static void score(const struct learner *l, const struct plan *plan, const struct batch *rows,
	struct score_sum *sum)
{
	const struct protonet *p = l->own;
	const float *x = plan_value(plan, p->embedding);
	const int64_t *group = batch_get(rows, "group")->data;
	const int32_t *label = batch_get(rows, "label")->data;
	for (size_t first = 0, end; first < rows->rows; first = end) {
		for (end = first + 1; end < rows->rows && group[end] == group[first]; end++)
			;
		const struct episode s = {
			end - first, p->d, x + first * p->d, label + first, p->present + first};
		score_episode(p, &s, sum);
	}
}

static void close(struct learner *l)
{
	struct protonet *p = l->own;
	if (p) {
		free(p->mean);
		free(p->way);
		free(p->present);
	}
	free(p);
}

const struct method method_protonet = {
	.name = "protonet",
	.help = "few-shot: queries near the means of their classes (Snell et al. 2017)",
	.options = {{"temperature", "T", "divides logits (4), cosines (0.5), distances (root of D)",
		CLI_REAL, 0}},
	.score_name = {{"accuracy", true}},
	.opt = "adam",
	.own_classes = true,
	.build = build,
	.prepare = prepare,
	.before = before,
	.score = score,
	.close = close,
};
