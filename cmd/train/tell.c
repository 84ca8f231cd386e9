/* trainer_tell: progress for people, --metrics for programs (see trainer.h). */
#include "trainer.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_tsv(const char *name)
{
	const size_t n = strlen(name);
	return n > 4 && strcmp(name + n - 4, ".tsv") == 0;
}

/* ---- metrics ----------------------------------------------------------------------- */

/* The keys of one epoch; the scores' names follow by the method. */
struct metric {
	char name[FIELD_NAME + 24];
	double value;
	bool whole; /* a count */
};

static size_t metrics_of(const struct train_report *r, struct metric *m)
{
	const double none = NAN;
	size_t n = 0;
	m[n++] = (struct metric){"epoch", (double)r->epoch + 1, true};
	m[n++] = (struct metric){"step", (double)r->step, true};
	m[n++] = (struct metric){"loss", r->loss, false};
	for (size_t i = 0; i < r->scores; i++) {
		m[n] = (struct metric){"", r->score[i], false};
		(void)snprintf(m[n++].name, sizeof m->name, "%s", r->score_name[i]);
	}
	m[n++] = (struct metric){"val_loss", r->validated ? r->val_loss : none, false};
	for (size_t i = 0; i < r->scores; i++) {
		m[n] = (struct metric){"", r->validated ? r->val_score[i] : none, false};
		(void)snprintf(m[n++].name, sizeof m->name, "val_%s", r->score_name[i]);
	}
	for (size_t i = 0; i < r->watched; i++) {
		m[n] = (struct metric){"", r->watched_value[i], false};
		(void)snprintf(m[n++].name, sizeof m->name, "%s", r->watched_name[i]);
	}
	m[n++] = (struct metric){"lr", r->lr, false};
	m[n++] = (struct metric){"gradient_norm", r->gradient_norm, false};
	m[n++] = (struct metric){"seconds", r->seconds, false};
	m[n++] = (struct metric){"rows_per_second", r->rows_per_second, false};
	m[n++] = (struct metric){"waiting", r->waiting, false};
	return n;
}

enum { METRICS = 10 + 2 * METHOD_SCORES + METHOD_WATCHED };

static void put_value(FILE *f, const struct metric *m)
{
	if (isnan(m->value) || isinf(m->value))
		(void)fputs("null", f);
	else
		(void)fprintf(f, m->whole ? "%.0f" : "%.9g", m->value);
}

/* Into the file at once: others follow it. */
static void put_metrics(struct trainer *t, const struct train_report *r, bool tsv)
{
	FILE *f = t->metrics;
	struct metric m[METRICS];
	errno = 0;
	const size_t n = metrics_of(r, m);
	for (size_t i = 0; i < n; i++) {
		if (tsv)
			(void)fputs(i ? "\t" : "", f);
		else
			(void)fprintf(f, "%s\"%s\": ", i ? ", " : "{", m[i].name);
		put_value(f, &m[i]);
	}
	(void)fputs(tsv ? "\n" : "}\n", f);
	if ((fflush(f) != 0 || ferror(f)) && !t->metrics_error)
		t->metrics_error = errno ? errno : EIO;
}

static void put_header(const struct trainer *t)
{
	struct train_report r = {0};
	struct metric m[METRICS];
	for (; r.scores < t->learner->nscores; r.scores++)
		r.score_name[r.scores] = t->learner->score[r.scores].name;
	for (; r.watched < t->learner->nwatched; r.watched++)
		r.watched_name[r.watched] = t->learner->watched[r.watched].name;
	const size_t n = metrics_of(&r, m);
	for (size_t i = 0; i < n; i++)
		(void)fprintf(t->metrics, "%s%s", i ? "\t" : "", m[i].name);
	(void)fputc('\n', t->metrics);
}

/* Whether this line tells of an epoch behind the first `done` ones. */
static bool is_later(const char *line, size_t done)
{
	static const char json[] = "{\"epoch\": ";
	const size_t n = strncmp(line, json, sizeof json - 1) == 0 ? sizeof json - 1 : 0;
	return isdigit((unsigned char)line[n]) && strtoull(line + n, NULL, 10) > done;
}

/* An epoch whose line was written, but that ended in no checkpoint, is learned and told once more:
 * its line goes, and with it the beginning of one that was cut. */
static int cut_metrics(const struct trainer *t, struct cvt_err *e)
{
	char piece[4096];
	bool start = true; /* of a line */
	long keep = 0;
	while (fgets(piece, sizeof piece, t->metrics)) {
		if (start && is_later(piece, train_epochs_done(t->train)))
			break;
		start = strchr(piece, '\n') != NULL;
		if (start)
			keep = ftell(t->metrics);
	}
	if (fseek(t->metrics, keep, SEEK_SET) != 0 || ftruncate(fileno(t->metrics), keep) != 0)
		return cvt_fail_errno(e, "%s: cannot be written", t->o.common.metrics);
	return CVT_OK;
}

