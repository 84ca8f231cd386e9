/*
 * distill: a student learns from teachers: Hinton, Vinyals and Dean, "Distilling the knowledge in a
 * neural network" (2015). With p = softmax(z / T) of the teacher and q = softmax(x / T) of the
 * student
 *
 *     L = alpha T^2 KL(p || q) + (1 - alpha) CE(label, softmax(x)).
 *
 * Teachers are frozen networks from files (--teacher, run in evaluation mode on the very rows that
 * the student sees), of which several give the mean of their p; or their logits travel in the
 * stream's field `logits`. Labels may be missing: those rows only follow the teacher.
 *
 * Dimensions: K classes.
 */
#include "method.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEACHERS = 8 };

struct teacher {
	struct graph *graph;
	struct plan *plan;
	size_t input, output;
	size_t *order; /* output k of ours is its order[k] */
};

struct distill {
	size_t K, teachers;
	struct teacher teacher[TEACHERS];
	size_t target; /* node of the teachers' logits, when they do not come from the stream */
	float *logits; /* its values */
	double T;
	size_t student; /* node of the student's logits */
};

/* The field of the stream that a teacher reads: its own, which need not be the student's. */
static const char *field_of(const struct teacher *t)
{
	return t->graph->node[t->input].path;
}

static int open_teachers(struct learner *l, struct cvt_err *e)
{
	struct distill *d = l->own;
	size_t unused;
	const struct cli_many *files = &method_value(l, "teacher")->many;
	if (files->n > TEACHERS)
		return cvt_fail(e, CVT_USAGE, "--teacher: at most %d of them", TEACHERS);
	for (; d->teachers < files->n; d->teachers++) {
		struct teacher *t = &d->teacher[d->teachers];
		TRY(l->facts->teacher(l->facts->context, files->item[d->teachers], d->K, &t->graph,
			&t->input, &t->output, &t->order, e));
		TRY(method_input(l, field_of(t), &unused, e));
		const size_t theirs = shape_items(&t->graph->node[t->output].row);
		for (size_t k = 0; k < d->K; k++)
			if (t->order[k] >= theirs)
				return cvt_fail(e, CVT_INPUT,
					"%s: has %zu outputs, the student %zu; classes must agree",
					files->item[d->teachers], theirs, d->K);
	}
	return CVT_OK;
}

/* What the student imitates: a field of the stream, or what before() fills in. */
static int add_target(struct learner *l, struct cvt_err *e)
{
	struct distill *d = l->own;
	const struct shape row = {1, {d->K}};
	if (method_value(l, "teacher")->many.n == 0) {
		if (!method_field(l, "logits"))
			return cvt_fail(e, CVT_USAGE,
				"no teacher: say --teacher MODEL, or let the stream bring its "
				"logits "
				"(cv-embed -w MODEL --output logits --keep image,label)");
		return method_input(l, "logits", &d->target, e);
	}
	TRY(open_teachers(l, e));
	return graph_input(l->graph, "teacher", DT_F4, &row, &d->target, e);
}

static int add_loss(struct learner *l, double alpha, size_t *total, struct cvt_err *e)
{
	const struct distill *d = l->own;
	struct graph *g = l->graph;
	size_t in[3] = {d->student, d->target}, n = 2, imitate, label;
	TRY(method_weigh(l, in, &n, e));
	TRY(graph_op(g, "kl", "loss.teacher", in, n, &imitate, e, "temperature", d->T, GRAPH_END));
	*total = imitate;
	if (!method_field(l, "label"))
		return CVT_OK;
	TRY(method_loss(
		l, "cross-entropy", d->student, "label", l->facts->label_smoothing, &label, e));
	TRY(graph_op(
		g, "times", "loss.a", (size_t[]){imitate}, 1, &imitate, e, "F", alpha, GRAPH_END));
	TRY(graph_op(g, "times", "loss.b", (size_t[]){label}, 1, &label, e, "F", 1.0 - alpha,
		GRAPH_END));
	return graph_op(g, "sum", "loss", (size_t[]){imitate, label}, 2, total, e, GRAPH_END);
}

static int build(struct learner *l, struct cvt_err *e)
{
	struct distill *d = l->own = mem_alloc(1, sizeof *d, e);
	const double alpha = method_value(l, "alpha")->real;
	const struct net *net;
	size_t loss;
	if (!d)
		return CVT_SYSTEM;
	d->T = method_value(l, "temperature")->real;
	if (!(alpha >= 0.0 && alpha <= 1.0))
		return cvt_fail(
			e, CVT_USAGE, "--alpha: from 0 (labels only) to 1 (the teacher only)");
	TRY(method_net(l, NULL, &net, e));
	d->student = net->output;
	d->K = shape_items(&l->graph->node[net->output].row);
	TRY(add_target(l, e));
	TRY(add_loss(l, alpha, &loss, e));
	TRY(method_keep(l, d->student, e));
	return method_phase(l, "", loss, NULL, e);
}

