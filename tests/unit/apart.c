/* Batch norm over two populations (run.apart) against itself on each population alone: the same values,
 * gradients that add up, running statistics of the second; one population that is named is no other
 * than one that is not; the same bits for any number of threads. */
#include "../../libcore/net.h"
#include "../../libcore/rng.h"
#include "networks.h"
#include "processors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 7, SIDE = 5, CHANNELS = 3, PIXELS = SIDE * SIDE * CHANNELS, CLASSES = 4 };
static const double tolerance = 2e-5;
static const int32_t mixed[ROWS] = {0, 1, 1, 0, 1, 0, 1}, second[ROWS] = {1, 1, 1, 1, 1, 1, 1};
static int failures;

static const char text[] = "input image 5 5 3\nconv 20 3 | a: bn | relu\nconv 18 3 | b: bn\n"
			   "flatten | linear 12 | c: bn | relu | linear classes\n";

struct trial {
	struct arch *arch;
	struct graph *graph;
	struct net net;
	struct plan *plan;
	struct par *par;
	size_t image, label, loss;
};

static void expect(bool good, const char *what)
{
	failures += !good;
	printf("%s %s\n", good ? "ok" : "not ok", what);
}

static void open_trial(struct trial *t, unsigned threads)
{
	struct cvt_err e = {0};
	const struct shape row = {3, {SIDE, SIDE, CHANNELS}}, one = {0};
	*t = (struct trial){0};
	need(arch_parse(&t->arch, "apart", text, &e), &e);
	need(arch_let(t->arch, "classes", CLASSES, &e), &e);
	need(graph_open(&t->graph, &e), &e);
	need(graph_input(t->graph, "image", DT_F4, &row, &t->image, &e), &e);
	need(graph_input(t->graph, "label", DT_I4, &one, &t->label, &e), &e);
	const struct net_spec spec = {.input = &t->image, .inputs = 1};
	need(net_build(&t->net, t->graph, t->arch, &spec, &e), &e);
	need(graph_op(t->graph, "cross-entropy", "loss", (size_t[]){t->net.output, t->label}, 2,
		     &t->loss, &e, GRAPH_END),
		&e);
	need(graph_finish(t->graph, &e), &e);
	graph_init_params(t->graph, 3);
	need(par_open(&t->par, threads, &e), &e);
	const struct plan_spec plan = {.rows = ROWS,
		.threads = threads,
		.keep = &t->net.output,
		.nkeep = 1,
		.loss = t->loss};
	need(plan_create(&t->plan, t->graph, &plan, &e), &e);
}

static void close_trial(struct trial *t)
{
	plan_free(t->plan);
	par_close(t->par);
	net_free(&t->net);
	graph_close(t->graph);
	arch_free(t->arch);
}

/* Both domains of a batch: the second is brighter and has less contrast. */
static float image[ROWS * PIXELS];
static int32_t label[ROWS];

static void draw(void)
{
	struct rng r;
	rng_for(&r, 6, RNG_METHOD, 0, 0);
	for (size_t i = 0; i < (size_t)ROWS * PIXELS; i++)
		image[i] = mixed[i / PIXELS] ? 2 + 0.3F * rng_normal(&r) : rng_normal(&r);
	for (size_t i = 0; i < ROWS; i++)
		label[i] = (int32_t)(i % CLASSES);
}

/* A step on the rows of one population (-1 = all, which are said to be `apart`). */
static size_t step(const struct trial *t, int32_t which, const int32_t *apart)
{
	static float x[ROWS * PIXELS];
	static int32_t y[ROWS];
	const struct run run = {.par = t->par, .train = true, .apart = apart};
	size_t n = 0;
	for (size_t i = 0; i < ROWS; i++) {
		if (which >= 0 && mixed[i] != which)
			continue;
		memcpy(x + n * PIXELS, image + i * PIXELS, PIXELS * sizeof *x);
		y[n++] = label[i];
	}
	memset(t->graph->grad, 0, t->graph->weights * sizeof *t->graph->grad);
	plan_bind(t->plan, t->image, x);
	plan_bind(t->plan, t->label, y);
	plan_forward(t->plan, &run, n);
	plan_backward(t->plan, &run, n);
	return n;
}

static bool close_to(const float *a, const float *b, size_t n)
{
	double worst = 0, top = 1e-6;
	for (size_t i = 0; i < n; i++) {
		const double d = fabs((double)a[i] - (double)b[i]);
		worst = d <= worst ? worst : isnan(d) ? INFINITY : d;
		top = fmax(top, fabs((double)b[i]));
	}
	return worst <= tolerance * top;
}

static bool same_values(const struct trial *all, const struct trial *alone, int32_t which)
{
	const float *a = plan_value(all->plan, all->net.output),
		    *b = plan_value(alone->plan, alone->net.output);
	bool same = true;
	for (size_t i = 0, n = 0; i < ROWS; i++)
		if (mixed[i] == which)
			same = same && close_to(a + i * CLASSES, b + n++ * CLASSES, CLASSES);
	return same;
}

static bool same_bits(const struct trial *a, const struct trial *b)
{
	return memcmp(a->graph->grad, b->graph->grad, a->graph->weights * sizeof(float)) == 0
	       && memcmp(a->graph->buffer, b->graph->buffer, a->graph->buffers * sizeof(float))
			  == 0;
}

static void check_all(void)
{
	struct cvt_err e = {0};
	struct trial all, alone[2], other;
	draw();
	open_trial(&all, 1);
	step(&all, -1, mixed);
	const size_t weights = all.graph->weights;
	float *sum = mem_alloc(weights, sizeof *sum, &e);
	if (!sum)
		exit(1);
	for (int32_t k = 0; k < 2; k++) {
		open_trial(&alone[k], 1);
		const float share = (float)step(&alone[k], k, NULL) / ROWS;
		expect(same_values(&all, &alone[k], k), "values of a population alone");
		for (size_t i = 0; i < weights; i++)
			sum[i] += share * alone[k].graph->grad[i];
	}
	expect(close_to(all.graph->grad, sum, weights), "gradients add up");
	expect(close_to(all.graph->buffer, alone[1].graph->buffer, all.graph->buffers),
		"running statistics of the second");
	open_trial(&other, 3);
	step(&other, -1, mixed);
	expect(same_bits(&all, &other), "three threads");
	close_trial(&other);
	open_trial(&other, 1);
	step(&other, -1, NULL);
	expect(!same_bits(&all, &other), "not what the mixture gives");
	close_trial(&all);
	open_trial(&all, 1);
	step(&all, -1, second);
	expect(same_bits(&all, &other), "one population, named or not");
	free(sum);
	close_trial(&all);
	close_trial(&other);
	close_trial(&alone[0]);
	close_trial(&alone[1]);
}

int main(void)
{
	return on_processors(check_all, &failures);
}
