/* Fixed plans against those of training, in evaluation: the same values but for rounding, over networks
 * of the zoo and texts that fold in every way; the same bits for any number of threads and whichever
 * rows are beside a row; and what was folded does not run. For every kind of processor. */
#include "../../libcore/net.h"
#include "../../libcore/profile.h"
#include "../../libcore/rng.h"
#include "networks.h"
#include "processors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3, KEEP = 4 };
static const double tolerance = 2e-5; /* of the largest value */
static int failures;

struct net_case {
	const char *name, *text; /* text: NULL = the zoo's */
	size_t side, channels;
	const char *keep[KEEP]; /* stages that are read, too */
	size_t bn, sum, relu;   /* how many of them still run */
};

static const struct net_case cases[] = {
	{"resnet18", NULL, 16, 3, {0}, 0, 0, 0},
	{"resnet18", NULL, 16, 3, {"layer1.0.bn1", "layer2.0.bn2", "layer3.0"}, 0, 0, 1},
	{"resnet20", NULL, 32, 3, {0}, 0, 2, 0},
	{"wrn-16-4", NULL, 12, 3, {0}, 6, 0, 0},
	{"mobilenet-v2", NULL, 32, 3, {0}, 0, 0, 0},
	{"densenet-small", NULL, 16, 3, {0}, 21, 0, 0},
	{"unet-small", NULL, 16, 3, {0}, 0, 0, 0},
	{"lenet5", NULL, 28, 1, {"fc1"}, 0, 0, 1},
	{"vit-tiny", NULL, 32, 3, {0}, 0, 1, 0},
	{"branches that end in drop-path",
		"conv 20 3 | a: relu\n{ p: conv 20 3 | bn | d: drop-path 0.2 } | b: relu\n"
		"{ q: conv 20 3 | drop-path 0.2 | dropout } | relu\ngap | flatten | linear classes",
		9, 3, {"b"}, 0, 0, 0},
	{"the end of such a branch, read by itself",
		"conv 20 3 | relu\n{ p: conv 20 3 | bn | d: drop-path 0.2 } | relu\n"
		"{ q: linear 20 | e: drop-path 0.5 }\ngap | flatten | linear classes",
		9, 3, {"d", "e"}, 0, 2, 0},
	{"a kept value of each kind",
		"a: conv 20 3 | b: bn | relu\n{ c: conv 20 3 | d: bn , id } | e: relu\ngap | "
		"flatten | linear classes",
		9, 3, {"a", "b", "c", "d"}, 2, 1, 1},
	{"groups, strides, a window beyond the border",
		"conv 24 3 groups=3 | bn | relu\nconv 24 5 stride=2 groups=24 | bn | relu\n"
		"conv 16 1x3 stride=2x1 pad=0x2 bias=0 | bn\n{ p: conv 16 3 , q: conv 16 1 } | "
		"relu",
		11, 3, {0}, 0, 0, 0},
	{"maps smaller than their window",
		"conv 20 3 | maxpool 4 | a: conv 40 3 | bn | relu\n{ b: conv 40 3 , id } | relu\n"
		"conv 17 5 pad=2 | conv 33 3 stride=2 pad=1 | bn | relu\nconv 9 3",
		9, 3, {"a"}, 1, 0, 0},
	{"transposed", "conv 20 3 | tconv 20 4 stride=2 pad=1 | bn | relu | tconv 17 3 | bn | relu",
		7, 4, {0}, 0, 0, 0},
	{"vectors", "flatten | linear 33 | bn | relu\n{ linear 33 bias=0 , id } | relu | linear 7",
		5, 3, {0}, 0, 0, 0},
	{"an input in a sum, one value twice", "{ conv 3 3 , id } | relu\n{ id , id }", 6, 3, {0},
		0, 1, 0},
};

struct trial {
	struct arch *arch;
	struct graph *graph;
	struct net net;
	size_t input, keep[KEEP + 1], nkeep;
	float *x;
};

/* Statistics and norms that are not those of the start. */
static void shake(struct graph *g)
{
	struct rng r;
	rng_for(&r, 5, RNG_METHOD, 0, 0);
	for (size_t i = 0; i < g->nparams; i++) {
		float *p = param_data(g, i);
		const bool positive = strstr(g->param[i].name, "running_var") != NULL;
		if (g->param[i].kind == PARAM_WEIGHT)
			continue;
		for (size_t k = 0; k < g->param[i].items; k++)
			p[k] += (positive ? 0.5F : 0.2F)
				* (positive ? rng_uniform(&r) : rng_normal(&r));
	}
}

