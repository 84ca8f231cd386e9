/*
 * opt: optimizers against PyTorch 1.13 (torch.optim.SGD, Adam, AdamW, and those of
 * tests/golden/make_opt.py; ten steps on five numbers with the gradient
 * g[k] = ((7 k + 3 t) mod 11 - 5) / 8), and the schedules against their formulas.
 */
#include "../../libcore/opt/opt.h"
#include "../../libcore/sched/sched.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N = 5, STEPS = 10 };

static int failures;

static void check(bool good, const char *what)
{
	printf("%sok %s\n", good ? "" : "not ", what);
	failures += !good;
}

struct golden {
	const char *name, *opt;
	struct opt_config config;
	double lr;
	float w[N]; /* after ten steps */
};

static const struct golden golden[] = {
	{"sgd", "sgd", {.momentum = 0}, 0.1,
		{0.537500024f, -1.26250005f, 1.9375f, 0.0260000005f, -0.325000018f}},
	{"sgd with momentum and weight decay", "sgd", {.momentum = 0.9, .weight_decay = 0.01}, 0.1,
		{0.801743984f, -1.43792188f, 1.78539443f, -0.0443828441f, -0.574847341f}},
	{"sgd with Nesterov momentum", "sgd",
		{.momentum = 0.9, .nesterov = true, .weight_decay = 5e-4}, 0.1,
		{0.832390308f, -1.47945642f, 1.81372583f, -0.0176573619f, -0.585559666f}},
	{"adam", "adam", {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.1}, 0.01,
		{0.521820426f, -1.25438297f, 1.95891583f, -0.0113055883f, -0.323076457f}},
	{"adamw", "adamw", {.beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-8, .weight_decay = 0.05},
		0.01, {0.522998273f, -1.26832759f, 1.99051416f, -0.00753938593f, -0.326513618f}},
};

#include "opt_golden.h"

static double norm(const float *x, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (double)x[i] * (double)x[i];
	return sqrt(sum);
}

/* Ten steps; scale is what gradients are given too large by, and grad_scale takes back. */
static void train(const struct golden *g, float scale, float *w)
{
	static const float start[N] = {0.5f, -1.25f, 2.0f, 0.001f, -0.3f};
	float grad[N] = {0}, state[OPT_STATES][N] = {{0}};
	const struct opt *o = opt_find(g->opt, NULL);
	memcpy(w, start, sizeof start);
	for (int t = 0; t < STEPS; t++) {
		for (int k = 0; k < N; k++)
			grad[k] += scale * (float)((k * 7 + t * 3) % 11 - 5) / 8.0f;
		const struct opt_step s = {.config = &g->config,
			.lr = g->lr,
			.decay = g->config.weight_decay,
			.grad_scale = 1.0f / scale,
			.grad_limit = INFINITY,
			.t = (uint64_t)t + 1,
			.w_norm = norm(w, N),
			.g_norm = norm(grad, N) / (double)scale};
		const struct opt_slice x = {
			.n = N, .w = w, .g = grad, .state = {state[0], state[1]}};
		o->update(&s, &x);
	}
}

static void check_golden(const struct golden *g)
{
	char what[120];
	float w[N], scaled[N];
	bool near = true;
	train(g, 1.0f, w);
	train(g, 4.0f, scaled);
	for (int k = 0; k < N; k++)
		near = near && fabsf(w[k] - g->w[k]) <= 3e-7f * (1.0f + fabsf(g->w[k]));
	(void)snprintf(what, sizeof what, "%s gives PyTorch's weights after ten steps", g->name);
	check(near, what);
	(void)snprintf(what, sizeof what, "%s takes the gradient times grad_scale", g->name);
	check(memcmp(w, scaled, sizeof w) == 0, what);
}

