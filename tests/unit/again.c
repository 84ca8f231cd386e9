/* Values that are computed a second time in backward (libcore/again.c) against plans that keep them: the
 * same gradients and running statistics to the bit, for one thread and three, full batches and not, rows
 * of two populations; that the operators which can are called again, and what that saves; and a plan in
 * another one's memory. */
#include "../../libcore/net.h"
#include "../../libcore/plan.h"
#include "../../libcore/profile.h"
#include "../../libcore/rng.h"
#include "networks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 5, STEPS = 3, OPS = 6 };
static int failures;

struct net_case {
	const char *name, *text; /* text: NULL = the zoo's */
	size_t side, channels;
	const char *op[OPS]; /* these are called again */
};

static const struct net_case cases[] = {
	{"resnet18", NULL, 16, 3, {"bn", "sum"}},
	{"resnet20", NULL, 16, 3, {"bn", "sum", "padc", "subsample"}},
	{"wrn-16-4", NULL, 8, 3, {"bn"}},
	{"mobilenet-v2", NULL, 32, 3, {"bn", "relu6"}},
	{"efficientnet-b0", NULL, 32, 3, {"bn"}},
	{"vit-tiny", NULL, 32, 3, {"ln"}},
	{"convnext-tiny", NULL, 32, 3, {"ln"}},
	{"unet-small", NULL, 16, 3, {"bn"}},
	{"densenet-small", NULL, 16, 3, {"bn"}},
	{"vgg11", NULL, 32, 3, {"dropout"}},
	{"dropped, twice, in a sum and in a cat",
		"c1: conv 20 3 | b1: bn | a: leaky | d1: dropout 0.3\n"
		"s1: { c2: conv 20 3 | b2: bn | d2: drop-path 0.4 , id , @a }\n"
		"t1: [ id , @a ] | c3: conv 8 3 | b3: bn | s2: { id , id } | s3: scale 2 | r1: "
		"relu6\n"
		"c4: conv 8 3 | r2: relu | flatten | f1: linear 5",
		9, 3, {"leaky", "dropout", "drop-path", "sum", "cat", "scale"}},
	{"from what is bound",
		"p1: padc 2 | r1: relu | c1: conv 8 3 | p2: padc 1 | c2: conv 4 1 | tokens\n"
		"s1: { l1: linear 4 , id } | n1: ln | l2: linear 2",
		7, 1, {"padc", "relu", "ln"}},
	{"what is read again much later",
		"c1: conv 16 3 | b1: bn | r1: relu | c2: conv 16 3 | b2: bn | r2: relu\n"
		"c3: conv 16 3 | b3: bn | r3: relu\n"
		"s1: { id , @r1 } | c4: conv 4 1 | flatten | f1: linear 3",
		8, 2, {"bn", "sum"}},
};

struct trial {
	struct arch *arch;
	struct graph *graph;
	struct net net;
	size_t image, target, loss;
	float *x, *y, *buffer;
};

static void check(bool good, const char *what)
{
	failures += !good;
	printf("%s %s\n", good ? "ok" : "not ok", what);
}

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

static struct plan *make_plan(const struct trial *t, unsigned threads, int again)
{
	struct cvt_err e = {0};
	struct plan_spec spec = {.rows = ROWS,
		.threads = threads,
		.loss = t->loss,
		.keep_grad = &t->image,
		.nkeep_grad = 1};
	struct plan *p;
	spec.again = again == AGAIN_ALWAYS ? AGAIN_ALWAYS : AGAIN_NEVER;
	need(plan_create(&p, t->graph, &spec, &e), &e);
	plan_bind(p, t->image, t->x);
	plan_bind(p, t->target, t->y);
	return p;
}

/* What steps of 5, 4 and 3 rows leave: gradients of all parameters, the running statistics, the
 * gradient of the pictures. Returns floats, how many in *n, and the plan's bytes. */
static float *steps(const struct trial *t, unsigned threads, int again, struct profile *profile,
	size_t *n, size_t *bytes)
{
	static const int32_t apart[ROWS] = {0, 1, 1, 0, 1};
	struct cvt_err e = {0};
	const struct graph *g = t->graph;
	const size_t items = ROWS * shape_items(&g->node[t->image].row);
	struct run run = {.train = true, .seed = 4, .profile = profile};
	struct plan *p = make_plan(t, threads, again);
	need(par_open(&run.par, threads, &e), &e);
	memset(g->grad, 0, g->weights * sizeof *g->grad);
	memcpy(g->buffer, t->buffer, g->buffers * sizeof *g->buffer);
	for (size_t s = 0; s < STEPS; s++) {
		run.step = s;
		run.apart = s == 1 ? apart : NULL;
		plan_forward(p, &run, ROWS - s);
		plan_backward(p, &run, ROWS - s);
	}
	*n = g->weights + g->buffers + items;
	*bytes = plan_bytes(p);
	float *all = mem_alloc(*n, sizeof *all, &e);
	if (!all)
		exit(1);
	memcpy(all, g->grad, g->weights * sizeof *all);
	memcpy(all + g->weights, g->buffer, g->buffers * sizeof *all);
	memcpy(all + g->weights + g->buffers, plan_grad(p, t->image),
		items / ROWS * (ROWS + 1 - STEPS) * sizeof *all);
	plan_free(p);
	par_close(run.par);
	return all;
}

