/*
 * prototypes: the loss of prototypical networks: Snell, Swersky and Zemel, "Prototypical networks
 * for few-shot learning", NIPS 2017. In an episode, class k has the prototype c_k, the mean of the
 * support vectors of that class; a query q of class y costs
 *
 *     -log softmax_k(-|q - c_k|^2 / T)_y = |q - c_y|^2 / T + log sum_k exp(-|q - c_k|^2 / T).
 *
 * Inputs: vectors (one a row, or several), label (i4), role (i4: 0 support, 1 query) and perhaps
 * group: rows of one number, one after the other, are an episode; without it the batch is one. The
 * loss is the mean over all queries. A vector whose label or role is below 0, and a query whose
 * class has no support, count nothing.
 *
 * Dimensions: D of a vector, V vectors a row, M = rows x V.
 */
#include "loss.h"

#include <math.h>
#include <string.h>

/* save: the number of queries; then for each vector, D floats of a prototype and numbers (whole ones
 * are exact below 2^24). Prototype k of an episode that begins with vector a lies at a + k. */
enum {
	QUERIES = 0,
	WHOLE = 1,
	START = 0, /* of a vector: the first of its episode */
	CLASS,     /* which prototype is its class's; -1 = it counts nothing */
	COST,      /* of a query */
	LOG_SUM,   /* likewise: log sum exp */
	COUNT,     /* of a prototype: support vectors; 0 = there are no more of them */
	FIRST,     /* likewise: one of these vectors */
	NUMBERS
};

struct episodes {
	const struct nn_io *io;
	size_t M, V, D;
	const float *x;
	const int32_t *label, *role;
	float *save, *prototype;
	double T;
	float unit;  /* backward: what a query's cost weighs */
	float *pull; /* backward: gradients of the prototypes */
};

static struct episodes look(const struct nn_io *io)
{
	struct episodes s = {
		.io = io, .x = io->x[0], .label = nn_input(io, 1), .role = nn_input(io, 2)};
	s.V = nn_vectors(nn_row(io, 0));
	s.D = nn_last(nn_row(io, 0));
	s.M = nn_input_rows(io, 0) * s.V;
	s.save = io->save + WHOLE;
	s.prototype = s.save + NUMBERS * s.M;
	s.T = io->node->arg[0].a;
	s.pull = io->work;
	return s;
}

static float *at(const struct episodes *s, int number, size_t v)
{
	return &s->save[(size_t)number * s->M + v];
}

static size_t whole(const struct episodes *s, int number, size_t v)
{
	return (size_t)*at(s, number, v);
}

static int64_t group_of(const struct episodes *s, size_t row)
{
	const void *group = nn_input(s->io, 3);
	return s->io->graph->node[s->io->node->in[3]].dtype == DT_I8
		       ? ((const int64_t *)group)[row]
		       : ((const int32_t *)group)[row];
}

static size_t episode_end(const struct episodes *s, size_t first)
{
	size_t row = first / s->V;
	if (s->io->node->nin < 4)
		return s->M;
	for (const int64_t group = group_of(s, row); row * s->V < s->M && group_of(s, row) == group;
		row++)
		;
	return row * s->V;
}

/* |a - b|^2 */
static double distance(const float *a, const float *b, size_t D)
{
	double sum = 0;
	for (size_t i = 0; i < D; i++) {
		const double d = (double)a[i] - (double)b[i];
		sum += d * d;
	}
	return sum;
}

/* ---- who belongs where ------------------------------------------------------------- */

/* Prototype k has vectors. */
static bool is_taken(const struct episodes *s, size_t k)
{
	return *at(s, COUNT, k) > 0;
}

/* The prototype of that label in the episode from vector a on; the next free one if there is none. */
static size_t find_class(const struct episodes *s, size_t a, size_t end, int32_t label)
{
	size_t k = a;
	while (k < end && is_taken(s, k) && s->label[whole(s, FIRST, k)] != label)
		k++;
	return k;
}

