/* trainer: the course of cv-train and cv-distill: open, go on, train, save (see
 * trainer.h). */
#include "trainer.h"

#include "../../libcore/profile.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The one thing that is written after start-up: a signal came. */
static volatile sig_atomic_t stop;

/* The first signal asks for a checkpoint; the second leaves at once. Two within ECHO nanoseconds are one:
 * timeout(1) sends its signal to the program and to the program's group. */
static void on_signal(int number)
{
	enum { ECHO = 30000000 };
	static struct timespec first;
	struct timespec now;
	(void)number;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (!stop)
		first = now;
	else if ((now.tv_sec - first.tv_sec) * 1000000000LL + now.tv_nsec - first.tv_nsec > ECHO)
		_exit(TRAIN_STOPPED);
	stop = 1;
}

static void catch_signals(void)
{
	struct sigaction before, a = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	(void)sigemptyset(&a.sa_mask);
	(void)sigaction(SIGINT, &a, NULL);
	(void)sigaction(SIGTERM, &a, NULL);
	/* The terminal is gone, or the session; but nohup(1) has it ignored. */
	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		(void)sigaction(SIGHUP, &a, NULL);
}

/* ---- --list ------------------------------------------------------------------------ */

static void list_archs(void)
{
	for (const struct arch_zoo *a = arch_zoo; a->name; a++) {
		const char *help = a->text + strspn(a->text, "# ");
		printf("%s\t%.*s\n", a->name, *a->text == '#' ? (int)strcspn(help, "\n") : 0, help);
	}
}

static void list_all(void)
{
	for (size_t i = 0; methods[i]; i++)
		printf("%s\t%s\n", methods[i]->name, methods[i]->help);
	for (size_t i = 0; opts[i]; i++)
		printf("%s\t%s\n", opts[i]->name, opts[i]->help);
	for (size_t i = 0; scheds[i]; i++)
		printf("%s\t%s\n", scheds[i]->name, scheds[i]->help);
	for (size_t i = 0; loss_ops[i]; i++)
		printf("%s\t%s\n", loss_ops[i]->name, loss_ops[i]->help);
	list_archs();
}

/* ---- the course -------------------------------------------------------------------- */

/* --steps beyond the one epoch that comes: said, where --epochs is refused, for whoever wants a few steps
 * of anything. */
static void note_replay(const struct trainer *t, const struct train_source *s)
{
	const double want = (double)t->o.steps * (double)(t->o.batch_size * t->o.accumulate);
	if (s->rows != TRAIN_UNKNOWN && s->rows > 0 && want > (double)s->rows)
		cli_note(&t->cli,
			"%s: is one epoch whose rows were drawn on, and %zu steps repeat the same "
			"draws; cv-read --epochs %.0f",
			s->name, t->o.steps, ceil(want / (double)s->rows));
}

/* One epoch that was drawn on cannot be replayed as if each time were new. */
static int check_replay(const struct trainer *t, const struct train_source *s, struct cvt_err *e)
{
	const bool one = s->epochs == 1 || s->epochs == TRAIN_UNKNOWN;
	if (t->head.draws == 0 || !one)
		return CVT_OK;
	note_replay(t, s);
	if (t->o.epochs <= 1)
		return CVT_OK;
	return cvt_fail(e, CVT_USAGE,
		"%s: is one epoch whose rows were drawn on, and --epochs %zu would repeat the same "
		"draws; "
		"cv-read --epochs %zu",
		s->name, t->o.epochs, t->o.epochs);
}

static void fill_train_options(struct trainer *t)
{
	struct train_options *to = &t->train_options;
	const struct trainer_options *o = &t->o;
	to->batch_size = o->batch_size;
	to->drop_last = o->drop_last;
	to->epochs = o->epochs;
	to->steps = o->steps;
	to->accumulate = o->accumulate;
	to->opt = t->opt;
	to->lr = o->lr;
	to->sched.warmup_epochs = o->warmup_epochs;
	to->clip_norm = o->clip_norm;
	to->clip_value = o->clip_value;
	to->ema = o->ema;
	to->patience = o->patience;
	to->unfreeze_at = o->unfreeze_at;
	to->l2_sp = o->l2_sp;
	to->loaded = t->loaded;
	to->seed = t->seed;
	to->max_memory = o->common.max_memory;
	to->allow_empty = o->common.allow_empty;
	to->par = t->par;
	to->profile = t->profile;
	to->stop = &stop;
}

/* What a failure leaves behind, and how to go on from there. */
static int explain(const struct trainer *t, int code, struct cvt_err *e)
{
	size_t n = strlen(e->text);
	if (code == TRAIN_STOPPED && !t->saved)
		return cvt_fail(e, code, "interrupted");
	if (code == TRAIN_STOPPED)
		return cvt_fail(e, code,
			"interrupted; %s keeps what was done: type the same line with --resume "
			"auto",
			t->checkpoint);
	if (t->saved && (code == CVT_INPUT || code == CVT_SYSTEM))
		(void)snprintf(e->text + n, sizeof e->text - n,
			"; %s keeps what was done: --resume auto goes on", t->checkpoint);
	else if (t->saved && code == CVT_DIVERGED)
		(void)snprintf(
			e->text + n, sizeof e->text - n, "; %s is from before", t->checkpoint);
	return code;
}

