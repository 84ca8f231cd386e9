/* train: the loop itself: batches in, steps, validation at epochs' ends, checkpoints (see train.h).
 */
#include "train_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int copy_slab(struct graph *g, float **to, const float *from, size_t n, struct cvt_err *e)
{
	TRY(graph_charge(g, n * sizeof **to, e));
	*to = mem_alloc(n, sizeof **to, e);
	if (!*to)
		return CVT_SYSTEM;
	memcpy(*to, from, n * sizeof **to);
	return CVT_OK;
}

static int open_slabs(struct train *t, struct cvt_err *e)
{
	struct graph *g = t->l->graph;
	if (train_averages(&t->o)) {
		TRY(copy_slab(g, &t->ema_weight, g->weight, g->weights, e));
		TRY(copy_slab(g, &t->ema_buffer, g->buffer, g->buffers, e));
	}
	if (t->o.patience) {
		TRY(copy_slab(g, &t->best_weight, g->weight, g->weights, e));
		TRY(copy_slab(g, &t->best_buffer, g->buffer, g->buffers, e));
	}
	if (t->o.l2_sp > 0.0)
		TRY(copy_slab(g, &t->start, g->weight, g->weights, e));
	return train_update_open(t, e);
}

static int check_epochs(
	const struct train_source *s, const struct train_options *o, struct cvt_err *e)
{
	if (o->epochs && s->epochs != TRAIN_UNKNOWN && s->epochs > 1 && o->epochs > s->epochs)
		return cvt_fail(e, CVT_USAGE,
			"%s: brings %zu epochs, --epochs asks for %zu; cv-read --epochs %zu",
			s->name, s->epochs, o->epochs, o->epochs);
	return CVT_OK;
}

int train_open(struct train **out, struct learner *l, const struct train_source *s,
	const struct train_options *o, const struct train_hooks *h, struct cvt_err *e)
{
	TRY(check_epochs(s, o, e));
	struct train *t = *out = mem_alloc(1, sizeof *t, e);
	if (!t)
		return CVT_SYSTEM;
	t->l = l;
	t->source = *s;
	t->o = *o;
	t->hooks = *h;
	const int code = open_slabs(t, e);
	if (code != CVT_OK) {
		train_close(t);
		*out = NULL;
	}
	return code;
}

size_t train_epochs_done(const struct train *t)
{
	return (size_t)t->c.at.epoch;
}

void train_close(struct train *t)
{
	if (!t)
		return;
	feed_close(t->feed);
	free(t->ema_weight);
	free(t->ema_buffer);
	free(t->best_weight);
	free(t->best_buffer);
	free(t->start);
	train_update_close(t);
	free(t);
}

/* ---- telling ----------------------------------------------------------------------- */

static void fill_report(const struct train *t, const struct feed_item *item, struct train_report *r)
{
	*r = (struct train_report){.epoch = t->c.at.epoch,
		.epochs = item->epochs,
		.step = t->c.step,
		.rows = t->c.at.rows,
		.epoch_rows = item->epoch_rows,
		.loss = t->c.loss_rows > 0.0 ? t->c.loss_sum / t->c.loss_rows : NAN,
		.lr = t->lr,
		.batch_loss = t->batch_loss,
		.gradient_norm = t->gradient_norm,
		.scores = t->l->nscores,
		.seconds = cli_seconds() - t->started,
		.share = train_share(t, item, &t->c.at)};
	r->rows_per_second = r->seconds > 0.0 ? (double)t->rows_done / r->seconds : 0.0;
	r->waiting = r->seconds > 0.0 ? t->waited / r->seconds : 0.0;
	train_conclude(t, t->c.score, r->score);
	for (size_t i = 0; i < t->l->nscores; i++)
		r->score_name[i] = t->l->score[i].name;
	r->watched = t->l->nwatched;
	for (size_t i = 0; i < t->l->nwatched; i++) {
		r->watched_name[i] = t->l->watched[i].name;
		r->watched_value[i] = (double)*param_data(t->l->graph, t->l->watched[i].param);
	}
}

static void report(const struct train *t, const struct train_report *r)
{
	if (t->hooks.report)
		t->hooks.report(t->hooks.context, r);
}

static int checkpoint(struct train *t, struct cvt_err *e)
{
	struct state_dict d = {0};
	if (!t->hooks.checkpoint)
		return CVT_OK;
	int code = train_save(t, &d, e);
	if (code == CVT_OK)
		code = t->hooks.checkpoint(t->hooks.context, &d, e);
	state_free(&d);
	t->checkpointed = cli_seconds();
	return code;
}

/* No label, mask or target of the epoch so far was known: no loss and no score has a row. */
static bool learned_nothing(const struct train *t)
{
	double score[METHOD_SCORES];
	if (t->l->nscores == 0 || t->c.loss_rows == 0.0 || t->c.loss_sum != 0.0)
		return false;
	train_conclude(t, t->c.score, score);
	for (size_t i = 0; i < t->l->nscores; i++)
		if (!isnan(score[i]))
			return false;
	return true;
}

