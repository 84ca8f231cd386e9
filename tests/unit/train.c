/*
 * train: the loop on a small problem held in memory (blobs of five classes): rows into batches,
 * independence of frames and threads, going on after every kind of interruption, early stopping,
 * divergence, a producer that hangs.
 */
#include "../../libcore/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../libcore/rng.h"
#include "../../libcore/train_feed.h"
#include "train_blobs.h"

static int failures;

static void check(bool good, const char *what)
{
	printf("%sok %s\n", good ? "" : "not ", what);
	failures += !good;
}

/* ---- a training -------------------------------------------------------------------- */

struct job {
	struct blobs blobs;
	const char *opt;
	struct train_options o;
	unsigned threads;
	/* what came of it */
	int code;
	struct cvt_err e;
	struct state_dict kept; /* the last checkpoint */
	struct train_report last;
	size_t epochs_told, checkpoints;
	float *weight;
	size_t weights;
	size_t feed_rows;
};

static int keep(void *context, struct state_dict *d, struct cvt_err *e)
{
	struct job *j = context;
	(void)e;
	state_free(&j->kept);
	j->kept = *d;
	*d = (struct state_dict){0};
	j->checkpoints++;
	return CVT_OK;
}

static void told(void *context, const struct train_report *r)
{
	struct job *j = context;
	if (r->epoch_end) {
		j->last = *r;
		j->epochs_told++;
	}
}

static const char text[] = "input embedding 6\n"
			   "fc: linear 16 | bn: bn | relu | dropout 0.1\n"
			   "linear: linear classes\n";

static const struct method_field fields[] = {{"embedding", DT_F4, 0, {1, {D}}, 0},
	{"label", DT_I4, 0, {0, {0}}, 0}, {"index", DT_I8, 0, {0, {0}}, 0},
	{"part", DT_I4, 0, {0, {0}}, 0}};

static int train_job(struct job *j, const struct state_dict *from, struct learner *l)
{
	const struct train_source s = {.context = &j->blobs,
		.next = next,
		.name = "blobs",
		.rows = ROWS - VAL,
		.epochs = j->blobs.epochs};
	const struct train_hooks h = {j, told, keep};
	struct train *t = NULL;
	TRY(train_open(&t, l, &s, &j->o, &h, &j->e));
	int code = from ? train_restore(t, from, &j->e) : CVT_OK;
	if (code == CVT_OK)
		code = train_run(t, &j->e);
	train_close(t);
	return code;
}

static int open_job(struct job *j, struct arch **a, struct learner **l, struct method_facts *facts,
	struct par **par)
{
	TRY(arch_parse(a, "test", text, &j->e));
	TRY(arch_let(*a, "classes", K, &j->e));
	static const struct method_value defaults[METHOD_OPTIONS];
	facts->arch = *a;
	facts->classes = K;
	facts->value = defaults;
	TRY(learner_open(l, method_find("classify", &j->e), facts, &j->e));
	TRY(graph_finish((*l)->graph, &j->e));
	graph_init_params((*l)->graph, 1);
	TRY(par_open(par, j->threads, &j->e));
	j->o.opt = opt_find(j->opt, &j->e);
	j->o.par = *par;
	return learner_prepare(*l, j->o.opt, j->o.batch_size, *par, &j->e);
}

/* Runs it (from a checkpoint); the weights that are kept go to j->weight. */
static void run_job(struct job *j, const struct state_dict *from)
{
	struct arch *a = NULL;
	struct learner *l = NULL;
	struct par *par = NULL;
	struct method_facts facts = {.field = fields,
		.nfields = sizeof fields / sizeof *fields,
		.opt = {.momentum = 0.9,
			.nesterov = true,
			.beta1 = 0.9,
			.beta2 = 0.999,
			.epsilon = 1e-8,
			.weight_decay = 1e-3}};
	j->code = open_job(j, &a, &l, &facts, &par);
	if (j->code == CVT_OK)
		j->code = train_job(j, from, l);
	if (j->code == CVT_OK) {
		const struct graph *g = l->graph;
		j->weights = g->weights + g->buffers;
		j->weight = mem_alloc(j->weights, sizeof *j->weight, NULL);
		memcpy(j->weight, g->weight, g->weights * sizeof *g->weight);
		memcpy(j->weight + g->weights, g->buffer, g->buffers * sizeof *g->buffer);
	}
	learner_close(l);
	arch_free(a);
	par_close(par);
	batch_free(&j->blobs.b);
}

static void end_job(struct job *j)
{
	state_free(&j->kept);
	free(j->weight);
}

static struct job usual(void)
{
	struct job j = {.opt = "sgd",
		.threads = 1,
		.blobs = {.epochs = 4, .frame = 50},
		.o = {.batch_size = 32,
			.accumulate = 1,
			.lr = 0.1,
			.seed = 3,
			.max_memory = 1 << 24}};
	struct cvt_err e;
	(void)sched_parse(&j.o.sched, "one-cycle", &e);
	return j;
}