static size_t calls_again(const struct profile *p, const char *op)
{
	for (size_t i = 0; i < p->rows; i++)
		if (strcmp(p->row[i].name, op) == 0 && strcmp(p->row[i].part, "again") == 0)
			return p->row[i].calls;
	return 0;
}

static void check_case(const struct net_case *c)
{
	static const unsigned threads[] = {1, 3};
	struct trial t;
	char what[200];
	bool same = true, called = true, smaller = true;
	open_trial(&t, c);
	for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
		struct profile once = {0}, twice = {0};
		size_t n, kept, given;
		float *want = steps(&t, threads[i], AGAIN_NEVER, &once, &n, &kept);
		float *got = steps(&t, threads[i], AGAIN_ALWAYS, &twice, &n, &given);
		same = same && memcmp(want, got, n * sizeof *got) == 0;
		smaller = smaller && given <= kept;
		for (size_t k = 0; k < OPS && c->op[k]; k++)
			called = called && calls_again(&twice, c->op[k]) > 0
				 && calls_again(&once, c->op[k]) == 0;
		free(want);
		free(got);
	}
	(void)snprintf(what, sizeof what, "%s: the same bits%s%s%s", c->name, same ? "" : " (not)",
		smaller ? "" : ", more memory", called ? "" : ", not called again");
	check(same && smaller && called, what);
	close_trial(&t);
}

/* ---- memory ------------------------------------------------------------------------ */

static double measure(const struct trial *t, size_t rows, int again)
{
	struct cvt_err e = {0};
	struct plan_spec spec = {.rows = rows, .threads = 1, .loss = t->loss};
	size_t bytes;
	spec.again = again == AGAIN_NEVER ? AGAIN_NEVER : AGAIN_WHERE_IT_PAYS;
	need(plan_measure(t->graph, &spec, &bytes, &e), &e);
	return (double)bytes / (1 << 20);
}

/* A step on 128 pictures of 32x32, in MiB; and a plan so small that nothing is gained. */
static void check_sizes(void)
{
	static const struct {
		const char *name;
		double most;
	} sizes[] = {{"resnet18", 420}, {"wrn-16-4", 310}, {"vit-tiny", 850}};
	char what[100];
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		const struct net_case c = {.name = sizes[i].name, .side = 32, .channels = 3};
		struct trial t;
		open_trial(&t, &c);
		const double kept = measure(&t, 128, AGAIN_NEVER);
		const double given = measure(&t, 128, AGAIN_WHERE_IT_PAYS);
		(void)snprintf(what, sizeof what, "%s: %.1f MiB, not %.1f; at most %g", c.name,
			given, kept, sizes[i].most);
		check(given <= sizes[i].most && given < 0.9 * kept, what);
		check(measure(&t, 2, AGAIN_WHERE_IT_PAYS) == measure(&t, 2, AGAIN_NEVER),
			"of two rows it keeps all");
		close_trial(&t);
	}
}

/* ---- one memory for two plans --------------------------------------------------------- */

static void check_lender(void)
{
	const struct net_case c = {.name = "resnet20", .side = 16, .channels = 3};
	const struct run run = {0}, train = {.train = true};
	struct cvt_err e = {0};
	struct trial t;
	struct plan *one, *own;
	open_trial(&t, &c);
	struct plan *lender = make_plan(&t, 1, AGAIN_ALWAYS);
	struct plan_spec spec = {
		.rows = ROWS, .threads = 1, .keep = &t.net.output, .nkeep = 1, .loss = GRAPH_NONE};
	need(plan_create(&own, t.graph, &spec, &e), &e);
	spec.lender = lender;
	need(plan_create(&one, t.graph, &spec, &e), &e);
	plan_bind(one, t.image, t.x);
	plan_bind(own, t.image, t.x);
	plan_forward(lender, &train, ROWS);
	plan_backward(lender, &train, ROWS);
	plan_forward(one, &run, ROWS);
	plan_forward(own, &run, ROWS);
	const size_t n = ROWS * shape_items(&t.graph->node[t.net.output].row);
	check(one->arena == lender->arena && own->arena != lender->arena,
		"a plan in the memory of another");
	check(memcmp(plan_value(one, t.net.output), plan_value(own, t.net.output),
		      n * sizeof(float))
			== 0,
		"has the same values");
	plan_free(one);
	spec.rows = 100 * ROWS;
	need(plan_create(&one, t.graph, &spec, &e), &e);
	check(one->arena != lender->arena, "unless that is too small");
	plan_free(one);
	plan_free(own);
	plan_free(lender);
	close_trial(&t);
}

int main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_case(&cases[i]);
	check_sizes();
	check_lender();
	return failures > 0;
}
