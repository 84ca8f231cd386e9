/* Max pooling: the kernels of every kind of processor against plain loops, to the bit, with ties, zeros,
 * NaN and infinities, and nothing written beside; and a relu that a plan leaves to the pool behind it
 * against one that runs: the same values and gradients, to the bit. */
#include "../../libcore/net.h"
#include "../../libcore/profile.h"
#include "../../libcore/rng.h"
#include "../../libcore/simd.h"
#include "networks.h"
#include "processors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3, MOST = 1 << 14, PLACES = 9, NUMBER = 77 };
static const float untouched = 12345.5F;
static int failures;

static void check(bool good, const char *what)
{
	failures += !good;
	printf("%s %s\n", good ? "ok" : "not ok", what);
}

/* ---- kernels ------------------------------------------------------------------------- */

/* Windows of k x k places, `stride` apart, in a map of C channels. */
struct pool_case {
	size_t c, k, stride, rows, n;
};

struct values {
	float x[MOST], y[MOST], dx[MOST];
	uint8_t winner[MOST];
};

/* Few different numbers, so that many are equal. */
static void fill(float *x, size_t n)
{
	struct rng r;
	rng_for(&r, 3, RNG_METHOD, 0, 0);
	for (size_t i = 0; i < n; i++) {
		const uint64_t kind = rng_below(&r, 40);
		x[i] = (float)(int)rng_below(&r, 7) - 4;
		x[i] = kind == 0 ? NAN : kind == 1 ? -INFINITY : kind == 2 ? INFINITY : x[i];
	}
}

static void start(struct values *v)
{
	for (size_t i = 0; i < MOST; i++)
		v->y[i] = v->dx[i] = untouched;
	memset(v->winner, NUMBER, sizeof v->winner);
}

/* What one place of the result is: value and number. */
static uint8_t largest(const struct simd_pool *p, const float *x, float *y)
{
	size_t won = 0;
	for (size_t t = 1; t < p->taps; t++)
		if (x[p->tap[t]] > x[p->tap[won]] || x[p->tap[t]] != x[p->tap[t]])
			won = t;
	*y = x[p->tap[won]];
	if (!p->relu)
		return p->number[won];
	const bool above = *y > 0;
	*y = *y < 0 ? 0 : *y;
	return above ? p->number[won] : SIMD_NO_WINNER;
}

static void plain(const struct simd_pool *p, const float *dy, bool add, struct values *v)
{
	for (size_t i = 0; i < p->rows * p->n * p->c; i++) {
		const size_t k = i % p->c, w = i / p->c % p->n, r = i / p->c / p->n;
		const size_t from = r * p->x_row + w * p->x_step + k,
			     to = r * p->y_row + w * p->c + k;
		v->winner[to] = largest(p, v->x + from, &v->y[to]);
		for (size_t t = 0; t < p->taps; t++) {
			float *dx = &v->dx[from + p->tap[t]];
			const float d = v->winner[to] == p->number[t] ? dy[to] : 0;
			*dx = add ? *dx + d : d;
		}
	}
}

static bool same_values(const struct values *a, const struct values *b)
{
	return memcmp(a->y, b->y, sizeof a->y) == 0 && memcmp(a->dx, b->dx, sizeof a->dx) == 0
	       && memcmp(a->winner, b->winner, sizeof a->winner) == 0;
}

static bool kernels_agree(const struct simd *s, const struct pool_case *c, bool relu, bool add)
{
	static struct values want, got;
	static float dy[MOST];
	size_t tap[PLACES];
	uint8_t number[PLACES];
	const size_t line = ((c->n - 1) * c->stride + c->k) * c->c + 5;
	for (size_t t = 0; t < c->k * c->k; t++) {
		tap[t] = t / c->k * line + t % c->k * c->c;
		number[t] = (uint8_t)(t + 1);
	}
	const struct simd_pool p = {c->rows, c->stride * line, c->n * c->c + 3, c->n,
		c->stride * c->c, c->c, c->k * c->k, c->k, tap, number, relu};
	fill(want.x, MOST);
	fill(got.x, MOST);
	for (size_t i = 0; i < MOST; i++)
		dy[i] = (float)(i % 97) + 1;
	start(&want);
	start(&got);
	plain(&p, dy, add, &want);
	s->pool_max(&p, got.x, got.y, got.winner);
	s->pool_max_back(&p, dy, got.winner, got.dx, add);
	const bool good = same_values(&want, &got);
	for (size_t i = 0; i < MOST; i++)
		got.y[i] = untouched;
	s->pool_max(&p, got.x, got.y, NULL); /* no gradient follows */
	return good && memcmp(want.y, got.y, sizeof got.y) == 0;
}

static void check_kernels(void)
{
	static const size_t channels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 24, 32};
	static const size_t shapes[][2] = {{2, 2}, {3, 3}, {3, 2}, {2, 1}, {1, 1}};
	static const char *const names[] = {"portable", "avx2", "avx512", "amx"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct simd *s = simd_named(names[i]);
		char what[100];
		bool good = true;
		for (size_t k = 0; s && k < sizeof channels / sizeof *channels; k++)
			for (size_t h = 0; h < 5; h++)
				for (size_t n = 1; n <= 14; n++)
					for (int how = 0; how < 4; how++) {
						const struct pool_case c = {channels[k],
							shapes[h][0], shapes[h][1], 3, n};
						const bool apart = c.k <= c.stride;
						const bool add = (how & 1) || !apart;
						good = kernels_agree(s, &c, how & 2, add) && good;
					}
		(void)snprintf(what, sizeof what, "kernels, %s%s", names[i], s ? "" : " # skip");
		check(good, what);
	}
}

