/* tasks: heads to losses and scores (see tasks.h). */
#include "tasks.h"

#include "../metric/metric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* While they are built. */
struct building {
	struct learner *l;
	struct tasks *t;
	const struct tasks_choice *c;
	const struct net *net;
	size_t train, validate; /* the sums so far; GRAPH_NONE */
};

/* ---- losses ------------------------------------------------------------------------ */

/* What any network gives, whatever it is for. */
static bool is_everybodys(const char *field)
{
	static const char *const names[] = {"embedding", "logits", "probs", "prediction", "score"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(field, names[i]) == 0)
			return true;
	return false;
}

const char *tasks_output_field(const struct method_facts *f, const struct net *n)
{
	for (size_t i = 0; i < f->nfields; i++)
		for (size_t k = 0; k < n->nstages && !is_everybodys(f->field[i].name); k++)
			if (n->stage[k].node == n->output
				&& strcmp(n->stage[k].path, f->field[i].name) == 0)
				return f->field[i].name;
	return NULL;
}

/* The stage of a head: as written, else one called like the field (or the layer that was added for
 * it), else the output (first head), unless that is another field's. */
static int find_stage(const struct learner *l, const struct net *net, const struct method_head *h,
	bool first, size_t *node, struct cvt_err *e)
{
	const char *other = tasks_output_field(l->facts, net);
	char added[FIELD_NAME + 8];
	struct cvt_err quiet = {0};
	(void)snprintf(added, sizeof added, "head.%s", h->field);
	if (h->stage[0])
		return net_stage(net, h->stage, node, e);
	if (net_stage(net, h->field, node, &quiet) == CVT_OK
		|| net_stage(net, added, node, &quiet) == CVT_OK)
		return CVT_OK;
	*node = net->output;
	if (first && other)
		return cvt_fail(e, CVT_USAGE,
			"--head %s: the network has no stage of that name, and its last element is "
			"'%s'; say --head %s:%s@STAGE",
			h->field, other, h->field, h->loss);
	return first ? CVT_OK
		     : cvt_fail(e, CVT_USAGE,
			     "--head %s: the network has no stage of that name; say --head "
			     "%s:%s@STAGE",
			     h->field, h->field, h->loss);
}

static int times(struct graph *g, size_t *loss, double factor, struct cvt_err *e)
{
	if (factor == 1.0)
		return CVT_OK;
	return graph_op(g, "times", "loss", (size_t[]){*loss}, 1, loss, e, "F", factor, GRAPH_END);
}

/* *to <- *to + loss */
static int add(struct graph *g, size_t loss, size_t *to, struct cvt_err *e)
{
	if (*to != GRAPH_NONE)
		return graph_op(g, "sum", "loss", (size_t[]){*to, loss}, 2, to, e, GRAPH_END);
	*to = loss;
	return CVT_OK;
}

static void parameter_name(const struct method_head *h, char *name, size_t size)
{
	(void)snprintf(name, size, "uncertainty.%s", h->field);
}

/* Weighs a loss by its learned spread; what the loss says of the likelihood is in its record. */
static int weigh(struct graph *g, const struct method_head *h, size_t *loss, struct cvt_err *e)
{
	const struct nn_op *op = nn_find(h->loss);
	const double a = op->likelihood.a, b = op->likelihood.b;
	char name[FIELD_NAME + 16];
	parameter_name(h, name, sizeof name);
	return graph_op(g, "uncertain", name, (size_t[]){*loss}, 1, loss, e, "a", a > 0 ? a : 1.0,
		"b", b > 0 ? b : 0.5, GRAPH_END);
}

/* Has the head a class for each of many places? */
static bool is_map(const struct learner *l, const struct method_head *h, size_t stage)
{
	return nn_find(h->loss)->learns == LOSS_CLASSES && l->graph->node[stage].row.ndim > 1;
}

/* The whole term of a head, added to *to. */
static int add_term(const struct building *b, const struct method_head *h, size_t stage,
	double smoothing, size_t *to, struct cvt_err *e)
{
	struct graph *g = b->l->graph;
	size_t loss, overlap;
	TRY(method_loss(b->l, h->loss, stage, h->field, smoothing, &loss, e));
	if (b->c->dice > 0 && is_map(b->l, h, stage)) {
		TRY(method_loss(b->l, "dice", stage, h->field, 0.0, &overlap, e));
		TRY(times(g, &overlap, b->c->dice, e));
		TRY(add(g, overlap, &loss, e));
	}
	if (b->c->uncertain)
		TRY(weigh(g, h, &loss, e));
	TRY(times(g, &loss, h->weight, e));
	return add(g, loss, to, e);
}

