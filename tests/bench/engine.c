/*
 * engine: how fast networks train and run, and what memory that takes. usage: engine ROW THREADS, or
 * engine ROW cores: what more cores could give (cores.h).
 * Prints one line: pictures a second, operations a picture (products only, done directly, and only
 * those gradients that are asked for), and the operations a second that this machine could do at that
 * moment with so many threads; of a row MEMORY the peak of resident memory in MiB, and '-' twice.
 * Training is the whole loop of train.h on rows in memory, by the method that the row names. One
 * thread is measured in processor time, because others use the machine; several by the clock.
 */
#include "../../libcore/profile.h"
#include "../../libcore/rng.h"
#include "../../libcore/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "cores.h"

enum { CLASSES = 10, PICTURES = 2, FIELDS = PICTURES + 1 };

/* How networks learn here: which method, by which optimizer, and what a row of the stream has. */
struct task {
	const char *method, *opt;
	const char *picture[PICTURES];
	const char *target; /* a field of classes; NULL = none */
	bool map;           /* a class for every pixel */
};

static const struct task classify = {"classify", "sgd", {"image"}, "label", false};
static const struct task segment = {"segment", "sgd", {"image"}, "mask", true};
static const struct task vae = {"vae", "adam", {"image"}, NULL, false};
static const struct task gan = {"gan", "adam", {"image"}, NULL, false};
static const struct task simclr = {"simclr", "sgd", {"image.1", "image.2"}, NULL, false};

/* What is measured: learning; the same with convolutions in bfloat16; what cv-embed does; what cv-gen
 * does; learning's memory. */
enum work { TRAIN, TRAIN_BF16, INFER, MAKE, MEMORY };

struct row {
	const char *name, *arch;
	const struct task *task;
	size_t side, channels, batch, steps;
	enum work work;
};

