/* Plans that share memory between values, and between gradients, and that fold one operator into another,
 * against plans where the caller keeps every value and every gradient, so that each has memory of its own:
 * the same gradients of all parameters to the bit. */
#include "../../libcore/net.h"
#include "../../libcore/plan.h"
#include "../../libcore/rng.h"
#include "networks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3 };
static int failures;

struct net_case {
	const char *name, *text; /* text: NULL = the zoo's */
	size_t side, channels;
};

static const struct net_case cases[] = {
	{"vit-tiny", NULL, 32, 3},
	{"convnext-tiny", NULL, 32, 3},
	{"resnet20", NULL, 16, 3},
	{"wrn-16-4", NULL, 8, 3},
	{"mobilenet-v2", NULL, 32, 3},
	{"unet-small", NULL, 16, 3},
	{"densenet-small", NULL, 16, 3},
	{"branches",
		"tokens | { a: linear 3 | drop-path 0 } | { b: ln | c: linear 3 | id | drop-path 0 "
		"}\n"
		"{ d: ln | e: attention 3 | drop-path 0.4 } | f: linear 4",
		6, 3},
	{"what goes around comes first",
		"tokens | a: linear 6 | { id , ( b: ln | c: linear 6 ) } | { d: linear 6 , e: ln "
		"}\n"
		"{ f: linear 6 , g: linear 6 } | h: ln",
		6, 3},
	{"values with further readers",
		"tokens | a: linear 6 | b: { c: ln | d: linear 6 | drop-path 0 } | e: { id , @b.d "
		"}\n"
		"f: { g: ln | h: linear 6 , @b , @a } | i: { @f , @f.h } | j: { id , @e }",
		6, 3},
	{"a branch with another reader",
		"tokens | a: linear 6 | b: linear 6 | @a | c: linear 6 | d: ln | e: { @b , @c }\n"
		"{ id , @d } | f: linear 6",
		6, 3},
	{"in place, and the same twice",
		"a: conv 4 3 | { b: conv 4 3 | relu } | { c: conv 4 3 , @a } | { id , id }\n"
		"{ d: bn | e: conv 4 3 } | { relu } | { f: conv 4 1 | leaky } | flatten | g: "
		"linear 3",
		6, 3},
	{"a view of another shape",
		"a: conv 4 1 | flatten | { b: linear 144 | reshape 144 } | c: linear 3", 6, 3},
	{"a part without gradient",
		"tokens | a: linear 6 | { b: ln | c: linear 6 | stop } | { d: linear 6 , stop } | "
		"e: ln",
		6, 3},
};

static void check(bool good, const char *what)
{
	failures += !good;
	printf("%s %s\n", good ? "ok" : "not ok", what);
}

struct trial {
	struct arch *arch;
	struct graph *graph;
	struct net net;
	size_t image, target, loss;
	float *x, *y, *buffer;
};

/* A network and its squared distance from a target. */
static void open_trial(struct trial *t, const struct net_case *c)
{
	struct cvt_err e = {0};
	const struct shape row = {3, {c->side, c->side, c->channels}};
	*t = (struct trial){0};
	t->arch = open_arch(c->name, c->text, &row);
	need(graph_open(&t->graph, &e), &e);
	need(graph_input(t->graph, "image", DT_F4, &row, &t->image, &e), &e);
	const struct net_spec spec = {.input = &t->image, .inputs = 1};
	need(net_build(&t->net, t->graph, t->arch, &spec, &e), &e);
	const struct shape out = t->graph->node[t->net.output].row;
	need(graph_input(t->graph, "target", DT_F4, &out, &t->target, &e), &e);
	need(graph_op(t->graph, "mse", "loss", (size_t[]){t->net.output, t->target}, 2, &t->loss,
		     &e, GRAPH_END),
		&e);
	need(graph_finish(t->graph, &e), &e);
	graph_init_params(t->graph, 3);
	t->x = normals(ROWS * shape_items(&row), 5);
	t->y = normals(ROWS * shape_items(&out), 6);
	t->buffer = mem_alloc(t->graph->buffers, sizeof *t->buffer, NULL);
	if (!t->buffer)
		exit(1);
	memcpy(t->buffer, t->graph->buffer, t->graph->buffers * sizeof *t->buffer);
}

static void close_trial(struct trial *t)
{
	net_free(&t->net);
	graph_close(t->graph);
	arch_free(t->arch);
	free(t->x);
	free(t->y);
	free(t->buffer);
}

/* The gradients that a step leaves; the caller frees. `apart`: all values and gradients are kept. */
static float *step(const struct trial *t, bool apart, size_t *bytes)
{
	struct cvt_err e = {0};
	const struct graph *g = t->graph;
	const struct run run = {.train = true, .seed = 4};
	struct plan *p;
	size_t *all = mem_alloc(g->n, sizeof *all, &e);
	float *grad = mem_alloc(g->weights, sizeof *grad, &e);
	if (!all || !grad)
		exit(1);
	for (size_t i = 0; i < g->n; i++)
		all[i] = i;
	const struct plan_spec spec = {.rows = ROWS,
		.threads = 1,
		.loss = t->loss,
		.keep = all,
		.nkeep = apart ? g->n : 0,
		.keep_grad = all,
		.nkeep_grad = apart ? g->n : 0,
		.again = AGAIN_NEVER};
	need(plan_create(&p, t->graph, &spec, &e), &e);
	plan_bind(p, t->image, t->x);
	plan_bind(p, t->target, t->y);
	memset(g->grad, 0, g->weights * sizeof *g->grad);
	memcpy(g->buffer, t->buffer, g->buffers * sizeof *g->buffer);
	plan_forward(p, &run, ROWS);
	plan_backward(p, &run, ROWS);
	memcpy(grad, g->grad, g->weights * sizeof *grad);
	*bytes = plan_bytes(p);
	plan_free(p);
	free(all);
	return grad;
}

static void check_case(const struct net_case *c)
{
	struct trial t;
	char what[200];
	size_t shared, apart;
	open_trial(&t, c);
	float *got = step(&t, false, &shared), *want = step(&t, true, &apart);
	const bool same = memcmp(got, want, t.graph->weights * sizeof *got) == 0;
	(void)snprintf(what, sizeof what, "%s: %s bits, %s memory", c->name,
		same ? "the same" : "other", shared < apart ? "less" : "no less");
	check(same && shared < apart, what);
	free(got);
	free(want);
	close_trial(&t);
}

int main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_case(&cases[i]);
	return failures > 0;
}