/* The filters of a convolution, as they lie in memory: inputs x outputs. */
static void check_muon(size_t k)
{
	const size_t n = 6, rows = muon_golden[k].rows, columns = muon_golden[k].columns;
	const struct opt_config c = {.nesterov = true, .muon = {0.24, 0.6, 3}};
	const struct opt *o = opt_find("muon", NULL);
	float w[6], g[6] = {0}, v[6] = {0}, work[64];
	bool near = o->matrix_work(rows, columns) <= 64;
	for (size_t i = 0; i < n; i++)
		w[i] = (float)sin(1.0 + (double)i);
	for (size_t t = 0; near && t < STEPS; t++) {
		for (size_t i = 0; i < n; i++)
			g[i] = ((float)((i * 7 + t * 3) % 11) - 5.0f) / 8.0f;
		const struct opt_step s = {.config = &c,
			.factor = 1,
			.grad_scale = 1,
			.grad_limit = INFINITY,
			.t = t + 1};
		o->matrix(&s, &(struct opt_slice){.n = n, .w = w, .g = g, .state = {v}}, rows,
			columns, work);
	}
	for (size_t i = 0; i < n; i++)
		near = near && fabsf(w[i] - muon_golden[k].w[i]) < 1e-4f && g[i] == 0.0f;
	check(near, "muon orthogonalises the filters' steps");
}

static void check_limit(void)
{
	float w[2] = {0, 0}, g[2] = {5, -0.25f}, v[2] = {0};
	const struct opt_config plain = {.momentum = 0};
	const struct opt_step s = {
		.config = &plain, .lr = 1, .grad_scale = 1, .grad_limit = 0.5f, .t = 1};
	opt_find("sgd", NULL)
		->update(&s, &(struct opt_slice){.n = 2, .w = w, .g = g, .state = {v}});
	check(w[0] == -0.5f && w[1] == 0.25f, "--clip-value clips each part");
	check(g[0] == 0.0f && g[1] == 0.0f, "the gradient is cleared on the way");
}

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-12;
}

static double factor(const char *text, double warmup, double from, double to, double epochs)
{
	struct sched_choice c = {.warmup_epochs = warmup};
	struct cvt_err e = {0};
	return sched_parse(&c, text, &e) ? NAN : sched_factor(&c, from, to, epochs);
}

static void check_schedules(void)
{
	check(near(factor("constant", 0, 7, 7.1, 10), 1), "constant");
	check(near(factor("cosine", 0, 0, 0.1, 10), 1) && near(factor("cosine", 0, 5, 5.1, 10), 0.5)
			&& near(factor("cosine", 0, 2.5, 2.6, 10), 0.5 * (1 + cos(acos(-1) / 4))),
		"cosine is half a wave");
	check(near(factor("step", 0, 4.9, 5, 10), 1) && near(factor("step", 0, 5, 5.1, 10), 0.1)
			&& near(factor("step", 0, 7.5, 7.6, 10), 0.01),
		"step falls at 1/2 and 3/4");
	check(near(factor("step=3,0.5", 0, 6.5, 6.6, 10), 0.25), "step=3,0.5 falls every 3 epochs");
	check(near(factor("exponential=0.9", 0, 2, 2.1, 10), 0.81), "exponential=0.9");
	check(near(factor("exponential", 0, 5, 5.1, 10), 0.1), "exponential ends at a hundredth");
	check(near(factor("reciprocal=2", 0, 3, 3.1, 10), 1.0 / 7), "reciprocal=2");
	check(near(factor("one-cycle", 0, 0, 0.1, 10), 0.04)
			&& near(factor("one-cycle", 0, 2.5, 2.6, 10), 1)
			&& factor("one-cycle", 0, 9.9, 10, 10) < 0.02,
		"one-cycle goes up to a quarter of the way, then down");
	check(near(factor("cosine", 2, 0, 0.01, 10), 0.005)
			&& near(factor("cosine", 2, 1.99, 2, 10), 1)
			&& near(factor("cosine", 2, 6, 6.1, 10), 0.5),
		"warm-up rises in a straight line, and the schedule begins after it");
}