static const struct row rows[] = {
	{"resnet20-train", "resnet20", &classify, 32, 3, 128, 4, TRAIN},
	{"resnet18-train", "resnet18", &classify, 32, 3, 128, 1, TRAIN},
	{"resnet9-train", "resnet9", &classify, 32, 3, 128, 4, TRAIN},
	{"vgg11-train", "vgg11", &classify, 32, 3, 128, 2, TRAIN},
	{"unet-train", "unet-small", &segment, 128, 3, 8, 2, TRAIN},
	{"lenet5-train", "lenet5", &classify, 28, 1, 128, 60, TRAIN},
	{"cnn28-train", "tests/bench/cnn28.arch", &classify, 28, 1, 128, 12, TRAIN},
	{"mobilenet-train", "mobilenet-v2", &classify, 32, 3, 128, 1, TRAIN},
	{"vit-tiny-train", "vit-tiny", &classify, 32, 3, 128, 1, TRAIN},
	{"mlp-vae-train", "tests/bench/mlp-vae.arch", &vae, 28, 1, 128, 60, TRAIN},
	{"dcgan-train", "tests/bench/dcgan32.arch", &gan, 32, 3, 128, 3, TRAIN},
	{"simclr-train", "resnet18", &simclr, 32, 3, 256, 1, TRAIN},
	{"resnet20-bf16", "resnet20", &classify, 32, 3, 128, 4, TRAIN_BF16},
	{"resnet18-bf16", "resnet18", &classify, 32, 3, 128, 1, TRAIN_BF16},
	{"vgg11-bf16", "vgg11", &classify, 32, 3, 128, 2, TRAIN_BF16},
	{"resnet18-infer", "resnet18", &classify, 32, 3, 128, 2, INFER},
	{"resnet18-infer-b1", "resnet18", &classify, 32, 3, 1, 30, INFER},
	{"resnet20-infer", "resnet20", &classify, 32, 3, 128, 10, INFER},
	{"resnet20-infer-b1", "resnet20", &classify, 32, 3, 1, 300, INFER},
	{"resnet9-infer", "resnet9", &classify, 32, 3, 128, 10, INFER},
	{"vgg11-infer", "vgg11", &classify, 32, 3, 128, 10, INFER},
	{"vgg11-infer-b1", "vgg11", &classify, 32, 3, 1, 60, INFER},
	{"unet-infer", "unet-small", &segment, 128, 3, 8, 5, INFER},
	{"unet-infer-b1", "unet-small", &segment, 128, 3, 1, 30, INFER},
	{"lenet5-infer", "lenet5", &classify, 28, 1, 128, 100, INFER},
	{"lenet5-infer-b1", "lenet5", &classify, 28, 1, 1, 3000, INFER},
	{"cnn28-infer", "tests/bench/cnn28.arch", &classify, 28, 1, 128, 60, INFER},
	{"cnn28-infer-b1", "tests/bench/cnn28.arch", &classify, 28, 1, 1, 1000, INFER},
	{"mobilenet-infer", "mobilenet-v2", &classify, 32, 3, 128, 5, INFER},
	{"mobilenet-infer-b1", "mobilenet-v2", &classify, 32, 3, 1, 500, INFER},
	{"vit-tiny-infer", "vit-tiny", &classify, 32, 3, 128, 1, INFER},
	{"vit-tiny-infer-b1", "vit-tiny", &classify, 32, 3, 1, 30, INFER},
	{"mlp-vae-infer", "tests/bench/mlp-vae.arch", &vae, 28, 1, 128, 200, INFER},
	{"mlp-vae-infer-b1", "tests/bench/mlp-vae.arch", &vae, 28, 1, 1, 3000, INFER},
	{"dcgan-infer", "tests/bench/dcgan32.arch", &gan, 32, 3, 128, 10, MAKE},
	{"dcgan-infer-b1", "tests/bench/dcgan32.arch", &gan, 32, 3, 1, 300, MAKE},
	{"resnet18-memory", "resnet18", &classify, 32, 3, 128, 1, MEMORY},
	{"resnet20-memory", "resnet20", &classify, 32, 3, 128, 1, MEMORY},
	{"vgg11-memory", "vgg11", &classify, 32, 3, 128, 1, MEMORY},
	{"unet-memory", "unet-small", &segment, 128, 3, 8, 1, MEMORY},
	{"mobilenet-memory", "mobilenet-v2", &classify, 32, 3, 128, 1, MEMORY},
	{"vit-tiny-memory", "vit-tiny", &classify, 32, 3, 128, 1, MEMORY},
	{"lenet5-memory", "lenet5", &classify, 28, 1, 128, 1, MEMORY},
	{"mlp-vae-memory", "tests/bench/mlp-vae.arch", &vae, 28, 1, 128, 1, MEMORY},
	{"dcgan-memory", "tests/bench/dcgan32.arch", &gan, 32, 3, 128, 1, MEMORY},
};

struct engine {
	const struct row *row;
	struct arch *arch;
	struct method_field field[FIELDS];
	struct method_facts facts;
	struct method_value value[METHOD_OPTIONS];
	const struct method *method;
	struct learner *learner;
	struct generator makes; /* of MAKE */
	struct par *par;
	struct batch batch;
	size_t left; /* batches that come */
	bool over;   /* their end was told */
	double took, flop;
};