/* "-" is standard output, which the model must not use then. */
static int open_stdout(struct trainer *t, struct cvt_err *e)
{
	const char *model = t->o.common.output;
	if (!model || strcmp(model, "-") == 0)
		return cvt_fail(e, CVT_USAGE, "--metrics -: the model goes there; add -o FILE");
	const int fd = dup(STDOUT_FILENO);
	t->metrics = fd < 0 ? NULL : fdopen(fd, "w");
	return t->metrics ? CVT_OK : cvt_fail_errno(e, "standard output");
}

int trainer_open_metrics(struct trainer *t, bool go_on, struct cvt_err *e)
{
	const char *name = t->o.common.metrics;
	struct stat s;
	if (!name)
		return CVT_OK;
	if (strcmp(name, "-") == 0)
		return open_stdout(t, e);
	const bool there = go_on && stat(name, &s) == 0;
	t->metrics = fopen(name, !there ? "w" : S_ISREG(s.st_mode) ? "r+" : "a");
	if (!t->metrics)
		return cvt_fail_errno(e, "%s", name);
	if (there && S_ISREG(s.st_mode))
		TRY(cut_metrics(t, e));
	if (is_tsv(name) && ftell(t->metrics) <= 0)
		put_header(t);
	return CVT_OK;
}

int trainer_close_metrics(struct trainer *t, struct cvt_err *e)
{
	FILE *f = t->metrics;
	t->metrics = NULL;
	if (!f)
		return CVT_OK;
	if (fclose(f) != 0 && !t->metrics_error)
		t->metrics_error = errno;
	errno = t->metrics_error;
	return errno ? cvt_fail_errno(e, "%s: cannot be written", t->o.common.metrics) : CVT_OK;
}

/* ---- progress ---------------------------------------------------------------------- */

static void scores_text(const struct train_report *r, char *to, size_t size)
{
	size_t n = 0;
	to[0] = '\0';
	for (size_t i = 0; i < r->scores && n < size; i++)
		if (!isnan(r->score[i]))
			n += (size_t)snprintf(
				to + n, size - n, " %s %.4f", r->score_name[i], r->score[i]);
	for (size_t i = 0; r->validated && i < r->scores && n < size; i++)
		n += (size_t)snprintf(
			to + n, size - n, " validation %s %.4f", r->score_name[i], r->val_score[i]);
}

static void say(struct trainer *t, const struct train_report *r)
{
	char scores[300], left[CLI_CLOCK], epochs[30] = "", share[30] = "";
	scores_text(r, scores, sizeof scores);
	const double done = r->share - t->share_before;
	cli_clock(done > 0 ? r->seconds / done * (1 - r->share) : NAN, left);
	if (r->epochs != TRAIN_UNKNOWN)
		(void)snprintf(epochs, sizeof epochs, "/%zu", r->epochs);
	if (!isnan(r->share))
		(void)snprintf(share, sizeof share, " %.0f%%", 100 * r->share);
	cli_progress_say(&t->progress,
		"epoch %zu%s%s loss %.4f%s, %.0f img/s, waiting %.0f%%, ETA %s", r->epoch + 1,
		epochs, share, r->loss, scores, r->rows_per_second, 100 * r->waiting, left);
}

void trainer_report(void *context, const struct train_report *r)
{
	struct trainer *t = context;
	if (t->share_before < 0)
		t->share_before = r->share;
	if (r->epoch_end) {
		t->last = *r;
		if (t->metrics)
			put_metrics(t, r, is_tsv(t->o.common.metrics));
	}
	if (cli_progress_due(&t->progress))
		say(t, r);
}

void trainer_foretell(const struct trainer *t)
{
	const struct graph *g = t->learner->graph;
	size_t parameters = 0; /* g->weights has gaps */
	for (size_t i = 0; i < g->nparams; i++)
		parameters += g->param[i].kind == PARAM_BUFFER ? 0 : g->param[i].items;
	if (t->o.common.verbose)
		cli_note(&t->cli, "%zu parameters; %zu MiB for batches of %zu rows", parameters,
			(learner_bytes(t->learner) + (1 << 20) - 1) >> 20, t->o.batch_size);
}

void trainer_summary(const struct trainer *t)
{
	char scores[300], time[CLI_CLOCK];
	const struct train_report *r = &t->last;
	if (!r->epoch_end)
		return;
	scores_text(r, scores, sizeof scores);
	cli_note(&t->cli, "%s: %zu epoch%s in %s, loss %.4f%s",
		t->o.common.output ? t->o.common.output : "standard output", r->epoch + 1,
		r->epoch ? "s" : "", cli_clock(r->seconds, time), r->loss, scores);
}