static void add_support(const struct episodes *s, size_t v, size_t k)
{
	float *c = s->prototype + k * s->D;
	if (*at(s, COUNT, k) == 0) {
		*at(s, FIRST, k) = (float)v;
		memset(c, 0, s->D * sizeof *c);
	}
	*at(s, COUNT, k) += 1;
	*at(s, CLASS, v) = (float)k;
	for (size_t i = 0; i < s->D; i++)
		c[i] += s->x[v * s->D + i];
}

/* Prototypes of the episode [a, end), and the class of each of its vectors. */
static void sort_episode(const struct episodes *s, size_t a, size_t end)
{
	for (size_t v = a; v < end; v++) {
		*at(s, START, v) = (float)a;
		*at(s, CLASS, v) = -1;
		*at(s, COST, v) = *at(s, COUNT, v) = 0;
	}
	for (size_t v = a; v < end; v++)
		if (s->role[v] == 0 && s->label[v] >= 0)
			add_support(s, v, find_class(s, a, end, s->label[v]));
	for (size_t k = a; k < end && is_taken(s, k); k++)
		for (size_t i = 0; i < s->D; i++)
			s->prototype[k * s->D + i] /= *at(s, COUNT, k);
	for (size_t v = a; v < end; v++) {
		if (s->role[v] != 1 || s->label[v] < 0)
			continue;
		const size_t k = find_class(s, a, end, s->label[v]);
		if (k < end && is_taken(s, k))
			*at(s, CLASS, v) = (float)k;
	}
}

static bool is_query(const struct episodes *s, size_t v)
{
	return s->role[v] == 1 && *at(s, CLASS, v) >= 0;
}

/* The prototypes of v's episode begin at its start and end where this is false. */
static bool is_prototype(const struct episodes *s, size_t v, size_t k)
{
	return k < s->M && *at(s, START, k) == *at(s, START, v) && is_taken(s, k);
}

/* ---- running ----------------------------------------------------------------------- */

/* Runs work over all vectors in blocks that depend on nothing but their number. */
enum { BLOCK = 16 };
static void each_block(struct episodes *s, void (*work)(void *, size_t, unsigned))
{
	par_for(s->io->run->par, par_blocks(s->M, BLOCK), work, s);
}

/* log sum exp in one pass: the sum is kept relative to the largest so far. */
static void query_cost(const struct episodes *s, size_t v)
{
	const float *q = s->x + v * s->D;
	double top = -INFINITY, sum = 0, own = 0;
	for (size_t k = whole(s, START, v); is_prototype(s, v, k); k++) {
		const double logit = -distance(q, s->prototype + k * s->D, s->D) / s->T;
		if (k == whole(s, CLASS, v))
			own = logit;
		sum = logit > top ? sum * exp(top - logit) + 1 : sum + exp(logit - top);
		top = logit > top ? logit : top;
	}
	const double log_sum = sum == 0 ? top : top + log(sum);
	*at(s, LOG_SUM, v) = (float)log_sum;
	*at(s, COST, v) = (float)(log_sum - own);
}

static void forward_block(void *context, size_t block, unsigned thread)
{
	const struct episodes *s = context;
	size_t first;
	const size_t end = par_span(s->M, BLOCK, block, &first) + first;
	(void)thread;
	for (size_t v = first; v < end; v++)
		if (is_query(s, v))
			query_cost(s, v);
}

static void forward(const struct nn_io *io)
{
	struct episodes s = look(io);
	double sum = 0, queries = 0;
	for (size_t a = 0, end; a < s.M; a = end) {
		end = episode_end(&s, a);
		sort_episode(&s, a, end);
	}
	each_block(&s, forward_block);
	for (size_t v = 0; v < s.M; v++) {
		sum += (double)*at(&s, COST, v);
		queries += is_query(&s, v);
	}
	io->save[QUERIES] = (float)queries;
	io->y[0] = queries == 0 ? 0 : (float)(sum / queries);
}

/* to += 2 / T x unit (softmax_k - [k = y]) (q - c_k): what query v does to prototype k, and, with the
 * other sign, k to v. */
static void pull(const struct episodes *s, size_t v, size_t k, double sign, double *to)
{
	const float *q = s->x + v * s->D, *c = s->prototype + k * s->D;
	const double logit = -distance(q, c, s->D) / s->T;
	const double p = exp(logit - (double)*at(s, LOG_SUM, v)) - (k == whole(s, CLASS, v));
	const double factor = sign * 2 / s->T * (double)s->unit * p;
	for (size_t i = 0; i < s->D; i++)
		to[i] += factor * ((double)q[i] - (double)c[i]);
}