static double seconds(unsigned threads)
{
	struct timespec t;
	clock_gettime(threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- rows that teach nothing ----------------------------------------------------------- */

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

/* Numbers at random, as its type wants them: bytes, classes, normal ones. */
static void draw(struct tensor *t, uint64_t seed)
{
	struct rng r;
	rng_for(&r, seed, RNG_METHOD, 0, 0);
	for (size_t i = 0; i < tensor_items(t); i++)
		if (t->dtype == DT_U1)
			((unsigned char *)t->data)[i] = (unsigned char)rng_below(&r, 256);
		else if (t->dtype == DT_I4)
			((int32_t *)t->data)[i] = (int32_t)rng_below(&r, CLASSES);
		else
			((float *)t->data)[i] = rng_normal(&r);
}

static int make_rows(struct engine *b, struct cvt_err *e)
{
	struct tensor *t;
	const struct shape one = {0};
	for (size_t i = 0; i < b->facts.nfields; i++) {
		const struct method_field *f = &b->field[i];
		TRY(add_field(b, f->name, f->dtype, &f->row, &t, e));
		draw(t, i + 1);
	}
	if (b->row->work == MAKE) {
		const struct shape *noise = &b->learner->graph->node[b->makes.noise].row;
		TRY(add_field(b, "noise", DT_F4, noise, &t, e));
		draw(t, FIELDS + 1);
	}
	TRY(add_field(b, "index", DT_I8, &one, &t, e));
	for (size_t i = 0; i < b->row->batch; i++)
		((int64_t *)t->data)[i] = (int64_t)i;
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

static void put_field(struct engine *b, const char *name, enum dtype type, const struct shape *row)
{
	struct method_field *f = &b->field[b->facts.nfields++];
	*f = (struct method_field){.dtype = type, .row = *row};
	(void)snprintf(f->name, sizeof f->name, "%s", name);
}

static void fill_facts(struct engine *b)
{
	const struct row *r = b->row;
	const struct task *k = r->task;
	const bool sgd = strcmp(k->opt, "sgd") == 0;
	const struct shape picture = {3, {r->side, r->side, r->channels}};
	const struct shape target = {k->map ? 2 : 0, {r->side, r->side}};
	b->facts = (struct method_facts){.arch = b->arch,
		.field = b->field,
		.classes = CLASSES,
		.mean = {0.5, 0.5, 0.5},
		.std = {0.5, 0.5, 0.5},
		.value = b->value,
		.bf16 = r->work == TRAIN_BF16,
		.opt = {.momentum = 0.9,
			.nesterov = true,
			.beta1 = b->method->beta1 > 0 ? b->method->beta1 : 0.9,
			.beta2 = 0.999,
			.epsilon = 1e-8,
			.weight_decay = sgd ? 5e-4 : 0}};
	for (size_t i = 0; i < PICTURES && k->picture[i]; i++)
		put_field(b, k->picture[i], DT_U1, &picture);
	if (!k->target)
		return;
	put_field(b, k->target, DT_I4, &target);
	struct method_head *h = &b->facts.head[b->facts.nheads++];
	*h = (struct method_head){.loss = "cross-entropy", .weight = 1};
	(void)snprintf(h->field, sizeof h->field, "%s", k->target);
}

static int open_engine(struct engine *b, struct cvt_err *e)
{
	const struct row *r = b->row;
	const struct shape picture = {3, {r->side, r->side, r->channels}};
	TRY(arch_load(&b->arch, r->arch, e));
	TRY(arch_let(b->arch, "classes", CLASSES, e));
	TRY(arch_let(b->arch, "stem", 1, e)); /* pictures are small */
	TRY(arch_set_input(b->arch, "image", &picture, e));
	b->method = method_find(r->task->method, e);
	if (!b->method)
		return CVT_USAGE;
	method_defaults(b->method, b->value);
	fill_facts(b);
	if (r->work == MAKE)
		TRY(learner_open_generator(&b->learner, b->method, &b->facts, &b->makes, e));
	else
		TRY(learner_open(&b->learner, b->method, &b->facts, e));
	TRY(graph_finish(b->learner->graph, e));
	graph_init_params(b->learner->graph, 1);
	return make_rows(b, e);
}

static void close_engine(struct engine *b)
{
	learner_close(b->learner);
	arch_free(b->arch);
	batch_free(&b->batch);
	par_close(b->par);
}

/* The operations of a run that was measured, a row. */
static double flop_of(const struct profile *p, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < p->rows; i++)
		sum += p->row[i].flop;
	return sum / (double)n;
}

static int train_steps(struct engine *b, size_t steps, struct profile *profile, struct cvt_err *e)
{
	const struct train_source source = {b, next, "rows", b->row->batch * steps, 1};
	struct train_options o = {.batch_size = b->row->batch,
		.steps = steps,
		.accumulate = 1,
		.opt = opt_find(b->row->task->opt, e),
		.lr = 1e-4,
		.max_memory = (size_t)1 << 30,
		.profile = profile,
		.par = b->par};
	const struct train_hooks hooks = {0};
	struct train *t;
	b->left = steps;
	b->over = false;
	TRY(o.opt ? sched_parse(&o.sched, "constant", e) : CVT_USAGE);
	TRY(train_open(&t, b->learner, &source, &o, &hooks, e));
	cores_begin();
	const double from = seconds(par_threads(b->par));
	const int code = train_run(t, e);
	b->took = seconds(par_threads(b->par)) - from;
	train_close(t);
	return code;
}

static int train(struct engine *b, struct cvt_err *e)
{
	const struct opt *opt = opt_find(b->row->task->opt, e);
	struct profile profile = {0};
	TRY(opt ? learner_prepare(b->learner, opt, b->row->batch, b->par, e) : CVT_USAGE);
	TRY(train_steps(b, 1, &profile, e)); /* caches and pages */
	b->flop = flop_of(&profile, b->row->batch);
	return train_steps(b, b->row->steps, NULL, e);
}

static int infer(struct engine *b, struct cvt_err *e)
{
	const bool makes = b->row->work == MAKE;
	const size_t out = makes ? b->makes.picture : b->learner->net[0].net.output;
	const struct plan_spec spec = {.rows = b->row->batch,
		.threads = par_threads(b->par),
		.keep = &out,
		.nkeep = 1,
		.loss = GRAPH_NONE,
		.fixed = true};
	struct profile profile = {0};
	struct run run = {.par = b->par, .profile = &profile};
	struct plan *p;
	TRY(plan_create(&p, b->learner->graph, &spec, e));
	learner_bind(b->learner, p, &b->batch, 0);
	if (makes)
		plan_bind(p, b->makes.noise, batch_get(&b->batch, "noise")->data);
	plan_forward(p, &run, b->row->batch);
	b->flop = flop_of(&profile, b->row->batch);
	run.profile = NULL;
	cores_begin();
	const double from = seconds(par_threads(b->par));
	for (size_t i = 0; i < b->row->steps; i++)
		plan_forward(p, &run, b->row->batch);
	b->took = seconds(par_threads(b->par)) - from;
	plan_free(p);
	return CVT_OK;
}

/* ---- the line -------------------------------------------------------------------------- */

static void print_memory(void)
{
	struct rusage u;
	(void)getrusage(RUSAGE_SELF, &u);
	printf("%.6g - -\n", (double)u.ru_maxrss / 1024); /* Linux counts KiB */
}

static int measure(const struct row *row, unsigned threads, struct cvt_err *e)
{
	struct engine b = {.row = row};
	const bool trains = row->work == TRAIN || row->work == TRAIN_BF16 || row->work == MEMORY;
	int code = par_open(&b.par, threads, e);
	if (code == CVT_OK)
		code = open_engine(&b, e);
	if (code == CVT_OK)
		code = trains ? train(&b, e) : infer(&b, e);
	if (code == CVT_OK && cores.asked)
		cores_print(b.took);
	else if (code == CVT_OK && row->work == MEMORY)
		print_memory();
	else if (code == CVT_OK)
		printf("%.6g %.6g %.6g\n", (double)(row->batch * row->steps) / b.took, b.flop,
			profile_peak() * threads);
	close_engine(&b);
	return code;
}

int main(int argc, char **argv)
{
	struct cvt_err e = {0};
	const unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
	cores.asked = argc > 2 && strcmp(argv[2], "cores") == 0;
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