/* ---- a relu before a pool -------------------------------------------------------------- */

static const struct {
	const char *text;
	size_t runs; /* relus that still run: others read them, too */
} networks[] = {
	{"l1: conv 6 5 pad=2 | relu | maxpool 2\nconv 16 5 pad=0 | relu | maxpool 2\nflatten | "
	 "linear "
	 "5",
		0},
	{"l2: conv 3 3 | relu | maxpool 3 stride=2 pad=1 | l3: conv 20 3 | relu | maxpool 3x2 "
	 "ceil=1\n"
	 "flatten | l4: linear 5",
		0},
	{"relu | maxpool 3 | l5: conv 5 3 | relu | maxpool 2 pad=1 ceil=1 | flatten | l6: linear 5",
		0},
	{"l7: conv 7 3 | relu | { maxpool 2 stride=1 , l8: conv 7 2 pad=0 } | relu | maxpool 4\n"
	 "flatten | l9: linear 5",
		1},
	{"l10: conv 4 3 | { ( relu | maxpool 2 ) , ( leaky | maxpool 2 ) } | flatten | l11: linear "
	 "5",
		0},
};

struct trial {
	struct arch *arch;
	struct graph *graph;
	struct net net;
	size_t image, target, loss, relu;
	float *x, *y;
};

static void open_trial(struct trial *t, const char *text)
{
	struct cvt_err e = {0};
	const struct shape row = {3, {15, 13, 2}};
	*t = (struct trial){0};
	t->arch = open_arch("pools", text, &row);
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
}

static void close_trial(struct trial *t)
{
	net_free(&t->net);
	graph_close(t->graph);
	arch_free(t->arch);
	free(t->x);
	free(t->y);
}

/* The loss, all parameters' gradients and the picture's, one behind the other; with `runs` every relu's
 * value is kept, so that each runs. */
static float *learn(const struct trial *t, bool runs, unsigned threads, size_t *n, size_t *calls)
{
	struct cvt_err e = {0};
	const struct graph *g = t->graph;
	const size_t items = ROWS * shape_items(&g->node[t->image].row);
	size_t keep[64], nkeep = 0;
	struct profile profile = {0};
	struct run run = {.train = true, .profile = &profile};
	struct plan *p;
	keep[nkeep++] = t->loss;
	for (size_t i = 0; i < g->n && runs && nkeep < 64; i++)
		if (strcmp(g->node[i].op->name, "relu") == 0)
			keep[nkeep++] = i;
	const struct plan_spec spec = {.rows = ROWS,
		.threads = threads,
		.keep = keep,
		.nkeep = nkeep,
		.loss = t->loss,
		.keep_grad = &t->image,
		.nkeep_grad = 1};
	need(plan_create(&p, t->graph, &spec, &e), &e);
	need(par_open(&run.par, threads, &e), &e);
	plan_bind(p, t->image, t->x);
	plan_bind(p, t->target, t->y);
	memset(g->grad, 0, g->weights * sizeof *g->grad);
	plan_forward(p, &run, ROWS);
	plan_backward(p, &run, ROWS);
	*n = 1 + g->weights + items;
	float *all = mem_alloc(*n, sizeof *all, &e);
	if (!all)
		exit(1);
	all[0] = *plan_value(p, t->loss);
	memcpy(all + 1, g->grad, g->weights * sizeof *all);
	memcpy(all + 1 + g->weights, plan_grad(p, t->image), items * sizeof *all);
	*calls = 0;
	for (size_t i = 0; i < profile.rows; i++)
		if (strcmp(profile.row[i].name, "relu") == 0
			&& strcmp(profile.row[i].part, "forward") == 0)
			*calls += profile.row[i].calls;
	plan_free(p);
	par_close(run.par);
	return all;
}

/* Equal but for the sign of a 0. */
static bool equal(const float *a, const float *b, size_t n)
{
	bool same = true;
	for (size_t i = 0; i < n; i++)
		same = same && a[i] == b[i];
	return same;
}

static void check_fusion(void)
{
	for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
		struct trial t;
		char what[400];
		size_t n, before, one, three;
		open_trial(&t, networks[i].text);
		float *want = learn(&t, true, 1, &n, &before);
		float *got = learn(&t, false, 1, &n, &one);
		float *more = learn(&t, false, 3, &n, &three);
		(void)snprintf(
			what, sizeof what, "network %zu: %zu relu run, not %zu", i, one, before);
		check(equal(want, got, n) && memcmp(got, more, n * sizeof *got) == 0
				&& one == networks[i].runs && three == one && before > 0,
			what);
		free(want);
		free(got);
		free(more);
		close_trial(&t);
	}
}

int main(void)
{
	check_kernels();
	return on_processors(check_fusion, &failures) | (failures != 0);
}
