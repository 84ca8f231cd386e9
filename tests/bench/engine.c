/*
 * engine: how fast networks train and run. usage: engine ROW THREADS. Prints one line: pictures a
 * second, operations a picture (products only, done directly), and the operations a second that
 * this machine could do at that moment with so many threads. Training is the whole loop of train.h on
 * rows in memory. One thread is measured in processor time, because others use the machine; several
 * by the clock.
 */
#include "../../libcore/profile.h"
#include "../../libcore/rng.h"
#include "../../libcore/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../libcore/blas.h"

enum { CLASSES = 10 };

struct row {
	const char *name, *arch, *loss_field;
	size_t side, channels, batch, steps;
	bool train;
};

static const struct row rows[] = {
	{"resnet20-train", "resnet20", "label", 32, 3, 128, 4, true},
	{"resnet18-train", "resnet18", "label", 32, 3, 128, 1, true},
	{"resnet9-train", "resnet9", "label", 32, 3, 128, 4, true},
	{"vgg11-train", "vgg11", "label", 32, 3, 128, 2, true},
	{"unet-train", "unet-small", "mask", 128, 3, 8, 2, true},
	{"lenet5-train", "lenet5", "label", 28, 1, 128, 60, true},
	{"cnn28-train", "tests/bench/cnn28.arch", "label", 28, 1, 128, 12, true},
	{"vit-tiny-train", "vit-tiny", "label", 32, 3, 128, 1, true},
	{"resnet18-infer", "resnet18", "label", 32, 3, 128, 2, false},
	{"resnet18-infer-b1", "resnet18", "label", 32, 3, 1, 30, false},
	{"resnet20-infer", "resnet20", "label", 32, 3, 128, 10, false},
	{"resnet20-infer-b1", "resnet20", "label", 32, 3, 1, 300, false},
	{"lenet5-infer", "lenet5", "label", 28, 1, 128, 100, false},
	{"lenet5-infer-b1", "lenet5", "label", 28, 1, 1, 3000, false},
	{"vit-tiny-infer", "vit-tiny", "label", 32, 3, 128, 1, false},
	{"vit-tiny-infer-b1", "vit-tiny", "label", 32, 3, 1, 30, false},
};

struct engine {
	const struct row *row;
	struct arch *arch;
	struct method_field field[2];
	struct method_facts facts;
	struct method_value value[METHOD_OPTIONS];
	struct learner *learner;
	struct par *par;
	struct batch batch;
	size_t left; /* batches that come */
	bool over;   /* their end was told */
	double flop;
};