static int check_learned(const struct train *t, struct cvt_err *e)
{
	return learned_nothing(t) ? cvt_fail(e, CVT_INPUT,
		       "%s: has nothing to learn from: what is to be learned is unknown in each of "
		       "%.0f rows",
		       t->source.name, t->c.loss_rows)
				  : CVT_OK;
}

/* ---- what comes from the feed ------------------------------------------------------ */

/* What was frozen learns from this epoch on. */
static int thaw(struct train *t, const struct feed_item *item, struct cvt_err *e)
{
	if (!t->o.unfreeze_at || t->thawed || item->end.epoch < t->o.unfreeze_at)
		return CVT_OK;
	t->thawed = true;
	for (size_t i = 0; i < t->l->nphases; i++)
		if (!t->l->phase[i].thawed)
			t->l->phase[i].thawed = t->l->phase[i].t;
	TRY(learner_unfreeze(t->l, e));
	train_update_close(t);
	return train_update_open(t, e);
}

static int on_rows(struct train *t, const struct feed_item *item, struct cvt_err *e)
{
	struct train_report r;
	TRY(thaw(t, item, e));
	TRY(train_step(t, item, e));
	fill_report(t, item, &r);
	report(t, &r);
	if (t->o.checkpoint_every > 0.0 && !t->pending
		&& cli_seconds() - t->checkpointed > t->o.checkpoint_every)
		return checkpoint(t, e);
	return CVT_OK;
}

static int on_epoch(struct train *t, const struct feed_item *item, struct cvt_err *e)
{
	struct train_report r;
	TRY(train_step_flush(t, item, e));
	TRY(check_learned(t, e));
	fill_report(t, item, &r);
	r.epoch_end = true;
	r.epoch = (size_t)item->end.epoch - 1;
	if (t->l->method->epoch_end)
		t->l->method->epoch_end(t->l, r.epoch);
	TRY(train_validate(t, &r, e));
	report(t, &r);
	t->c.at = item->end;
	t->c.loss_sum = t->c.loss_rows = 0.0;
	memset(t->c.score, 0, sizeof t->c.score);
	train_clear_tally(t);
	return checkpoint(t, e);
}

/* --steps ended within an epoch: what there is of it is told like one. */
static void tell_part(struct train *t, const struct feed_item *item)
{
	struct train_report r;
	if (!item || t->c.loss_rows == 0.0)
		return;
	fill_report(t, item, &r);
	r.epoch_end = true;
	report(t, &r);
}

static bool enough(const struct train *t)
{
	return (t->o.find_done && *t->o.find_done) || (t->o.steps && t->c.step >= t->o.steps)
	       || (t->o.patience && t->c.bad_epochs >= t->o.patience);
}

static int loop(struct train *t, struct cvt_err *e)
{
	const struct feed_item *item = NULL;
	while (!enough(t)) {
		if (t->o.stop && *t->o.stop)
			return TRAIN_STOPPED;
		TRY(feed_next(t->feed, &item, &t->waited, e));
		if (item->kind == FEED_END)
			break;
		TRY(item->kind == FEED_ROWS ? on_rows(t, item, e) : on_epoch(t, item, e));
	}
	TRY(check_learned(t, e));
	tell_part(t, item);
	if (t->c.step || t->o.allow_empty)
		return CVT_OK;
	return cvt_fail(e, CVT_INPUT,
		"%s: there are no rows to train on; --allow-empty lets that pass", t->source.name);
}

static int open_feed(struct train *t, struct cvt_err *e)
{
	for (size_t i = 0; i < t->l->ninputs; i++)
		t->field[i] = t->l->input[i].field;
	const struct feed_spec spec = {.source = &t->source,
		.field = t->field,
		.nfields = t->l->ninputs,
		.batch_size = t->o.batch_size,
		.drop_last = t->o.drop_last,
		.epochs = t->o.epochs,
		.endless = t->o.steps > 0,
		.measure = train_asks_length(t) != NULL,
		.seed = t->o.seed,
		.max_memory = graph_left(t->l->graph, t->o.max_memory),
		.from = t->c.at,
		.stop = t->o.stop};
	return feed_open(&t->feed, &spec, e);
}

/* A failure of the input, or a signal, leaves a checkpoint behind; one of the numbers does not, nor
 * one between two batches of a step: then the last good one stays. */
static int keep_what_is_done(struct train *t, int code, struct cvt_err *e)
{
	struct cvt_err second = {0};
	const bool spoilt = code == CVT_DIVERGED || code == CVT_USAGE;
	if (spoilt || t->pending || t->c.step == 0 || learned_nothing(t))
		return code;
	const int saved = checkpoint(t, &second);
	if (saved != CVT_OK && code == TRAIN_STOPPED) {
		*e = second;
		return saved;
	}
	return code;
}

int train_run(struct train *t, struct cvt_err *e)
{
	TRY(open_feed(t, e));
	train_begin(t);
	t->started = t->checkpointed = cli_seconds();
	const int code = t->l->method->fit ? train_fit(t, e) : loop(t, e);
	if (code != CVT_OK)
		return keep_what_is_done(t, code, e);
	train_keep(t);
	return CVT_OK;
}
