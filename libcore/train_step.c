/* train_step: one step: rows in, loss, gradients, update, average (see train.h). */
#include "train_private.h"

#include <math.h>
#include <string.h>

/* ---- where we are ------------------------------------------------------------------ */

/* How many steps an epoch takes: its last batch may be smaller, its last step of fewer batches. */
static double epoch_steps(const struct train *t, size_t rows)
{
	const size_t b = t->o.batch_size, n = t->o.accumulate;
	const size_t whole = rows / b, batches = whole + (rows % b && !(t->o.drop_last && whole));
	const size_t steps = batches / n + (batches % n != 0);
	return (double)steps;
}

/* All epochs, as far as is known; 0 = unknown. With --steps, as many as those steps take. */
static double epochs_in_all(const struct train *t, const struct feed_item *item)
{
	const bool rows = item->epoch_rows != TRAIN_UNKNOWN && item->epoch_rows > 0;
	if (t->o.steps)
		return rows ? (double)t->o.steps / epoch_steps(t, item->epoch_rows) : 1.0;
	return rows && item->epochs != TRAIN_UNKNOWN ? (double)item->epochs : 0.0;
}

/* A position in epochs. */
static double epoch_at(const struct train *t, const struct feed_item *item,
	const struct feed_position *at, uint64_t step)
{
	if (t->o.steps)
		return (double)step / (double)t->o.steps * epochs_in_all(t, item);
	if (item->epoch_rows == TRAIN_UNKNOWN || item->epoch_rows == 0)
		return (double)at->epoch;
	return (double)at->epoch + (double)at->rows / (double)item->epoch_rows;
}

double train_share(
	const struct train *t, const struct feed_item *item, const struct feed_position *at)
{
	const double all = epochs_in_all(t, item);
	return all > 0.0 ? fmin(epoch_at(t, item, at, t->c.step) / all, 1.0) : NAN;
}

const char *train_asks_length(const struct train *t)
{
	const struct sched_choice *s = &t->o.sched;
	return s->sched->needs_total                                ? "--sched"
	       : s->warmup_epochs > 0.0                             ? "--warmup-epochs"
	       : t->o.swa && t->o.swa_start > 0.0                   ? "--swa"
	       : t->o.lookahead.every && t->o.lookahead.power > 0.0 ? "--lookahead with a power"
	       : t->l->asks_length                                  ? t->l->asks_length
								    : NULL;
}

/* What asks how long an epoch is, though --steps says how long all is. */
static const char *asks_epochs(const struct train *t)
{
	const struct sched_choice *s = &t->o.sched;
	const size_t from = s->sched->counts_epochs;
	return s->warmup_epochs > 0.0         ? "--warmup-epochs"
	       : from && s->given >= from - 1 ? "--sched"
					      : NULL;
}

static int check_length(const struct train *t, const struct feed_item *item, struct cvt_err *e)
{
	const bool rows = item->epoch_rows != TRAIN_UNKNOWN;
	const char *asks = t->o.steps                     ? (rows ? NULL : asks_epochs(t))
			   : epochs_in_all(t, item) > 0.0 ? NULL
							  : train_asks_length(t);
	if (!asks)
		return CVT_OK;
	return cvt_fail(e, CVT_USAGE, "%s: does not say how many rows %s, which %s must know; %s",
		t->source.name, t->o.steps ? "an epoch has" : "or epochs will come", asks,
		t->o.steps    ? "cv-read --epochs N makes epochs whose length is known"
		: t->o.epochs ? "add --steps N, or take --sched constant without the rest"
			      : "add --epochs N or --steps N, or take --sched constant");
}

