/*
 * train_score: how good the network is on rows it does not learn from, which epoch was the best,
 * and which weights are kept in the end (see train.h).
 */
#include "train_private.h"

#include <math.h>
#include <string.h>

static void swap(float *a, float *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const float x = a[i];
		a[i] = b[i];
		b[i] = x;
	}
}

/* Exchanges the weights with their average, there and back. */
static void swap_average(struct train *t)
{
	const struct graph *g = t->l->graph;
	if (!t->ema_weight)
		return;
	swap(g->weight, t->ema_weight, g->weights);
	swap(g->buffer, t->ema_buffer, g->buffers);
}

/* Rows [first, first + n) of b, borrowed, into a batch whose fields exist. */
static void lend(struct batch *to, const struct batch *b, size_t first, size_t n)
{
	to->rows = n;
	for (size_t i = 0; i < b->n; i++) {
		const struct tensor *from = &b->field[i].t;
		to->field[i].t = *from;
		to->field[i].t.dims[0] = n;
		to->field[i].t.bytes = n * tensor_row_bytes(from);
		to->field[i].t.capacity = 0;
		to->field[i].t.data = (char *)from->data + first * tensor_row_bytes(from);
	}
}

void train_clear_tally(struct train *t)
{
	if (t->l->ntally)
		memset(t->l->tally, 0, t->l->ntally * sizeof *t->l->tally);
}

void train_conclude(const struct train *t, const struct score_sum *sum, double *score)
{
	const struct learner *l = t->l;
	for (size_t i = 0; i < l->nscores; i++)
		score[i] = sum[i].count > 0.0 ? sum[i].sum / sum[i].count : NAN;
	if (l->method->conclude)
		l->method->conclude(l, score);
}

static void score_rows(
	struct train *t, const struct batch *rows, double *loss, struct score_sum *sum)
{
	struct learner *l = t->l;
	const struct run run = {.par = t->o.par, .seed = t->o.seed, .step = t->c.step};
	learner_bind(l, l->eval, rows, 0);
	if (l->method->before)
		l->method->before(l, l->eval, rows, &run, 1.0);
	plan_forward(l->eval, &run, rows->rows);
	*loss += (double)*plan_value(l->eval, l->val_loss) * (double)rows->rows;
	if (l->method->score)
		l->method->score(l, l->eval, rows, sum);
}

/* How many rows from `first` on are run at a time: groups stay whole, as in training. */
static size_t piece(const struct train *t, const struct batch *b, size_t first)
{
	const size_t left = b->rows - first, most = left < t->l->rows ? left : t->l->rows;
	size_t n = 0;
	if (!batch_get(b, "group"))
		return most;
	while (n < left) {
		const size_t unit = batch_unit(b, first + n, b->rows);
		if (n + unit > most)
			break;
		n += unit;
	}
	return n ? n : most;
}

static int score_all(
	struct train *t, const struct batch *b, struct train_report *r, struct cvt_err *e)
{
	struct score_sum sum[METHOD_SCORES] = {{0}};
	struct batch rows = {0};
	double loss = 0.0;
	for (size_t i = 0; i < b->n; i++)
		if (!batch_add(&rows, b->field[i].name, e))
			return CVT_SYSTEM;
	train_clear_tally(t);
	for (size_t first = 0; first < b->rows; first += rows.rows) {
		lend(&rows, b, first, piece(t, b, first));
		score_rows(t, &rows, &loss, sum);
	}
	for (size_t i = 0; i < rows.n; i++)
		rows.field[i].t = (struct tensor){0};
	batch_free(&rows);
	r->val_loss = loss / (double)b->rows;
	train_conclude(t, sum, r->val_score);
	return CVT_OK;
}

/* What early stopping compares; larger is better. */
static double merit(const struct train *t, const struct train_report *r)
{
	if (t->l->nscores == 0 || isnan(r->val_score[0]))
		return -r->val_loss;
	return t->l->score[0].higher ? r->val_score[0] : -r->val_score[0];
}

static void remember(struct train *t, struct train_report *r)
{
	const struct graph *g = t->l->graph;
	const double now = merit(t, r);
	t->c.bad_epochs++;
	const bool better = now > t->c.best || (isnan(t->c.best) && !isnan(now));
	if (t->c.has_best && !better)
		return;
	r->best = true;
	t->c.has_best = 1;
	t->c.best = now;
	t->c.best_epoch = r->epoch;
	t->c.bad_epochs = 0;
	if (t->best_weight) {
		memcpy(t->best_weight, g->weight, g->weights * sizeof *g->weight);
		memcpy(t->best_buffer, g->buffer, g->buffers * sizeof *g->buffer);
	}
}

int train_validate(struct train *t, struct train_report *r, struct cvt_err *e)
{
	const struct batch *b = feed_validation(t->feed);
	if (b->rows == 0)
		return t->o.patience ? cvt_fail(e, CVT_USAGE,
			       "%s: has no validation rows, which --patience watches; "
			       "cv-read --val-fraction 0.1",
			       t->source.name)
				     : CVT_OK;
	swap_average(t);
	const int code = score_all(t, b, r, e);
	if (code == CVT_OK)
		remember(t, r);
	swap_average(t);
	r->validated = code == CVT_OK;
	return code;
}

void train_keep(struct train *t)
{
	const struct graph *g = t->l->graph;
	const bool best = t->best_weight && t->c.has_best;
	const float *weight = best ? t->best_weight : t->ema_weight;
	const float *buffer = best ? t->best_buffer : t->ema_buffer;
	if (!weight)
		return;
	memcpy(g->weight, weight, g->weights * sizeof *g->weight);
	memcpy(g->buffer, buffer, g->buffers * sizeof *g->buffer);
}