/* ---- heads ------------------------------------------------------------------------- */

static enum task_kind kind_of(const struct learner *l, const struct method_head *h, size_t stage)
{
	switch (nn_find(h->loss)->learns) {
	case LOSS_CLASSES:
		return is_map(l, h, stage) ? TASK_IOU : TASK_ACCURACY;
	case LOSS_NUMBERS:
		return TASK_ERROR;
	default:
		return TASK_UNSCORED;
	}
}

/* Whose score it is: the field's, or the stage's where heads before it compare that field, too, as
 * auxiliary classifiers do. */
static const char *owner(const struct tasks *t, const struct method_head *h)
{
	for (size_t i = 0; i + 1 < t->n; i++)
		if (h->stage[0] && strcmp(t->task[i].field, h->field) == 0)
			return h->stage;
	return h->field;
}

/* The first score has the bare name, the others say whose they are. */
static int add_score(struct learner *l, struct task *t, const char *whose, struct cvt_err *e)
{
	static const char *const names[] = {
		[TASK_ACCURACY] = "accuracy", [TASK_IOU] = "miou", [TASK_ERROR] = "rmse"};
	char name[FIELD_NAME + 20];
	if (t->kind == TASK_UNSCORED)
		return CVT_OK;
	(void)snprintf(name, sizeof name, "%.*s%s%s", FIELD_NAME - 1, l->nscores ? whose : "",
		l->nscores ? "_" : "", names[t->kind]);
	if (t->kind == TASK_IOU)
		TRY(method_tally(l, 3 * t->classes, &t->tally, e));
	TRY(method_keep(l, t->stage, e));
	return method_score(l, name, t->kind != TASK_ERROR, &t->score, e);
}

static int watch(struct learner *l, const struct method_head *h, struct cvt_err *e)
{
	char name[FIELD_NAME + 20], param[FIELD_NAME + 16];
	(void)snprintf(name, sizeof name, "%s_log_variance", h->field);
	parameter_name(h, param, sizeof param);
	return method_watch(l, name, param, e);
}

/* A class beyond the outputs has no probability, and the loss would be no number. */
static int check_outputs(const struct learner *l, const struct method_head *h, bool first,
	size_t outputs, struct cvt_err *e)
{
	const struct method_field *f = method_field(l, h->field);
	if (!f || f->dtype == DT_F4 || f->classes == 0 || nn_find(h->loss)->learns != LOSS_CLASSES)
		return CVT_OK;
	const size_t classes = first && l->facts->classes ? l->facts->classes : f->classes;
	if (outputs >= classes)
		return CVT_OK;
	return cvt_fail(e, CVT_USAGE,
		"--head %s:%s%s%s: its stage has %zu output%s, but there are %zu classes", h->field,
		h->loss, *h->stage ? "@" : "", h->stage, outputs, outputs == 1 ? "" : "s", classes);
}

static int add_head(struct building *b, const struct method_head *h, struct cvt_err *e)
{
	struct learner *l = b->l;
	struct task *t = &b->t->task[b->t->n];
	const double smoothing = l->facts->label_smoothing;
	TRY(find_stage(l, b->net, h, b->t->n == 0, &t->stage, e));
	const struct shape *s = &l->graph->node[t->stage].row;
	(void)snprintf(t->field, sizeof t->field, "%s", h->field);
	t->classes = s->ndim ? s->dims[s->ndim - 1] : 1;
	TRY(check_outputs(l, h, b->t->n == 0, t->classes, e));
	TRY(add_term(b, h, t->stage, smoothing, &b->train, e));
	if (smoothing > 0)
		TRY(add_term(b, h, t->stage, 0.0, &b->validate, e));
	t->kind = kind_of(l, h, t->stage);
	if (nn_find(h->loss)->learns == LOSS_CLASSES)
		l->head_classes[b->t->n] = t->classes;
	b->t->n++;
	TRY(add_score(l, t, owner(b->t, h), e));
	return b->c->uncertain ? watch(l, h, e) : CVT_OK;
}