static bool same(const struct job *a, const struct job *b)
{
	return a->code == CVT_OK && b->code == CVT_OK && a->weights == b->weights
	       && memcmp(a->weight, b->weight, a->weights * sizeof *a->weight) == 0;
}

/* ---- tests ------------------------------------------------------------------------- */

static void learns(void)
{
	struct job j = usual();
	run_job(&j, NULL);
	check(j.code == CVT_OK, "it trains");
	if (j.code)
		printf("# %s\n", j.e.text);
	check(j.epochs_told == 4 && j.checkpoints == 4, "each epoch is told and kept");
	check(j.last.validated && j.last.val_score[0] > 0.85 && j.last.loss < 0.7,
		"blobs are told apart, on rows that it does not learn from");
	check(j.last.step == 4 * 6, "170 rows in batches of 32 are 6 steps an epoch");
	end_job(&j);
}

static void independent(void)
{
	static const size_t frame[] = {1, 7, 32, 1000};
	struct job first = usual();
	bool frames = true, threads = true;
	run_job(&first, NULL);
	for (size_t i = 0; i < 4; i++) {
		struct job j = usual();
		j.blobs.frame = frame[i];
		run_job(&j, NULL);
		frames = frames && same(&first, &j);
		end_job(&j);
	}
	for (unsigned n = 2; n <= 3; n++) {
		struct job j = usual();
		j.threads = n;
		run_job(&j, NULL);
		threads = threads && same(&first, &j);
		end_job(&j);
	}
	check(frames, "the weights do not depend on frames");
	check(threads, "the weights do not depend on threads");
	end_job(&first);
}

/* Fails the input at a row, goes on from the checkpoint, compares with a run in one go. */
static void goes_on(
	const char *what, struct job (*make)(void), size_t epoch, size_t row, size_t first)
{
	char name[160];
	struct job whole = make(), cut = make(), rest = make();
	run_job(&whole, NULL);
	cut.blobs.fails = true;
	cut.blobs.fail_epoch = epoch;
	cut.blobs.fail_row = row;
	run_job(&cut, NULL);
	rest.blobs.first_epoch = first;
	rest.blobs.frame = 11;
	run_job(&rest, &cut.kept);
	(void)snprintf(
		name, sizeof name, "%s: a cut input is exit 3 and leaves a checkpoint", what);
	check(cut.code == CVT_INPUT && cut.checkpoints > 0, name);
	(void)snprintf(name, sizeof name, "%s: going on gives the same bytes", what);
	check(same(&whole, &rest), name);
	if (rest.code)
		printf("# %s\n", rest.e.text);
	end_job(&whole);
	end_job(&cut);
	end_job(&rest);
}

static struct job with_average(void)
{
	struct job j = usual();
	j.o.ema = 0.95;
	j.o.patience = 2;
	return j;
}

static struct job with_adam(void)
{
	struct job j = usual();
	j.opt = "adam";
	j.o.lr = 0.01;
	j.o.clip_norm = 0.5;
	return j;
}

static struct job replayed(void)
{
	struct job j = usual();
	j.blobs.epochs = 1;
	j.o.epochs = 5;
	return j;
}

static struct job accumulated(void)
{
	struct job j = usual();
	j.o.accumulate = 2;
	return j;
}

static void resumes(void)
{
	goes_on("sgd", usual, 2, 100, 0);
	goes_on("sgd, skipping epochs upstream", usual, 2, 100, 2);
	goes_on("at an epoch's end", usual, 3, 0, 0);
	goes_on("adam", with_adam, 1, 150, 0);
	goes_on("average and early stopping", with_average, 3, 60, 0);
	goes_on("two batches a step", accumulated, 2, 0, 0);
}

static void resumes_replay(void)
{
	struct job whole = replayed(), part = replayed(), rest = replayed();
	run_job(&whole, NULL);
	part.o.steps = 0;
	part.o.epochs = 5;
	const volatile sig_atomic_t stop = 1;
	part.o.stop = &stop;
	run_job(&part, NULL);
	check(part.code == TRAIN_STOPPED, "a signal stops it");
	part.o.stop = NULL;
	end_job(&part);
	part = replayed();
	part.o.epochs = 5;
	part.o.steps = 0;
	run_job(&part, NULL);
	check(same(&whole, &part), "a replayed epoch gives the same bytes again");
	run_job(&rest, &part.kept);
	check(same(&whole, &rest), "a finished training goes on to its own end");
	struct job other = replayed();
	other.blobs.other = true;
	run_job(&other, &part.kept);
	check(other.code == CVT_INPUT, "other rows to replay are refused");
	end_job(&other);
	end_job(&whole);
	end_job(&part);
	end_job(&rest);
}