static int prepare(struct learner *l, struct cvt_err *e)
{
	struct distill *d = l->own;
	if (d->teachers == 0)
		return CVT_OK;
	d->logits = mem_alloc(l->rows * d->K, sizeof *d->logits, e);
	if (!d->logits)
		return CVT_SYSTEM;
	for (size_t i = 0; i < d->teachers; i++) {
		struct teacher *t = &d->teacher[i];
		const struct plan_spec spec = {.rows = l->rows,
			.threads = par_threads(l->par),
			.keep = &t->output,
			.nkeep = 1,
			.loss = GRAPH_NONE,
			.fixed = true};
		TRY(plan_create(&t->plan, t->graph, &spec, e));
	}
	return CVT_OK;
}

/* p[k] += softmax(z / T) in our order of classes. */
static void add_softmax(const struct distill *d, const struct teacher *t, const float *z, float *p)
{
	float top = z[t->order[0]];
	double sum = 0.0;
	for (size_t k = 1; k < d->K; k++)
		top = fmaxf(top, z[t->order[k]]);
	for (size_t k = 0; k < d->K; k++)
		sum += exp(((double)z[t->order[k]] - (double)top) / d->T);
	for (size_t k = 0; k < d->K; k++)
		p[k] += (float)(exp(((double)z[t->order[k]] - (double)top) / d->T) / sum);
}

/* The logits of the mean of the teachers' distributions: T log p, up to a constant that softmax
 * does not see; one teacher's are taken as they are. */
static void mix(const struct distill *d, size_t rows)
{
	memset(d->logits, 0, rows * d->K * sizeof *d->logits);
	for (size_t i = 0; i < d->teachers; i++) {
		const struct teacher *t = &d->teacher[i];
		const size_t theirs = shape_items(&t->graph->node[t->output].row);
		const float *z = plan_value(t->plan, t->output);
		for (size_t r = 0; r < rows; r++)
			if (d->teachers == 1)
				for (size_t k = 0; k < d->K; k++)
					d->logits[r * d->K + k] = z[r * theirs + t->order[k]];
			else
				add_softmax(d, t, z + r * theirs, d->logits + r * d->K);
	}
	for (size_t i = 0; d->teachers > 1 && i < rows * d->K; i++)
		d->logits[i] = (float)(d->T * log(fmax((double)d->logits[i], 1e-30)));
}

static void before(struct learner *l, struct plan *p, const struct batch *rows,
	const struct run *run, double x)
{
	(void)x;
	struct distill *d = l->own;
	const struct run frozen = {
		.par = run->par, .seed = run->seed, .step = run->step, .profile = run->profile};
	if (d->teachers == 0)
		return;
	for (size_t i = 0; i < d->teachers; i++) {
		const struct teacher *t = &d->teacher[i];
		plan_bind(t->plan, t->input, batch_get(rows, field_of(t))->data);
		plan_forward(t->plan, &frozen, rows->rows);
	}
	mix(d, rows->rows);
	plan_bind(p, d->target, d->logits);
}

static void score(const struct learner *l, const struct plan *p, const struct batch *rows,
	struct score_sum *sum)
{
	const struct distill *d = l->own;
	const struct tensor *label = batch_get(rows, "label");
	if (label)
		score_accuracy(plan_value(p, d->student), d->K, label, batch_get(rows, "weight"),
			rows->rows, sum);
}

static void close(struct learner *l)
{
	struct distill *d = l->own;
	for (size_t i = 0; d && i < TEACHERS; i++) {
		plan_free(d->teacher[i].plan);
		graph_close(d->teacher[i].graph);
		free(d->teacher[i].order);
	}
	if (d)
		free(d->logits);
	free(d);
}

const struct method method_distill = {
	.name = "distill",
	.help = "a student imitates teachers' softened outputs (Hinton et al. 2015)",
	.options = {{"teacher", "FILE", "model to learn from; several give their mean", CLI_MANY,
			    0},
		{"temperature", "T", "divides logits (4), cosines (0.5), distances (root of D)",
			CLI_REAL, 4},
		{"alpha", "F", "share of the teacher in the loss, the rest is the labels'",
			CLI_REAL, 0.9}},
	.score_name = {{"accuracy", true}},
	.lr_factor = 0.5, /* T^2 KL has gradients up to T times those of cross-entropy */
	.clip_norm = 5,
	.build = build,
	.prepare = prepare,
	.before = before,
	.score = score,
	.close = close,
};