static int learning_rate(struct train *t, const struct feed_item *item, struct cvt_err *e)
{
	const double all = epochs_in_all(t, item);
	const struct sched_choice *s = &t->o.sched;
	if (t->o.find_low > 0.0) {
		const double x = (double)t->c.step / (double)(t->o.steps > 1 ? t->o.steps - 1 : 1);
		t->lr = t->o.find_low * pow(t->o.find_high / t->o.find_low, x);
		t->factor = t->lr / t->o.lr;
		return CVT_OK;
	}
	TRY(check_length(t, item, e));
	const double from = epoch_at(t, item, &t->was, t->c.step);
	const double to = epoch_at(t, item, &item->end, t->c.step + 1);
	t->factor = sched_factor(s, from, to, all);
	t->lr = t->o.lr * t->factor;
	return CVT_OK;
}

/* ---- a batch ----------------------------------------------------------------------- */

static void count(struct train *t, const struct plan *plan, const struct batch *rows, double loss)
{
	t->c.loss_sum += loss * (double)rows->rows;
	t->c.loss_rows += (double)rows->rows;
	t->rows_done += rows->rows;
	if (t->l->method->score)
		t->l->method->score(t->l, plan, rows, t->c.score);
}

static int phase_batch(struct train *t, size_t phase, const struct feed_item *item, struct run *run,
	struct cvt_err *e)
{
	struct learner *l = t->l;
	struct learner_phase *p = &l->phase[phase];
	learner_bind(l, p->plan, &item->rows, 0);
	if (l->method->before)
		l->method->before(l, p->plan, &item->rows, run, train_share(t, item, &t->was));
	run->apart = l->apart;
	plan_forward(p->plan, run, item->rows.rows);
	const double loss = (double)*plan_value(p->plan, p->loss);
	if (!isfinite(loss))
		return train_diverged(t, phase, loss, t->gradient_norm, e);
	plan_backward(p->plan, run, item->rows.rows);
	t->batch_loss = t->last_loss[phase] = loss;
	if (phase == 0)
		count(t, p->plan, &item->rows, loss);
	return t->pending == t->o.accumulate ? train_update(t, phase, loss, e) : CVT_OK;
}

static int run_phases(
	struct train *t, const struct feed_item *item, struct run *run, struct cvt_err *e)
{
	for (size_t i = 0; i < t->l->nphases; i++) {
		const bool due = t->c.step % t->l->phase[i].period == 0;
		const int code = due ? phase_batch(t, i, item, run, e) : CVT_OK;
		if (code != CVT_OK)
			return code == CVT_DIVERGED ? train_blame(t, &item->rows, e) : code;
	}
	return CVT_OK;
}

static void finish_step(struct train *t, const struct feed_item *item, const struct run *run)
{
	t->c.step++;
	t->c.at = item->end;
	t->pending = 0;
	if (t->ema_weight)
		train_average(t, train_share(t, item, &t->c.at));
	if (t->l->method->after)
		t->l->method->after(t->l, &item->rows, run);
}

int train_step(struct train *t, const struct feed_item *item, struct cvt_err *e)
{
	struct run run = {.par = t->o.par,
		.train = true,
		.seed = t->o.seed,
		.step = t->c.step,
		.profile = t->o.profile};
	if (t->pending++ == 0)
		t->was = t->c.at;
	else
		run.step |= (uint64_t)(t->pending - 1) << 48; /* each batch draws anew */
	TRY(learning_rate(t, item, e));
	if (t->c.step == 0 && t->pending == 1)
		TRY(train_whiten(t, &item->rows, e));
	TRY(train_mix(t, &item->rows, &run, e));
	TRY(run_phases(t, item, &run, e));
	if (t->pending == t->o.accumulate)
		finish_step(t, item, &run);
	return CVT_OK;
}

int train_step_flush(struct train *t, const struct feed_item *item, struct cvt_err *e)
{
	const struct run run = {
		.par = t->o.par, .train = true, .seed = t->o.seed, .step = t->c.step};
	if (!t->pending)
		return CVT_OK;
	for (size_t i = 0; i < t->l->nphases; i++)
		if (t->c.step % t->l->phase[i].period == 0)
			TRY(train_update(t, i, NAN, e));
	finish_step(t, item, &run);
	return CVT_OK;
}
