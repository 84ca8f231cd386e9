/*
 * Every operator's backward against differences of its forward, through the graph and its plan.
 *
 * Each case is built in sixteen ways (enum way): its inputs bound, or values of the graph's own, so
 * that operators work in place and gradients share memory; each input read a second time, so that
 * gradients add up; two batches stacked; in training and in evaluation. A probe turns the output
 * into one number by a random projection, in double; one element at a time moves by H and 2 H to
 * both sides (five-point rule, error H^4). Fewer rows than the plan has room for are run, from
 * arrays that end where the rows do; parameters' gradients begin at an offset, as they must add.
 * One, two and three threads must give the same bits.
 */
#include "../../libcore/loss/loss.h"
#include "../../libcore/nn/nn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../libcore/rng.h"
#include "../../libcore/simd.h"
#include "gradcheck_cases.h"
#include "gradcheck_input.h"
#include "processors.h"

enum {
	ROOM = 5,
	INPUTS = 8,
	PROBES = 1 + INPUTS,
	SAMPLES = 16,
	LARGE = 2048,
	POOLS = 3,
	PROJECTIONS = 8191
};
enum way { OWN = 1, AGAIN = 2, STACKED = 4, EVAL = 8, WAYS = 16 };

static const double H = 0.01, tolerance = 2e-3, offset = 0.25;
static struct par *pool[POOLS];
static double probed[PROBES]; /* what the probes saw in the last run */

static void die(const struct cvt_err *e)
{
	printf("not ok %s\n", e->text);
	exit(1);
}

/* ---- the probe: a loss that is linear in its input --------------------------------- */

/* Fixed pseudo-random factors in -1..1. */
static float projection[PROJECTIONS];

static void draw_projection(void)
{
	struct rng r;
	rng_for(&r, 2, RNG_METHOD, 2, 2);
	for (size_t i = 0; i < PROJECTIONS; i++)
		projection[i] = rng_between(&r, -1, 1);
}

static int probe_shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	(void)g;
	(void)e;
	n->row = (struct shape){0};
	n->mult = 0;
	return CVT_OK;
}

static void probe_forward(const struct nn_io *io)
{
	const size_t items = nn_input_rows(io, 0) * nn_row_items(io, 0);
	double sum = 0;
	for (size_t i = 0; i < items; i++)
		sum += (double)projection[i % PROJECTIONS] * (double)io->x[0][i];
	probed[(size_t)io->node->arg[0].a] = sum;
	io->y[0] = (float)sum;
}

static void probe_backward(const struct nn_io *io)
{
	const size_t items = nn_input_rows(io, 0) * nn_row_items(io, 0);
	for (size_t i = 0; i < items; i++)
		nn_put(&io->dx[0][i], io->dy[0] * projection[i % PROJECTIONS], io->add[0]);
}

static const struct nn_op probe = {
	.name = "probe",
	.inputs = 1,
	.arg = {{"slot", 0, false, false, false, ""}},
	.shape = probe_shape,
	.forward = probe_forward,
	.backward = probe_backward,
};

struct trial {
	const struct gradcheck_case *c;
	unsigned way;
	struct graph *graph;
	struct plan *plan;
	size_t n, side; /* inputs; probes beside the first */
	struct input in[INPUTS];
	size_t op, loss;
};

/* ---- building ---------------------------------------------------------------------- */

static size_t add(struct trial *t, const char *op, const char *path, const size_t *in, size_t nin,
	const struct nn_value *args, size_t nargs)
{
	struct cvt_err e = {0};
	size_t node;
	if (graph_add(t->graph, op ? nn_find(op) : &probe, path, in, nin, args, nargs, &node, &e))
		die(&e);
	return node;
}

static size_t add_number(struct trial *t, const char *op, size_t in, double value)
{
	struct nn_value args[NN_ARGS] = {{value, value, NULL, true}};
	return add(t, op, "part", &in, 1, args, 1);
}