static void refuses_other_streams(void)
{
	struct job cut = usual(), other = usual(), late = usual(), adam = with_adam();
	cut.blobs.fails = true;
	cut.blobs.fail_epoch = 1;
	cut.blobs.fail_row = 100;
	run_job(&cut, NULL);
	other.blobs.other = true;
	run_job(&other, &cut.kept);
	check(other.code == CVT_INPUT && strstr(other.e.text, "not the rows"),
		"other rows than the checkpoint's are refused");
	late.blobs.first_epoch = 2;
	run_job(&late, &cut.kept);
	check(late.code == CVT_INPUT && strstr(late.e.text, "--start-epoch 1"),
		"a stream that begins too late is told where to begin");
	run_job(&adam, &cut.kept);
	check(adam.code == CVT_INPUT && strstr(adam.e.text, "other options"),
		"another optimizer's checkpoint is refused");
	end_job(&cut);
	end_job(&other);
	end_job(&late);
	end_job(&adam);
}

static void ends(void)
{
	struct job steps = usual(), wild = usual(), many = usual(), none = usual();
	steps.o.steps = 9;
	run_job(&steps, NULL);
	check(steps.code == CVT_OK && steps.last.step == 9 && steps.epochs_told == 2,
		"--steps ends within an epoch");
	wild.o.lr = 1e30;
	run_job(&wild, NULL);
	check(wild.code == CVT_DIVERGED && strstr(wild.e.text, "step ")
			&& strstr(wild.e.text, "learning rate"),
		"numbers that leave the finite ones are exit 5");
	many.o.epochs = 7;
	run_job(&many, NULL);
	check(many.code == CVT_USAGE && strstr(many.e.text, "cv-read --epochs 7"),
		"more epochs than come are refused");
	none.blobs.epochs = 40;
	none.o.patience = 2;
	run_job(&none, NULL);
	check(none.code == CVT_OK && none.epochs_told < 40 && none.epochs_told > 2,
		"early stopping stops early");
	end_job(&steps);
	end_job(&wild);
	end_job(&many);
	end_job(&none);
}

static void does_not_drain(void)
{
	struct job j = usual();
	if (pipe(j.blobs.pipe) != 0)
		return;
	j.blobs.hangs = true;
	j.blobs.fail_epoch = 1;
	j.blobs.fail_row = 150;
	j.o.steps = 8;
	run_job(&j, NULL);
	check(j.code == CVT_OK, "who has enough does not wait for a producer that hangs");
	(void)close(j.blobs.pipe[0]);
	(void)close(j.blobs.pipe[1]);
	end_job(&j);
}

/* ---- the feed ---------------------------------------------------------------------- */

struct seen {
	size_t batches, rows, largest, smallest;
	bool parted;
};

static void feed_all(
	struct blobs *b, size_t batch_size, bool drop_last, size_t epochs, struct seen *s)
{
	const struct train_source source = {.context = b,
		.next = next,
		.name = "blobs",
		.rows = ROWS - VAL,
		.epochs = b->epochs};
	const char *field[] = {"label"};
	const struct feed_spec spec = {.source = &source,
		.field = field,
		.nfields = 1,
		.batch_size = batch_size,
		.drop_last = drop_last,
		.epochs = epochs,
		.max_memory = 1 << 24};
	const struct feed_item *item;
	struct cvt_err e = {0};
	struct feed *f = NULL;
	double waited = 0;
	*s = (struct seen){.smallest = SIZE_MAX};
	if (feed_open(&f, &spec, &e) != CVT_OK)
		return;
	while (feed_next(f, &item, &waited, &e) == CVT_OK && item->kind != FEED_END) {
		if (item->kind != FEED_ROWS)
			continue;
		const struct tensor *group = batch_get(&item->rows, "group");
		const size_t n = item->rows.rows;
		s->batches++;
		s->rows += n;
		s->largest = n > s->largest ? n : s->largest;
		s->smallest = n < s->smallest ? n : s->smallest;
		if (group && n % b->group)
			s->parted = true;
	}
	feed_close(f);
	batch_free(&b->b);
}

static void feeds(void)
{
	struct seen s;
	struct blobs plain = {.epochs = 2, .frame = 33}, last = plain;
	struct blobs grouped = {.epochs = 1, .frame = 33, .group = 10}, again = grouped;
	feed_all(&plain, 64, false, 0, &s);
	check(s.rows == 2 * (ROWS - VAL) && s.batches == 6 && s.smallest == 42,
		"batches end with the epoch; validation rows are not among them");
	feed_all(&last, 64, true, 0, &s);
	check(s.batches == 4 && s.smallest == 64, "--drop-last leaves out the smaller one");
	feed_all(&grouped, 64, false, 0, &s);
	check(!s.parted && s.largest == 60, "groups are not parted");
	feed_all(&again, 64, false, 3, &s);
	check(!s.parted && s.rows == 3 * (ROWS - VAL), "nor when they are replayed");
}

int main(void)
{
	learns();
	independent();
	resumes();
	resumes_replay();
	refuses_other_streams();
	ends();
	does_not_drain();
	feeds();
	return failures != 0;
}
