/*
 * conv: how fast convolutions are, a layer at a time, as a share of this machine's peak measured at
 * the same moment. usage: [BF16=1] conv [BATCH [THREADS [layers...]]]. Columns: forward, the same with
 * weights prepared (a fixed plan's), gradient of the input, gradient of the weights, both gradients in
 * one pass, in operations of the direct way: what Winograd's leaves out counts as done. With BF16 in
 * the environment operands are rounded to bfloat16; the peak is still that of floats.
 */
#include "../../libcore/graph.h"
#include "../../libcore/profile.h"
#include "../../libcore/simd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPEATS = 7 };

struct layer {
	const char *name;
	size_t h, c, o, k, stride, groups;
};

static const struct layer layers[] = {
	{"resnet20 first", 32, 3, 16, 3, 1, 1},
	{"resnet20 16", 32, 16, 16, 3, 1, 1},
	{"resnet20 16-32 /2", 32, 16, 32, 3, 2, 1},
	{"resnet20 32", 16, 32, 32, 3, 1, 1},
	{"resnet20 32-64 /2", 16, 32, 64, 3, 2, 1},
	{"resnet20 64", 8, 64, 64, 3, 1, 1},
	{"lenet 1", 28, 1, 6, 5, 1, 1},
	{"lenet 2", 14, 6, 16, 5, 1, 1},
	{"resnet18 64", 32, 64, 64, 3, 1, 1},
	{"resnet18 128", 16, 128, 128, 3, 1, 1},
	{"resnet18 256", 8, 256, 256, 3, 1, 1},
	{"resnet18 512", 4, 512, 512, 3, 1, 1},
	{"1x1 64-256", 16, 64, 256, 1, 1, 1},
	{"1x1 256-64", 16, 256, 64, 1, 1, 1},
	{"depthwise 64", 32, 64, 64, 3, 1, 64},
	{"depthwise 96 /2", 32, 96, 96, 3, 2, 96},
	{"depthwise 144", 16, 144, 144, 3, 1, 144},
	{"depthwise 384", 4, 384, 384, 3, 1, 384},
	{"depthwise 960", 2, 960, 960, 3, 1, 960},
	{"depthwise 19", 32, 19, 19, 3, 1, 19},
	{"depthwise 240 5x5", 8, 240, 240, 5, 1, 240},
	{"depthwise 96 7x7", 16, 96, 96, 7, 1, 96},
};

/* Processor time: others use the machine, too. */
static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct bench {
	struct graph *graph;
	struct node *node;
	struct run run;
	struct nn_io io;
	const float *x[1];
	float *dx[1], *w[1], *dw[1];
	bool add[1];
	float *memory, *fixed;
};

static float *take(float **at, size_t n)
{
	float *p = *at;
	*at += (n + 15) / 16 * 16;
	return p;
}

static int open_bench(
	struct bench *b, const struct layer *l, size_t batch, unsigned threads, struct cvt_err *e)
{
	const struct shape row = {3, {l->h, l->h, l->c}};
	size_t x, y;
	TRY(graph_open(&b->graph, e));
	b->graph->bf16 = getenv("BF16") != NULL;
	TRY(graph_input(b->graph, "x", DT_F4, &row, &x, e));
	TRY(graph_op(b->graph, "conv", "conv", &x, 1, &y, e, "C", (double)l->o, "K", (double)l->k,
		"stride", (double)l->stride, "groups", (double)l->groups, "bias", 0.0, GRAPH_END));
	TRY(graph_finish(b->graph, e));
	graph_init_params(b->graph, 1);
	struct node *n = b->node = &b->graph->node[y];
	const size_t in = batch * shape_items(&row), out = batch * shape_items(&n->row);
	const size_t work = n->work_whole + n->work_row * batch,
		     thread = (n->work_thread + 31) / 16 * 16;
	float *at = b->memory =
		mem_alloc(2 * in + 2 * out + work + threads * thread + 256, sizeof(float), e);
	if (!at)
		return CVT_SYSTEM;
	float *px = take(&at, in), *dy = take(&at, out);
	for (size_t i = 0; i < in; i++)
		px[i] = (float)(i % 17) * 0.1F;
	for (size_t i = 0; i < out; i++)
		dy[i] = (float)(i % 13) * 0.1F;
	b->x[0] = px;
	b->dx[0] = take(&at, in);
	b->w[0] = param_data(b->graph, 0);
	b->dw[0] = param_grad(b->graph, 0);
	b->io = (struct nn_io){.graph = b->graph,
		.node = n,
		.run = &b->run,
		.n = batch,
		.most = batch,
		.rows = batch,
		.x = b->x,
		.y = take(&at, out),
		.dy = dy,
		.dx = b->dx,
		.add = b->add,
		.w = b->w,
		.dw = b->dw,
		.work = take(&at, work),
		.thread_stride = thread};
	b->io.thread_work = at;
	b->fixed = mem_alloc(n->op->prepare(&b->io, NULL), sizeof *b->fixed, e);
	if (!b->fixed)
		return CVT_SYSTEM;
	(void)n->op->prepare(&b->io, b->fixed);
	return CVT_OK;
}

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The middle of some runs' shares of the peak, which is measured before each, with the gradients that
 * are asked for (neither: forward). Threads spin while they wait: all of them use time. */