static void open_trial(struct trial *t, const struct net_case *c)
{
	struct cvt_err e = {0};
	const struct shape row = {3, {c->side, c->side, c->channels}};
	*t = (struct trial){0};
	t->arch = open_arch(c->name, c->text, &row);
	need(graph_open(&t->graph, &e), &e);
	need(graph_input(t->graph, "image", DT_F4, &row, &t->input, &e), &e);
	const struct net_spec spec = {.input = &t->input, .inputs = 1};
	need(net_build(&t->net, t->graph, t->arch, &spec, &e), &e);
	need(graph_finish(t->graph, &e), &e);
	graph_init_params(t->graph, 3);
	shake(t->graph);
	t->keep[t->nkeep++] = t->net.output;
	for (size_t i = 0; i < KEEP && c->keep[i]; i++)
		need(net_stage(&t->net, c->keep[i], &t->keep[t->nkeep++], &e), &e);
	t->x = normals(ROWS * shape_items(&row), 6);
}

static void close_trial(struct trial *t)
{
	net_free(&t->net);
	graph_close(t->graph);
	arch_free(t->arch);
	free(t->x);
}

/* Values of all that is kept, end to end, of rows first..first+n. */
static float *values(const struct trial *t, bool fixed, unsigned threads, size_t span, size_t first,
	size_t n, struct profile *profile)
{
	struct cvt_err e = {0};
	const struct plan_spec spec = {.rows = ROWS,
		.threads = threads,
		.keep = t->keep,
		.nkeep = t->nkeep,
		.loss = GRAPH_NONE,
		.fixed = fixed,
		.span = span};
	struct plan *p;
	struct run run = {.profile = profile};
	size_t floats = 0;
	need(par_open(&run.par, threads, &e), &e);
	need(plan_create(&p, t->graph, &spec, &e), &e);
	plan_bind(p, t->input, t->x + first * shape_items(&t->graph->node[t->input].row));
	plan_forward(p, &run, n);
	plan_forward(p, &run, n); /* nothing is left over from the first time */
	for (size_t i = 0; i < t->nkeep; i++)
		floats += n * shape_items(&t->graph->node[t->keep[i]].row);
	float *all = mem_alloc(floats, sizeof *all, &e);
	if (!all)
		exit(1);
	for (size_t i = 0, at = 0; i < t->nkeep; i++) {
		const size_t m = n * shape_items(&t->graph->node[t->keep[i]].row);
		memcpy(all + at, plan_value(p, t->keep[i]), m * sizeof *all);
		at += m;
	}
	plan_free(p);
	par_close(run.par);
	return all;
}

/* The largest difference, in the largest value of what is kept; of a NaN, too much. */
static double difference(const struct trial *t, const float *a, const float *b)
{
	double most = 0;
	for (size_t i = 0; i < t->nkeep; i++) {
		const size_t n = ROWS * shape_items(&t->graph->node[t->keep[i]].row);
		double top = 1e-6, worst = 0;
		for (size_t k = 0; k < n; k++) {
			const double d = fabs((double)a[k] - (double)b[k]);
			top = fmax(top, fabs((double)a[k]));
			worst = d <= worst ? worst : d > worst ? d : INFINITY;
		}
		most = fmax(most, worst / top);
		a += n;
		b += n;
	}
	return most;
}

/* Row r alone has the bits it had among others. */
static bool alone(const struct trial *t, const float *all, size_t r)
{
	float *one = values(t, true, 1, ROWS, r, 1, NULL);
	const float *got = one;
	bool same = true;
	for (size_t i = 0; i < t->nkeep; i++) {
		const size_t n = shape_items(&t->graph->node[t->keep[i]].row);
		same = same && memcmp(got, all + r * n, n * sizeof *got) == 0;
		got += n;
		all += ROWS * n;
	}
	free(one);
	return same;
}

/* Calls in one of the two passes. */
static size_t calls(const struct profile *p, const char *name)
{
	for (size_t i = 0; i < p->rows; i++)
		if (strcmp(p->row[i].name, name) == 0)
			return p->row[i].calls / 2;
	return 0;
}

static void check_case(const struct net_case *c)
{
	struct trial t;
	struct profile profile = {0};
	open_trial(&t, c);
	float *want = values(&t, false, 1, ROWS, 0, ROWS, NULL);
	float *got = values(&t, true, 1, ROWS, 0, ROWS, &profile);
	float *three = values(&t, true, 3, 2, 0, ROWS, NULL);
	size_t n = 0;
	for (size_t i = 0; i < t.nkeep; i++)
		n += ROWS * shape_items(&t.graph->node[t.keep[i]].row);
	const double d = difference(&t, want, got);
	const bool threads = memcmp(got, three, n * sizeof *got) == 0, rows = alone(&t, got, 1);
	const size_t bn = calls(&profile, "bn"), sum = calls(&profile, "sum"),
		     relu = calls(&profile, "relu");
	const bool folded = bn == c->bn && sum == c->sum && relu == c->relu;
	const bool good = d <= tolerance && threads && rows && folded;
	failures += !good;
	printf("%s %s: differs by %.1e%s%s, %zu bn, %zu sum, %zu relu run\n",
		good ? "ok" : "not ok", c->name, d, threads ? "" : ", by threads",
		rows ? "" : ", by rows beside it", bn, sum, relu);
	free(want);
	free(got);
	free(three);
	close_trial(&t);
}

static void check_all(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_case(&cases[i]);
}

int main(void)
{
	return on_processors(check_all, &failures);
}