static void copy_down(const double *sum, float *to, size_t D, double factor, bool add)
{
	for (size_t i = 0; i < D; i++)
		nn_put(&to[i], (float)(factor * sum[i]), add);
}

/* Gradients of prototypes, a sum over the queries of their episode, and of queries. */
static void backward_block(void *context, size_t block, unsigned thread)
{
	const struct episodes *s = context;
	double *sum = (double *)(void *)(s->io->thread_work + thread * s->io->thread_stride);
	size_t first;
	const size_t end = par_span(s->M, BLOCK, block, &first) + first;
	for (size_t v = first; v < end; v++) {
		const size_t a = whole(s, START, v);
		memset(sum, 0, s->D * sizeof *sum);
		for (size_t q = a; *at(s, COUNT, v) > 0 && q < s->M && whole(s, START, q) == a; q++)
			if (is_query(s, q))
				pull(s, q, v, 1, sum);
		copy_down(sum, s->pull + v * s->D, s->D, 1, false);
		memset(sum, 0, s->D * sizeof *sum);
		for (size_t k = a; is_query(s, v) && is_prototype(s, v, k); k++)
			pull(s, v, k, -1, sum);
		copy_down(sum, s->io->dx[0] + v * s->D, s->D, 1, s->io->add[0]);
	}
}

static void add_supports(const struct episodes *s)
{
	float *dx = s->io->dx[0];
	for (size_t v = 0; v < s->M; v++) {
		if (s->role[v] != 0 || *at(s, CLASS, v) < 0)
			continue;
		const size_t k = whole(s, CLASS, v);
		for (size_t i = 0; i < s->D; i++)
			dx[v * s->D + i] += s->pull[k * s->D + i] / *at(s, COUNT, k);
	}
}

static void backward(const struct nn_io *io)
{
	struct episodes s = look(io);
	if (!io->dx[0])
		return;
	s.unit = io->save[QUERIES] == 0 ? 0 : io->dy[0] / io->save[QUERIES];
	each_block(&s, backward_block);
	add_supports(&s);
}

/* ---- the node ---------------------------------------------------------------------- */

static int check_words(
	const struct graph *g, const struct node *n, size_t i, size_t items, struct cvt_err *e)
{
	const struct node *in = &g->node[n->in[i]];
	const bool whole_number = in->dtype == DT_I4 || (i == 3 && in->dtype == DT_I8);
	if (!whole_number || shape_items(&in->row) != items || in->mult != g->node[n->in[0]].mult)
		return cvt_fail(e, CVT_INPUT, "prototypes: input %zu must be one whole number a %s",
			i + 1, i == 3 ? "row" : "vector");
	return CVT_OK;
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	if (n->nin < 3 || n->nin > 4)
		return cvt_fail(e, CVT_USAGE,
			"prototypes: takes vectors, label, role and perhaps group, not %zu inputs",
			n->nin);
	if (!(n->arg[0].a > 0))
		return cvt_fail(e, CVT_USAGE, "prototypes: temperature must be above 0, not %g",
			n->arg[0].a);
	TRY(nn_need_float(g, n, 0, e));
	const struct shape *x = nn_input_shape(g, n, 0);
	const size_t V = nn_vectors(x), D = nn_last(x), mult = g->node[n->in[0]].mult;
	for (size_t i = 1; i < n->nin; i++)
		TRY(check_words(g, n, i, i == 3 ? 1 : V, e));
	n->row = (struct shape){0};
	n->mult = 0;
	n->save_whole = WHOLE;
	n->save_row = mult * V * (NUMBERS + D);
	n->work_row = mult * V * D;
	n->work_thread = 2 * D; /* doubles */
	return CVT_OK;
}

const struct nn_op loss_prototypes = {
	.name = "prototypes",
	.help = "queries by their distance to the means of their episode's classes (Snell et al.)",
	.inputs = -1,
	.flags = NN_BACK_X,
	.arg = {{"temperature", 1, false, false, false, "divides the squared distances"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