static double share_of_peak(const struct bench *b, bool dx, bool dw, double flop)
{
	float *to_x[1] = {dx ? b->dx[0] : NULL}, *to_w[1] = {dw ? b->dw[0] : NULL};
	struct nn_io io = b->io;
	double share[REPEATS];
	io.dx = to_x;
	io.dw = to_w;
	for (int r = 0; r < REPEATS; r++) {
		const double peak = profile_peak(), t = seconds();
		if (dx || dw)
			b->node->op->backward(&io);
		else
			b->node->op->forward(&io);
		share[r] = flop / (seconds() - t) / peak;
	}
	qsort(share, REPEATS, sizeof *share, by_size);
	return share[REPEATS / 2];
}

static int bench_layer(const struct layer *l, size_t batch, struct par *par, struct cvt_err *e)
{
	struct bench b = {.run = {.par = par, .train = true}};
	TRY(open_bench(&b, l, batch, par_threads(par), e));
	const size_t places = b.node->row.dims[0] * b.node->row.dims[1];
	const size_t inputs = l->c / l->groups;
	const double flop = 2.0 * (double)(batch * places * l->o * inputs * l->k * l->k);
	const double forward = share_of_peak(&b, false, false, flop);
	b.io.fixed = b.fixed;
	const double fixed = share_of_peak(&b, false, false, flop);
	b.io.fixed = NULL;
	const double share[] = {forward, fixed, share_of_peak(&b, true, false, flop),
		share_of_peak(&b, false, true, flop), share_of_peak(&b, true, true, 2 * flop)};
	printf("%-18s", l->name);
	for (int i = 0; i < 5; i++)
		printf(" %9.2f", share[i]);
	printf("\n");
	free(b.memory);
	free(b.fixed);
	graph_close(b.graph);
	return CVT_OK;
}

/* Layers are named by a part of their name; none named: all. */
static bool asked(int argc, char **argv, const char *name)
{
	for (int i = 3; i < argc; i++)
		if (strstr(name, argv[i]))
			return true;
	return argc <= 3;
}

int main(int argc, char **argv)
{
	struct cvt_err e = {0};
	struct par *par = NULL;
	const size_t batch = argc > 1 ? strtoul(argv[1], NULL, 10) : 128;
	const unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
	int code = par_open(&par, threads, &e);
	printf("%s, batch %zu, %u threads; peak %.1f GFLOP/s a core\n", simd()->name, batch,
		threads, profile_peak() * 1e-9);
	printf("%-18s %9s %9s %9s %9s %9s\n", "share of peak", "forward", "fixed", "input",
		"weights", "both");
	for (size_t i = 0; i < sizeof layers / sizeof *layers && code == 0; i++)
		if (asked(argc, argv, layers[i].name))
			code = bench_layer(&layers[i], batch, par, &e);
	par_close(par);
	if (code != 0)
		(void)fprintf(stderr, "conv: %s\n", e.text);
	return code;
}