/* The rates of torch.optim.lr_scheduler at epochs 0 to 11 (PyTorch 1.13). */
static const struct {
	const char *text;
	double factor[12];
} schedules[] = {
	{"multistep=0.2,3,7", {1, 1, 1, .2, .2, .2, .2, .04, .04, .04, .04, .04}},
	{"polynomial=0.9",
		{1, 0.924677511, 0.848666147, 0.771889507, 0.694253163, 0.615637569, 0.535886731,
			0.454788927, 0.372041058, 0.287174589, 0.199371866, 0.106840738}},
	{"cosine-restarts=3,2", {1, 0.75, 0.25, 1, 0.933012702, 0.75, 0.5, 0.25, 0.0669872981, 1,
					0.982962913, 0.933012702}},
	{"triangular=2,0.1", {.1, .55, 1, .55, .1, .55, 1, .55, .1, .55, 1, .55}},
};

static void check_torch_schedules(void)
{
	for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++) {
		bool good = true;
		for (int t = 0; t < 12; t++)
			good = good
			       && fabs(factor(schedules[i].text, 0, t, t + 0.1, 12)
					  - schedules[i].factor[t])
					  < 1e-8;
		check(good, schedules[i].text);
	}
	check(near(factor("cosine-restarts", 0, 4, 4.1, 12), 1)
			&& near(factor("multistep", 0, 6, 6.1, 12), 0.1)
			&& near(factor("one-cycle=0,1,0", 0, 3, 3.1, 12), 0.75),
		"periods, milestones and lines that nothing is said about");
	/* OneCycleLR of eight steps, and of so many that a step is nothing */
	static const double eight[8] = {0.04, 0.819275105, 0.971941777, 0.811745654, 0.555984014,
		0.283060998, 0.0766415938, 4e-6};
	bool good = true;
	for (int t = 0; t < 8; t++)
		good = good && fabs(factor("one-cycle-cosine", 0, t, t + 1, 8) - eight[t]) < 1e-6;
	check(good && near(factor("one-cycle-cosine", 0, 1.5, 1.5, 10), 0.52)
			&& near(factor("one-cycle-cosine=0.5,0,0", 0, 7.5, 7.5, 10), 0.5),
		"one-cycle-cosine");
	struct sched_choice c = {.warmup_epochs = 2, .warmup_exponential = true};
	check(!sched_parse(&c, "constant", NULL) && near(sched_factor(&c, 0, 1, 9), 0.1)
			&& near(sched_factor(&c, 1, 2, 9), 1),
		"exponential warm-up");
}

static void check_words(void)
{
	struct cvt_err e = {0};
	struct sched_choice c = {0};
	check(sched_parse(&c, "cosin", &e) == CVT_USAGE && strstr(e.text, "'cosine'"),
		"a mistyped schedule is told the nearest");
	check(sched_parse(&c, "step=3,x", &e) == CVT_USAGE,
		"a schedule's numbers are read strictly");
	check(sched_parse(&c, "step=-1", &e) == CVT_USAGE, "and must not be below 0");
	static const char *const wrong[] = {"constant=1", "cosine=0.5", "step=0", "step=1,0.1,2",
		"one-cycle=2", "one-cycle=.3,.04,.001,7", "one-cycle-cosine=0.3,2",
		"cosine-restarts=0", "cosine-restarts=2,0.5", "triangular=0", "triangular=1,2",
		"polynomial=1,2", "multistep=.1,1,2,3,4,5,6,7,8"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		check(sched_parse(&c, wrong[i], &e) == CVT_USAGE, wrong[i]);
	check(!opt_find("adamm", &e) && strstr(e.text, "'adam"), "a mistyped optimizer, likewise");
}

int main(void)
{
	for (size_t i = 0; i < sizeof golden / sizeof *golden; i++)
		check_golden(&golden[i]);
	for (size_t i = 0; i < sizeof more_golden / sizeof *more_golden; i++)
		check_golden(&more_golden[i]);
	if (opt_find("muon", NULL)->matrix_open(1, NULL) == CVT_OK)
		for (size_t i = 0; i < 2; i++)
			check_muon(i);
	check_limit();
	check_schedules();
	check_torch_schedules();
	check_words();
	return failures != 0;
}
