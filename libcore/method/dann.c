/*
 * dann: domain-adversarial training of a network: Ganin et al., "Domain-adversarial training of
 * neural networks", JMLR 17 (2016). Rows come from a labelled domain (`domain` 0) and from another
 * one whose labels nobody reads. A discriminator of two layers sits on the embedding and tells the
 * domains apart; its gradient is turned round before it reaches the network, which so learns
 * features in which the domains look alike while the label predictor can still read them:
 *
 *     L = CE(label; rows whose label is known) + w CE(domain; all rows),
 *     gradient of the second term into the features times -lambda,
 *     lambda = 2 / (1 + exp(-10 p)) - 1, p = the share of the training that lies behind.
 *
 * Where an adapted network is used, it should be sure: with a weight v,
 *
 *     + v lambda (mean entropy of what it says of the other domain's rows)
 *
 * pushes the border between classes out of where target rows are dense (Grandvalet and Bengio,
 * "Semi-supervised learning by entropy minimization", 2004; with DANN: Shu et al., "A DIRT-T approach
 * to unsupervised domain adaptation", 2018, equation 6).
 *
 * Both domains lie in one batch. Batch norm takes each by its own statistics (Chang et al., "Domain-
 * specific batch normalization for unsupervised domain adaptation", CVPR 2019), and the running ones,
 * with which the network is used, are the other domain's (Li et al., "Revisiting batch normalization
 * for practical domain adaptation", 2016): rows of the labelled domain, as those of a validation part,
 * are read worse by them than by their own. --joint-norm: those of the mixture, for both. The model
 * file holds the network alone.
 */
#include "method.h"

#include <math.h>
#include <stdlib.h>

struct dann {
	size_t logits, domain; /* nodes: what the label predictor and the discriminator say */
	size_t reverse;        /* node that turns the gradient round */
	size_t target;         /* node of the true domains, which before() fills in */
	int32_t *known;        /* its values: 0 = the first domain, 1 = any other */
	size_t foreign, sure;  /* nodes, GRAPH_NONE without entropy: which rows are of another
				* domain, likewise filled in; the entropy's weight */
	float *is_foreign;
};

/* x -> linear -> relu -> linear, behind the reversal. */
static int add_discriminator(struct learner *l, size_t embedding, struct cvt_err *e)
{
	struct dann *d = l->own;
	struct graph *g = l->graph;
	const size_t hidden = method_value(l, "domain-hidden")->count;
	size_t x;
	if (hidden == 0)
		return cvt_fail(e, CVT_USAGE, "--domain-hidden: at least 1");
	TRY(graph_op(g, "reverse", "domain.reverse", (size_t[]){embedding}, 1, &d->reverse, e,
		GRAPH_END));
	TRY(graph_op(g, "flatten", "domain.flatten", (size_t[]){d->reverse}, 1, &x, e, GRAPH_END));
	TRY(graph_op(g, "linear", "domain.fc1", (size_t[]){x}, 1, &x, e, "C", (double)hidden,
		GRAPH_END));
	TRY(graph_op(g, "relu", "domain.relu", (size_t[]){x}, 1, &x, e, GRAPH_END));
	return graph_op(
		g, "linear", "domain.fc2", (size_t[]){x}, 1, &d->domain, e, "C", 2.0, GRAPH_END);
}

static int add_domain_loss(struct learner *l, size_t *loss, struct cvt_err *e)
{
	struct dann *d = l->own;
	const struct shape one = {0};
	size_t in[3] = {d->domain}, n = 2;
	TRY(graph_input(l->graph, "domain.target", DT_I4, &one, &d->target, e));
	in[1] = d->target;
	TRY(method_weigh(l, in, &n, e));
	return graph_op(l->graph, "cross-entropy", "domain.loss", in, n, loss, e, GRAPH_END);
}

/* H(p) = cross-entropy of p and p, the gradient taken through both. */
static int add_entropy(struct learner *l, size_t *loss, struct cvt_err *e)
{
	struct dann *d = l->own;
	struct graph *g = l->graph;
	const double weight = method_value(l, "target-entropy")->real;
	size_t in[3] = {d->logits};
	d->foreign = d->sure = GRAPH_NONE;
	if (!(weight >= 0.0 && isfinite(weight)))
		return cvt_fail(e, CVT_USAGE, "--target-entropy: 0 or more");
	if (weight == 0.0)
		return CVT_OK;
	TRY(graph_op(g, "softmax", "target.says", in, 1, &in[1], e, GRAPH_END));
	TRY(graph_input(g, "target.rows", DT_F4, &(struct shape){0}, &d->foreign, e));
	in[2] = d->foreign;
	TRY(graph_op(g, "cross-entropy", "target.entropy", in, 3, &d->sure, e, GRAPH_END));
	TRY(graph_op(
		g, "times", "target.weighted", &d->sure, 1, &d->sure, e, "F", weight, GRAPH_END));
	return graph_op(g, "sum", "loss.sure", (size_t[]){*loss, d->sure}, 2, loss, e, GRAPH_END);
}