static struct nn_value read_value(const struct nn_arg *a, const char *text)
{
	char *end;
	struct nn_value v = {.given = true};
	if (a && a->word) {
		v.word = text;
		return v;
	}
	v.a = v.b = strtod(text, &end);
	if (*end == 'x')
		v.b = strtod(end + 1, NULL);
	return v;
}

/* "5 3 stride=2" into args; words point into text. */
static size_t read_args(const struct nn_op *op, char *text, struct nn_value args[NN_ARGS])
{
	size_t positional = 0;
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		char *value = strchr(word, '=');
		size_t i = positional;
		if (value) {
			*value++ = '\0';
			for (i = 0; op->arg[i].name && strcmp(op->arg[i].name, word) != 0; i++)
				;
		} else {
			positional++;
		}
		args[i] = read_value(&op->arg[i], value ? value : word);
	}
	return positional;
}

static size_t bound_input(struct trial *t, const char *text, struct rng *r)
{
	struct cvt_err e = {0};
	struct input *in = &t->in[t->n++];
	read_input(in, text, r);
	if (graph_input(t->graph, "input", in->dtype, &in->row, &in->node, &e))
		die(&e);
	return in->node;
}

/* The case's input k as the way wants it. */
static size_t make_input(struct trial *t, const char *text, struct rng *r)
{
	size_t node = bound_input(t, text, r);
	if ((t->way & STACKED) && text[0] != 'v') /* weights that all copies of a row share */
		node = add(t, "stack", "stacked", (size_t[]){node, bound_input(t, text, r)}, 2,
			NULL, 0);
	if ((t->way & OWN) && t->graph->node[node].dtype == DT_F4)
		node = add_number(t, "times", node, 1.25);
	return node;
}

/* The sum of all probes is the loss. */
static void add_probes(struct trial *t, const size_t *in, size_t nin)
{
	size_t sum[PROBES], n = 0;
	size_t y = t->op;
	if ((t->way & OWN) && t->graph->node[y].dtype == DT_F4)
		y = add_number(t, "times", y, 0.75);
	sum[n++] = add_number(t, NULL, y, 0);
	for (size_t k = 0; (t->way & AGAIN) && k < nin; k++)
		if (t->graph->node[in[k]].dtype == DT_F4) {
			const size_t half = add_number(t, "times", in[k], 0.5);
			sum[n] = add_number(t, NULL, half, (double)n);
			n++;
		}
	t->side = n - 1;
	t->loss = add(t, "sum", "loss", sum, n, NULL, 0);
}

static void randomise_parameters(struct graph *g)
{
	struct rng r;
	rng_for(&r, 3, RNG_METHOD, 1, 1);
	graph_init_params(g, 1);
	for (size_t p = 0; p < g->nparams; p++)
		for (size_t i = 0; i < g->param[p].items; i++) {
			float *w = &param_data(g, p)[i];
			if (g->param[p].kind == PARAM_BUFFER)
				*w += 0.5f * rng_uniform(&r);
			else
				*w = *w * 0.5f + 0.3f * rng_normal(&r);
		}
}

static void make_plan(struct trial *t, bool inputs, bool params)
{
	struct cvt_err e = {0};
	size_t want[INPUTS], n = 0;
	bool *train = mem_alloc(t->graph->nparams, sizeof *train, &e);
	for (size_t i = 0; inputs && i < t->n; i++)
		if (t->in[i].wanted)
			want[n++] = t->in[i].node;
	for (size_t p = 0; p < t->graph->nparams; p++)
		train[p] = params;
	const struct plan_spec spec = {.rows = ROOM,
		.threads = POOLS,
		.keep = &t->op,
		.nkeep = 1,
		.loss = t->loss,
		.train_param = train,
		.keep_grad = want,
		.nkeep_grad = n};
	plan_free(t->plan);
	if (plan_create(&t->plan, t->graph, &spec, &e))
		die(&e);
	for (size_t i = 0; i < t->n; i++)
		plan_bind(t->plan, t->in[i].node, t->in[i].data);
	free(train);
}