int tasks_build(struct learner *l, const struct tasks_choice *c, struct cvt_err *e)
{
	struct tasks *t = l->own = mem_alloc(1, sizeof *t, e);
	struct building b = {.l = l, .t = t, .c = c, .train = GRAPH_NONE, .validate = GRAPH_NONE};
	const struct method_facts *f = l->facts;
	if (!t)
		return CVT_SYSTEM;
	if (!(c->dice >= 0))
		return cvt_fail(e, CVT_USAGE, "--dice: a weight is at least 0");
	TRY(method_net(l, NULL, &b.net, e));
	for (size_t i = 0; i < f->nheads; i++)
		TRY(add_head(&b, &f->head[i], e));
	if (f->nheads == 0)
		TRY(add_head(&b, &c->usual, e));
	l->val_loss = b.validate;
	return method_phase(l, "", b.train, NULL, e);
}

/* ---- scores ------------------------------------------------------------------------ */

enum { TRUTH, ANSWER, BOTH };

/* The class of place i; -1 = unknown. */
static long class_at(const struct tensor *t, size_t i)
{
	if (t->dtype == DT_U1) {
		const unsigned char k = ((const unsigned char *)t->data)[i];
		return k == 255 ? -1 : k;
	}
	return t->dtype == DT_I4 ? ((const int32_t *)t->data)[i] : -1;
}

/* Places of each class in the truth, in the answer, in both. */
static void count_classes(const struct learner *l, const struct task *t, const float *logits,
	const struct tensor *truth, const float *weight, size_t rows)
{
	double *tally = l->tally + t->tally;
	const size_t places = shape_items(&l->graph->node[t->stage].row) / t->classes;
	for (size_t i = 0; i < rows * places; i++) {
		const long k = class_at(truth, i);
		if (k < 0 || (size_t)k >= t->classes || (weight && weight[i / places] == 0.0f))
			continue;
		const int32_t answer = metric_argmax(logits + i * t->classes, t->classes);
		tally[3 * (size_t)k + TRUTH]++;
		if (answer < 0)
			continue;
		tally[3 * (size_t)answer + ANSWER]++;
		tally[3 * (size_t)answer + BOTH] += answer == k;
	}
}

static void add_squares(const float *x, const struct tensor *truth, const float *weight,
	size_t rows, struct score_sum *sum)
{
	const size_t items = tensor_row_items(truth);
	const float *y = truth->data;
	if (truth->dtype != DT_F4)
		return;
	for (size_t i = 0; i < rows * items; i++) {
		const double d = (double)x[i] - (double)y[i];
		if (weight && weight[i / items] == 0.0f)
			continue;
		sum->sum += d * d;
		sum->count += 1.0;
	}
}

void tasks_score(const struct learner *l, const struct plan *p, const struct batch *rows,
	struct score_sum *sum)
{
	const struct tasks *t = l->own;
	const struct tensor *weight = batch_get(rows, "weight");
	const float *w = weight ? weight->data : NULL;
	for (size_t i = 0; i < t->n; i++) {
		const struct task *k = &t->task[i];
		const struct tensor *truth = batch_get(rows, k->field);
		if (k->kind == TASK_ACCURACY)
			score_accuracy(plan_value(p, k->stage), k->classes, truth, weight,
				rows->rows, &sum[k->score]);
		else if (k->kind == TASK_IOU)
			count_classes(l, k, plan_value(p, k->stage), truth, w, rows->rows);
		else if (k->kind == TASK_ERROR)
			add_squares(plan_value(p, k->stage), truth, w, rows->rows, &sum[k->score]);
	}
}

/* The mean of intersection over union of the classes that occur in either. */
static double mean_iou(const double *tally, size_t classes)
{
	double sum = 0.0, present = 0.0;
	for (size_t k = 0; k < classes; k++, tally += 3) {
		const double either = tally[TRUTH] + tally[ANSWER] - tally[BOTH];
		if (either == 0.0)
			continue;
		sum += tally[BOTH] / either;
		present += 1.0;
	}
	return present > 0.0 ? sum / present : NAN;
}

void tasks_conclude(const struct learner *l, double score[METHOD_SCORES])
{
	const struct tasks *t = l->own;
	for (size_t i = 0; i < t->n; i++) {
		const struct task *k = &t->task[i];
		if (k->kind == TASK_IOU)
			score[k->score] = mean_iou(l->tally + k->tally, k->classes);
		else if (k->kind == TASK_ERROR)
			score[k->score] = sqrt(score[k->score]);
	}
}

void tasks_close(struct learner *l)
{
	free(l->own);
}