static double seconds(unsigned threads)
{
	struct timespec t;
	clock_gettime(threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- rows that learn nothing --------------------------------------------------------- */

static int add_field(struct engine *b, const char *name, enum dtype type, const struct shape *row,
	struct tensor **t, struct cvt_err *e)
{
	size_t dims[TENSOR_DIMS] = {b->row->batch};
	memcpy(dims + 1, row->dims, (size_t)row->ndim * sizeof *dims);
	struct field *f = batch_add(&b->batch, name, e);
	if (!f)
		return CVT_SYSTEM;
	*t = &f->t;
	return tensor_shape(&f->t, type, row->ndim + 1, dims, e);
}

static int make_rows(struct engine *b, struct cvt_err *e)
{
	struct tensor *image, *target, *index;
	const struct shape one = {0};
	struct rng r;
	rng_for(&r, 1, RNG_METHOD, 0, 0);
	TRY(add_field(b, "image", DT_U1, &b->field[0].row, &image, e));
	TRY(add_field(b, b->row->loss_field, DT_I4, &b->field[1].row, &target, e));
	TRY(add_field(b, "index", DT_I8, &one, &index, e));
	for (size_t i = 0; i < tensor_items(image); i++)
		((unsigned char *)image->data)[i] = (unsigned char)rng_below(&r, 256);
	for (size_t i = 0; i < tensor_items(target); i++)
		((int32_t *)target->data)[i] = (int32_t)rng_below(&r, CLASSES);
	for (size_t i = 0; i < b->row->batch; i++)
		((int64_t *)index->data)[i] = (int64_t)i;
	b->batch.rows = b->row->batch;
	return CVT_OK;
}

/* The same batch, as often as there are steps. */
static int next(void *context, struct batch **rows_out, enum train_event *event, struct cvt_err *e)
{
	struct engine *b = context;
	(void)e;
	*rows_out = &b->batch;
	*event = b->left > 0 ? TRAIN_ROWS : b->over ? TRAIN_DONE : TRAIN_EPOCH;
	b->over = b->left == 0;
	b->left -= b->left > 0;
	return CVT_OK;
}

/* ---- a network ------------------------------------------------------------------------- */

static int open_engine(struct engine *b, struct cvt_err *e)
{
	const struct row *r = b->row;
	const bool mask = strcmp(r->loss_field, "mask") == 0;
	const struct shape picture = {3, {r->side, r->side, r->channels}};
	const struct shape map = {2, {r->side, r->side}};
	TRY(arch_load(&b->arch, r->arch, e));
	TRY(arch_let(b->arch, "classes", CLASSES, e));
	TRY(arch_set_input(b->arch, "image", &picture, e));
	b->field[0] = (struct method_field){.name = "image", .dtype = DT_U1, .row = picture};
	b->field[1] = (struct method_field){.dtype = DT_I4, .row = mask ? map : (struct shape){0}};
	memcpy(b->field[1].name, r->loss_field, strlen(r->loss_field) + 1);
	b->facts = (struct method_facts){.arch = b->arch,
		.nfields = 2,
		.field = b->field,
		.classes = CLASSES,
		.mean = {0.5, 0.5, 0.5},
		.std = {0.5, 0.5, 0.5},
		.nheads = 1,
		.head = {{.loss = "cross-entropy", .weight = 1}},
		.value = b->value,
		.opt = {.momentum = 0.9, .nesterov = true, .weight_decay = 5e-4}};
	memcpy(b->facts.head[0].field, b->field[1].name, sizeof b->field[1].name);
	const struct method *classify = method_find("classify", e);
	TRY(classify ? learner_open(&b->learner, classify, &b->facts, e) : CVT_USAGE);
	graph_init_params(b->learner->graph, 1);
	b->flop = net_flop(b->learner->graph, 0, b->learner->graph->n);
	return make_rows(b, e);
}

static void close_engine(struct engine *b)
{
	learner_close(b->learner);
	arch_free(b->arch);
	batch_free(&b->batch);
	par_close(b->par);
}

/* Seconds of so many steps of training. */
static int train_steps(struct engine *b, size_t steps, double *took, struct cvt_err *e)
{
	const struct train_source source = {b, next, "rows", b->row->batch * steps, 1};
	struct train_options o = {.batch_size = b->row->batch,
		.steps = steps,
		.accumulate = 1,
		.opt = opt_find("sgd", e),
		.lr = 1e-4,
		.max_memory = (size_t)1 << 30,
		.par = b->par};
	const struct train_hooks hooks = {0};
	struct train *t;
	b->left = steps;
	b->over = false;
	TRY(o.opt ? sched_parse(&o.sched, "constant", e) : CVT_USAGE);
	TRY(train_open(&t, b->learner, &source, &o, &hooks, e));
	const double from = seconds(par_threads(b->par));
	const int code = train_run(t, e);
	*took = seconds(par_threads(b->par)) - from;
	train_close(t);
	return code;
}

static int train(struct engine *b, double *took, struct cvt_err *e)
{
	const struct opt *sgd = opt_find("sgd", e);
	TRY(sgd ? learner_prepare(b->learner, sgd, b->row->batch, b->par, e) : CVT_USAGE);
	TRY(train_steps(b, 1, took, e)); /* caches and pages */
	TRY(train_steps(b, b->row->steps, took, e));
	b->flop *= 3;
	return CVT_OK;
}

static int infer(struct engine *b, double *took, struct cvt_err *e)
{
	const struct plan_spec spec = {.rows = b->row->batch,
		.threads = par_threads(b->par),
		.keep = &b->learner->net[0].net.output,
		.nkeep = 1,
		.loss = GRAPH_NONE,
		.fixed = true};
	const struct run run = {.par = b->par};
	struct plan *p;
	TRY(plan_create(&p, b->learner->graph, &spec, e));
	learner_bind(b->learner, p, &b->batch, 0);
	plan_forward(p, &run, b->row->batch);
	const double from = seconds(par_threads(b->par));
	for (size_t i = 0; i < b->row->steps; i++)
		plan_forward(p, &run, b->row->batch);
	*took = seconds(par_threads(b->par)) - from;
	plan_free(p);
	return CVT_OK;
}

static int measure(const struct row *row, unsigned threads, struct cvt_err *e)
{
	struct engine b = {.row = row};
	double took = 0;
	int code = par_open(&b.par, threads, e);
	if (code == CVT_OK)
		code = blas_open(e);
	if (code == CVT_OK)
		code = open_engine(&b, e);
	if (code == CVT_OK)
		code = row->train ? train(&b, &took, e) : infer(&b, &took, e);
	const double peak = profile_peak() * threads;
	if (code == CVT_OK)
		printf("%.6g %.6g %.6g\n", (double)(row->batch * row->steps) / took, b.flop, peak);
	close_engine(&b);
	return code;
}

int main(int argc, char **argv)
{
	struct cvt_err e = {0};
	const unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
	for (size_t i = 0; argc == 1 && i < sizeof rows / sizeof *rows; i++)
		printf("%s\n", rows[i].name);
	for (size_t i = 0; argc > 1 && i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].name, argv[1]) == 0) {
			const int code = measure(&rows[i], threads ? threads : 1, &e);
			if (code != CVT_OK)
				(void)fprintf(stderr, "engine: %s: %s\n", argv[1], e.text);
			return code;
		}
	return argc == 1 ? 0 : 2;
}