static void build(struct trial *t, const struct gradcheck_case *c, unsigned way)
{
	struct cvt_err e = {0};
	struct rng r;
	size_t in[4], nin = 0;
	struct nn_value args[NN_ARGS] = {{0}};
	char text[100];
	*t = (struct trial){.c = c, .way = way};
	rng_for(&r, 1, RNG_METHOD, way, 0);
	if (graph_open(&t->graph, &e))
		die(&e);
	for (size_t k = 0; k < 4 && c->in[k]; k++)
		in[nin++] =
			c->in[k][0] == '=' ? in[c->in[k][1] - '0'] : make_input(t, c->in[k], &r);
	(void)snprintf(text, sizeof text, "%s", c->args);
	const size_t nargs = read_args(nn_find(c->op), text, args);
	t->op = add(t, c->op, "op", in, nin, args, nargs);
	add_probes(t, in, nin);
	if (graph_finish(t->graph, &e))
		die(&e);
	randomise_parameters(t->graph);
}

static void end_trial(struct trial *t)
{
	plan_free(t->plan);
	graph_close(t->graph);
	for (size_t i = 0; i < t->n; i++)
		free(t->in[i].data);
}

/* ---- checking ---------------------------------------------------------------------- */

static void forward(struct trial *t, struct par *p)
{
	const struct run run = {.par = p, .train = !(t->way & EVAL), .seed = 11, .step = 13};
	plan_forward(t->plan, &run, ROWS);
}

static void backward(struct trial *t, struct par *p)
{
	const struct run run = {.par = p, .train = !(t->way & EVAL), .seed = 11, .step = 13};
	for (size_t i = 0; i < t->graph->weights; i++)
		t->graph->grad[i] = (float)offset;
	plan_backward(t->plan, &run, ROWS);
}

/* What the gradient should be of the loss: the operator's own part may be turned round or stopped.
 */
static double loss_seen(const struct trial *t)
{
	const double f = t->c->factor;
	double sum = probed[0] * (f == 0 ? 1 : f == NONE ? 0 : f);
	for (size_t i = 1; i <= t->side; i++)
		sum += probed[i];
	return sum;
}

static double difference(struct trial *t, float *x)
{
	static const double weight[] = {1, -8, 8, -1}, at[] = {-2, -1, 1, 2};
	const float was = *x;
	double sum = 0;
	for (size_t i = 0; i < 4; i++) {
		*x = (float)((double)was + at[i] * H);
		forward(t, NULL);
		sum += weight[i] * loss_seen(t);
	}
	*x = was;
	return sum / (12 * H);
}

/* Compares up to SAMPLES elements; the error is measured by the largest gradient of the array. */
static bool check_array(
	struct trial *t, const char *what, float *x, const float *grad, size_t n, double start)
{
	const size_t stride = n / (n > LARGE ? SAMPLES / 4 : SAMPLES) + 1;
	double top = 0.05, worst = 0, seen = 0, wanted = 0;
	for (size_t i = 0; i < n; i++)
		top = fmax(top, fabs((double)grad[i] - start));
	for (size_t i = 0; i < n; i += stride) {
		const double d = difference(t, &x[i]), g = (double)grad[i] - start;
		if (!(fabs(d - g) <= worst)) {
			worst = fabs(d - g);
			seen = g;
			wanted = d;
		}
	}
	if (worst <= tolerance * top)
		return true;
	printf("# %s %s (way %u): gradient of %s is %g, not %g\n", t->c->op, t->c->args, t->way,
		what, seen, wanted);
	return false;
}

/* The value, and all gradients, end to end; the caller frees. */
static float *results(struct trial *t, struct par *p, size_t *n)
{
	const struct graph *g = t->graph;
	const struct node *op = &g->node[t->op];
	const size_t items = shape_items(&op->row) * (op->mult ? op->mult * ROWS : 1);
	size_t all = items + g->weights;
	for (size_t i = 0; i < t->n; i++)
		all += t->in[i].items;
	float *r = calloc(all, sizeof *r), *at = r;
	forward(t, p);
	memcpy(at, plan_value(t->plan, t->op), items * sizeof *r);
	at += items;
	backward(t, p);
	for (size_t i = 0; i < t->n; at += t->in[i++].items)
		if (plan_grad(t->plan, t->in[i].node))
			memcpy(at, plan_grad(t->plan, t->in[i].node), t->in[i].items * sizeof *r);
	memcpy(at, g->grad, g->weights * sizeof *r);
	*n = all;
	return r;
}

