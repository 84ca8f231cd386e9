/*
 * classify: supervised learning. Each head compares a stage of the network with a field of the
 * stream by a loss; with nothing said that is the network's output, `label`, and cross-entropy
 * (Bishop, "Pattern recognition", 4.3.4), with hard labels or soft ones. The sum of the weighted
 * losses is lowered. Rows whose label is unknown count nothing.
 */
#include "method.h"

#include <stdlib.h>
#include <string.h>

struct classify {
	size_t logits; /* the first head's stage; GRAPH_NONE unless it is scored by accuracy */
	char field[FIELD_NAME];
};

/* The stage of a head: as written, else one called like the field, else the output (first head). */
static int find_stage(const struct net *net, const struct method_head *h, bool first, size_t *node,
	struct cvt_err *e)
{
	struct cvt_err quiet = {0};
	if (h->stage[0])
		return net_stage(net, h->stage, node, e);
	if (net_stage(net, h->field, node, &quiet) == CVT_OK)
		return CVT_OK;
	*node = net->output;
	return first ? CVT_OK
		     : cvt_fail(e, CVT_USAGE,
			     "--head %s: the network has no stage of that name; say --head "
			     "%s:%s@STAGE",
			     h->field, h->field, h->loss);
}

/* to <- to + weight x loss. */
static int add_loss(struct graph *g, size_t loss, double weight, size_t *to, struct cvt_err *e)
{
	if (weight != 1.0)
		TRY(graph_op(
			g, "times", "loss", (size_t[]){loss}, 1, &loss, e, "F", weight, GRAPH_END));
	if (*to != GRAPH_NONE)
		return graph_op(g, "sum", "loss", (size_t[]){*to, loss}, 2, to, e, GRAPH_END);
	*to = loss;
	return CVT_OK;
}

static int add_head(struct learner *l, const struct net *net, const struct method_head *h,
	size_t *train, size_t *validate, struct cvt_err *e)
{
	struct classify *c = l->own;
	const bool first = *train == GRAPH_NONE;
	size_t stage, loss, plain;
	TRY(find_stage(net, h, first, &stage, e));
	TRY(method_loss(l, h->loss, stage, h->field, l->facts->label_smoothing, &loss, e));
	plain = loss;
	if (l->facts->label_smoothing > 0)
		TRY(method_loss(l, h->loss, stage, h->field, 0.0, &plain, e));
	if (first && strcmp(h->loss, "cross-entropy") == 0 && l->graph->node[stage].row.ndim == 1) {
		c->logits = stage;
		memcpy(c->field, h->field, sizeof c->field);
		TRY(method_keep(l, stage, e));
	}
	TRY(add_loss(l->graph, loss, h->weight, train, e));
	return add_loss(l->graph, plain, h->weight, validate, e);
}

static int build(struct learner *l, struct cvt_err *e)
{
	static const struct method_head usual = {
		.field = "label", .loss = "cross-entropy", .weight = 1.0};
	const struct net *net;
	struct classify *c = l->own = mem_alloc(1, sizeof *c, e);
	size_t loss = GRAPH_NONE;
	if (!c)
		return CVT_SYSTEM;
	c->logits = l->val_loss = GRAPH_NONE;
	TRY(method_net(l, NULL, &net, e));
	for (size_t i = 0; i < l->facts->nheads; i++)
		TRY(add_head(l, net, &l->facts->head[i], &loss, &l->val_loss, e));
	if (l->facts->nheads == 0)
		TRY(add_head(l, net, &usual, &loss, &l->val_loss, e));
	return method_phase(l, "", loss, NULL, e);
}

static void score(const struct learner *l, const struct plan *p, const struct batch *rows,
	struct score_sum *sum)
{
	const struct classify *c = l->own;
	if (c->logits == GRAPH_NONE)
		return;
	score_accuracy(plan_value(p, c->logits), shape_items(&l->graph->node[c->logits].row),
		batch_get(rows, c->field), batch_get(rows, "weight"), rows->rows, sum);
}

static void close(struct learner *l)
{
	free(l->own);
}

const struct method method_classify = {
	.name = "classify",
	.help = "supervised: cross-entropy on `label`, or the losses of --head",
	.score_name = {{"accuracy", true}},
	.build = build,
	.score = score,
	.close = close,
};