static int add_losses(struct learner *l, size_t *total, struct cvt_err *e)
{
	const struct dann *d = l->own;
	const double weight = method_value(l, "domain-weight")->real;
	size_t label, domain;
	if (!(weight >= 0.0 && isfinite(weight)))
		return cvt_fail(e, CVT_USAGE, "--domain-weight: 0 or more");
	TRY(method_loss(
		l, "cross-entropy", d->logits, "label", l->facts->label_smoothing, &label, e));
	TRY(method_loss(l, "cross-entropy", d->logits, "label", 0.0, &l->val_loss, e));
	TRY(add_domain_loss(l, &domain, e));
	TRY(graph_op(l->graph, "times", "domain.weighted", (size_t[]){domain}, 1, &domain, e, "F",
		weight, GRAPH_END));
	TRY(graph_op(l->graph, "sum", "loss", (size_t[]){label, domain}, 2, total, e, GRAPH_END));
	return add_entropy(l, total, e);
}

static int build(struct learner *l, struct cvt_err *e)
{
	struct dann *d = l->own = mem_alloc(1, sizeof *d, e);
	const struct method_field *domain = method_field(l, "domain");
	const struct net *net;
	size_t loss, unused;
	if (!d)
		return CVT_SYSTEM;
	if (!domain || domain->dtype != DT_I4 || domain->row.ndim != 0)
		return cvt_fail(e, CVT_INPUT,
			"the rows come from one domain only; cv-read A B --mix 64:64 --unlabelled "
			"1, or "
			"--target B");
	TRY(method_net(l, NULL, &net, e));
	d->logits = net->output;
	TRY(method_input(l, "domain", &unused, e));
	TRY(add_discriminator(l, net->embedding, e));
	TRY(add_losses(l, &loss, e));
	TRY(method_keep(l, d->logits, e));
	TRY(method_keep(l, d->domain, e));
	return method_phase(l, "", loss, NULL, e);
}

static int prepare(struct learner *l, struct cvt_err *e)
{
	struct dann *d = l->own;
	d->known = mem_alloc(l->rows, sizeof *d->known, e);
	d->is_foreign = mem_alloc(l->rows, sizeof *d->is_foreign, e);
	return d->known && d->is_foreign ? CVT_OK : CVT_SYSTEM;
}

/* Where the share p is not known, the discriminator counts in full. */
static double reversal(double p)
{
	return isnan(p) ? 1.0 : 2.0 / (1.0 + exp(-10.0 * p)) - 1.0;
}

static void before(struct learner *l, struct plan *p, const struct batch *rows,
	const struct run *run, double x)
{
	const struct dann *d = l->own;
	const int32_t *domain = batch_get(rows, "domain")->data;
	const struct tensor *weight = batch_get(rows, "weight");
	for (size_t i = 0; i < rows->rows; i++) {
		d->known[i] = domain[i] != 0;
		d->is_foreign[i] = domain[i] == 0 ? 0
				   : weight       ? ((const float *)weight->data)[i]
						  : 1;
	}
	plan_bind(p, d->target, d->known);
	l->apart = method_value(l, "joint-norm")->flag ? NULL : d->known;
	if (d->foreign != GRAPH_NONE)
		plan_bind(p, d->foreign, d->is_foreign);
	if (!run->train)
		return;
	l->graph->node[d->reverse].arg[0].a = reversal(x);
	if (d->sure != GRAPH_NONE)
		l->graph->node[d->sure].arg[0].a =
			method_value(l, "target-entropy")->real * reversal(x);
}

static void score(const struct learner *l, const struct plan *p, const struct batch *rows,
	struct score_sum *sum)
{
	const struct dann *d = l->own;
	const struct tensor *weight = batch_get(rows, "weight");
	const struct tensor domain = {
		.dtype = DT_I4, .ndim = 1, .dims = {rows->rows}, .data = d->known};
	score_accuracy(plan_value(p, d->logits), shape_items(&l->graph->node[d->logits].row),
		batch_get(rows, "label"), weight, rows->rows, &sum[0]);
	score_accuracy(plan_value(p, d->domain), 2, &domain, weight, rows->rows, &sum[1]);
}

static void close(struct learner *l)
{
	struct dann *d = l->own;
	if (d) {
		free(d->known);
		free(d->is_foreign);
	}
	free(d);
}

const struct method method_dann = {
	.name = "dann",
	.help = "domain adaptation: features that hide the domain (Ganin et al. 2016)",
	.options = {{"domain-weight", "F", "of the domain discriminator's loss", CLI_REAL, 1},
		{"domain-hidden", "N", "width of its hidden layer", CLI_COUNT, 100},
		{"joint-norm", NULL, "batch norm over both domains at once", CLI_FLAG, 0},
		{"target-entropy", "F", "of how unsure it is of the other domain", CLI_REAL, 0}},
	.score_name = {{"accuracy", true}, {"domain_accuracy", false}},
	.lr_factor = 0.2, /* two players in one game */
	.clip_norm = 5,
	.build = build,
	.prepare = prepare,
	.before = before,
	.score = score,
	.close = close,
};