static int train(struct trainer *t, struct cvt_err *e)
{
	struct train_source source;
	const bool finds = t->o.tricks.find_lr != NULL;
	const struct train_hooks hooks = {
		t, finds ? trainer_find_report : trainer_report, finds ? NULL : trainer_checkpoint};
	trainer_source(t, &source);
	TRY(check_replay(t, &source, e));
	TRY(par_open(&t->par, (unsigned)t->o.common.threads, e));
	if (t->o.profile && !(t->profile = mem_alloc(1, sizeof *t->profile, e)))
		return CVT_SYSTEM;
	TRY(learner_prepare(t->learner, t->opt, t->o.batch_size, t->par, e));
	trainer_foretell(t);
	fill_train_options(t);
	TRY(trainer_open_checkpoint(t, e));
	TRY(train_open(&t->train, t->learner, &source, &t->train_options, &hooks, e));
	TRY(trainer_resume(t, e));
	TRY(trainer_open_metrics(t, t->resumed, e));
	catch_signals();
	cli_progress_start(&t->progress, &t->cli);
	t->share_before = -1;
	const int code = train_run(t->train, e);
	cli_progress_stop(&t->progress);
	if (finds && (code == CVT_OK || code == CVT_DIVERGED))
		TRY(trainer_find_end(t, code == CVT_DIVERGED, e));
	else if (code != CVT_OK)
		return explain(t, code, e);
	const int told = trainer_close_metrics(t, e);
	return told == CVT_OK ? CVT_OK : explain(t, told, e);
}

/* --find-lr trains for nothing but a curve. */
static int run_finder(struct trainer *t, struct cvt_err *e)
{
	if (t->o.common.output || t->o.resume)
		return cvt_fail(
			e, CVT_USAGE, "--find-lr writes no model; leave out -o and --resume");
	TRY(trainer_find_check(t, e));
	if (t->o.steps == 1)
		return cvt_fail(e, CVT_USAGE, "--find-lr: a curve has at least --steps 2");
	if (t->o.steps == 0)
		t->o.steps = 100;
	TRY(trainer_setup(t, e));
	t->train_options.find_low = 1e-6;
	t->train_options.find_high = 10.0;
	t->train_options.find_done = &t->finder.done;
	return train(t, e);
}

static int run(struct trainer *t, struct cvt_err *e)
{
	if (t->o.tricks.find_lr)
		return run_finder(t, e);
	TRY(cli_refuse_terminal(t->o.common.output, e));
	TRY(trainer_setup(t, e));
	if (!t->o.epochs_given || t->o.epochs > 0)
		TRY(train(t, e));
	TRY(trainer_save(t, e));
	trainer_summary(t);
	trainer_tell_profile(t);
	return CVT_OK;
}

static void close_all(struct trainer *t)
{
	train_close(t->train);
	learner_close(t->learner);
	for (size_t i = 0; i < t->teachers; i++)
		arch_free(t->teacher_arch[i]);
	arch_free(t->arch);
	par_close(t->par);
	if (t->metrics)
		(void)fclose(t->metrics);
	for (size_t i = 0; t->dict && i < t->ndicts; i++)
		state_free(&t->dict[i]);
	free(t->dict);
	model_info_free(&t->info);
	head_free(&t->head);
	head_free(&t->history);
	source_close(t->in);
	trainer_close_target(t);
	trainer_soften_close(t);
	tensor_free(&t->shares);
	free(t->finder.point);
	free(t->field);
	free(t->profile);
	for (size_t i = 0; i < METHOD_HEADS; i++)
		free(t->relabel[i]);
	free(t->loaded);
	free(t->scale_text);
	free(t->checkpoint);
	free(t->identity);
	free(t->line);
}

/* Its options alone are more than a small stack holds. */
int trainer_main(int argc, char **argv, const struct cli_program *p, const char *method)
{
	struct cli_program program = *p;
	struct cvt_err e = {0};
	bool done;
	struct trainer *t = mem_alloc(1, sizeof *t, &e);
	if (!t)
		return cli_end(&(struct cli){.program = p}, CVT_SYSTEM, &e, false);
	t->o = (struct trainer_options){.method = method,
		.sched = "one-cycle",
		.checkpoint_every = "10m",
		.precision = "fp32",
		.batch_size = 128,
		.accumulate = 1};
	head_init(&t->head);
	head_init(&t->history);
	trainer_table(&t->o, t->table);
	program.options = t->table;
	program.common = &t->o.common;
	program.operands_are_source = true;
	int code = cli_parse(&t->cli, &program, argc, argv, &done, &e);
	if (code == CVT_OK && !done && t->o.common.list)
		list_all();
	else if (code == CVT_OK && !done) {
		code = trainer_understand(t, t->table, &e);
		if (code == CVT_OK)
			code = run(t, &e);
	}
	close_all(t);
	code = cli_end(&t->cli, code, &e, false);
	free(t);
	return code;
}