/* Forward moves over the gradients' memory: they are copied before. */
static bool check_gradients(struct trial *t)
{
	const struct graph *g = t->graph;
	size_t n;
	float *all = results(t, pool[0], &n);
	const float *grad = all + n - g->weights;
	bool good = true;
	for (size_t p = 0; p < g->nparams; p++)
		if (g->param[p].kind != PARAM_BUFFER)
			good &= check_array(t, g->param[p].name, param_data(g, p),
				grad + g->param[p].offset, g->param[p].items, offset);
	for (size_t i = t->n; i-- > 0;) {
		grad -= t->in[i].items;
		if (t->in[i].wanted)
			good &= check_array(t, t->in[i].kind == 'w' ? "weights" : "input",
				t->in[i].data, grad, t->in[i].items, 0);
	}
	free(all);
	return good;
}

static bool check_threads(struct trial *t)
{
	size_t n;
	float *one = results(t, pool[0], &n);
	bool same = true;
	for (size_t k = 1; k < POOLS; k++) {
		float *more = results(t, pool[k], &n);
		same &= memcmp(one, more, n * sizeof *one) == 0;
		free(more);
	}
	free(one);
	if (!same)
		printf("# %s %s (way %u): other bits with other threads\n", t->c->op, t->c->args,
			t->way);
	return same;
}

/* Gradients do not depend on which others are wanted. */
static bool check_wanted(struct trial *t)
{
	size_t n;
	bool same = true;
	float *both = results(t, NULL, &n);
	make_plan(t, false, true);
	float *params = results(t, NULL, &n);
	make_plan(t, true, false);
	float *inputs = results(t, NULL, &n);
	const size_t w = n - t->graph->weights;
	same &= t->graph->weights == 0 || memcmp(both + w, params + w, (n - w) * sizeof *both) == 0;
	same &= t->n == 0 || memcmp(both, inputs, w * sizeof *both) == 0;
	for (size_t i = w; i < n; i++)
		same &= inputs[i] == (float)offset;
	free(both);
	free(params);
	free(inputs);
	if (!same)
		printf("# %s %s (way %u): a gradient changes with what is wanted\n", t->c->op,
			t->c->args, t->way);
	return same;
}

static bool check_way(const struct gradcheck_case *c, unsigned way)
{
	struct trial t;
	if ((way & STACKED) && (!c->in[0] || strcmp(c->op, "stack") == 0))
		return true;
	build(&t, c, way);
	make_plan(&t, true, true);
	bool good = check_gradients(&t);
	good &= check_threads(&t);
	good &= check_wanted(&t);
	end_trial(&t);
	return good;
}

static bool check_op(const struct nn_op *op)
{
	size_t found = 0;
	bool good = true;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (strcmp(cases[i].op, op->name) != 0)
			continue;
		found++;
		for (unsigned way = 0; way < WAYS; way++)
			good &= check_way(&cases[i], way);
	}
	printf("%s gradient of %s, %zu cases\n", good && found ? "ok" : "not ok", op->name, found);
	return good && found;
}

static int failures;

static void check_all(void)
{
	struct cvt_err e = {0};
	printf("on %s\n", simd()->name);
	draw_projection();
	for (unsigned i = 0; i < POOLS; i++)
		if (par_open(&pool[i], i + 1, &e))
			die(&e);
	for (size_t i = 0; nn_ops[i]; i++)
		failures += !check_op(nn_ops[i]);
	for (size_t i = 0; loss_ops[i]; i++)
		failures += !check_op(loss_ops[i]);
	for (size_t i = 0; i < POOLS; i++)
		par_close(pool[i]);
}

int main(void)
{
	return on_processors(check_all, &failures);
}
