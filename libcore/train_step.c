/* train_step: one step: rows in, loss, gradients, clipping, update, average (see train.h). */
#include "train_private.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 1 << 14 };

/* ---- blocks ------------------------------------------------------------------------ */

static double scale_of(const struct train *t, const char *name)
{
	double factor = 1.0;
	for (size_t i = 0; i < t->o.nlr_scale; i++)
		if (name_has_prefix(name, t->o.lr_scale[i].prefix))
			factor *= t->o.lr_scale[i].factor;
	return factor;
}

/* A norm's shift follows its scale, and neither decays. */
static bool is_norm_bias(const struct graph *g, size_t i)
{
	const size_t n = strlen(g->param[i].name);
	return i > 0 && g->param[i].kind == PARAM_BIAS && g->param[i - 1].kind == PARAM_BIAS
	       && n >= 4 && strcmp(g->param[i].name + n - 4, "bias") == 0;
}

/* How a parameter's steps differ from the others'. */
static struct train_block habits(const struct train *t, size_t phase, size_t i)
{
	const struct param *p = &t->l->graph->param[i];
	const double scale = t->o.bias_lr_scale > 0.0 ? t->o.bias_lr_scale : 1.0;
	const double bias = is_norm_bias(t->l->graph, i) ? scale : 1.0;
	return (struct train_block){.phase = phase,
		.lr_scale = t->l->phase[phase].lr_scale * scale_of(t, p->name) * bias,
		.decay = p->kind == PARAM_WEIGHT || t->o.decay_all ? 1.0 / bias : 0.0};
}

/* Counts the blocks of everything that phases train; fills them in when there is room. */
static size_t cut(struct train *t, struct train_block *to)
{
	const struct graph *g = t->l->graph;
	size_t n = 0;
	for (size_t ph = 0; ph < t->l->nphases; ph++)
		for (size_t i = 0; i < g->nparams; i++) {
			const struct param *p = &g->param[i];
			if (p->kind == PARAM_BUFFER || !t->l->phase[ph].trains[i])
				continue;
			const struct train_block as = habits(t, ph, i);
			for (size_t first = 0; first < p->items; first += BLOCK, n++) {
				if (!to)
					continue;
				to[n] = as;
				to[n].offset = p->offset + first;
				to[n].n = p->items - first < BLOCK ? p->items - first : BLOCK;
			}
		}
	return n;
}

int train_step_open(struct train *t, struct cvt_err *e)
{
	t->nblocks = cut(t, NULL);
	t->block = mem_alloc(t->nblocks, sizeof *t->block, e);
	t->part = mem_alloc(t->nblocks, sizeof *t->part, e);
	if (!t->block || !t->part)
		return CVT_SYSTEM;
	(void)cut(t, t->block);
	return CVT_OK;
}

/* ---- where we are ------------------------------------------------------------------ */

/* All epochs, as far as is known; 0 = unknown. With --steps, as many as those steps take. */
static double epochs_in_all(const struct train *t, const struct feed_item *item)
{
	const bool rows = item->epoch_rows != TRAIN_UNKNOWN && item->epoch_rows > 0;
	if (t->o.steps)
		return rows ? (double)t->o.steps * (double)(t->o.batch_size * t->o.accumulate)
				       / (double)item->epoch_rows
			    : 1.0;
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

static int learning_rate(struct train *t, const struct feed_item *item, struct cvt_err *e)
{
	const double all = epochs_in_all(t, item);
	const struct sched_choice *s = &t->o.sched;
	if (all == 0.0 && (s->sched->needs_total || s->warmup_epochs > 0.0))
		return cvt_fail(e, CVT_USAGE,
			"%s: does not say how many rows or epochs will come, which --sched %s must "
			"know; "
			"add --epochs N or --steps N, or take --sched constant",
			t->source.name, s->sched->name);
	const double from = epoch_at(t, item, &t->was, t->c.step);
	const double to = epoch_at(t, item, &item->end, t->c.step + 1);
	t->lr = t->o.lr * sched_factor(s, from, to, all);
	return CVT_OK;
}

/* ---- the step ---------------------------------------------------------------------- */

void train_bind(const struct learner *l, struct plan *p, const struct batch *rows)
{
	for (size_t i = 0; i < l->ninputs; i++) {
		const struct tensor *x = batch_get(rows, l->input[i].field);
		if (x)
			plan_bind(p, l->input[i].node, x->data);
	}
}

static int diverged(const struct train *t, double loss, double norm, struct cvt_err *e)
{
	return cvt_fail(e, CVT_DIVERGED,
		"step %llu: training diverged: loss %g, learning rate %g, gradient norm %g; lower "
		"--lr, "
		"or add --warmup-epochs 1 or --clip-norm 1",
		(unsigned long long)t->c.step + 1, fabs(loss), t->lr, fabs(norm)); /* no "-nan" */
}

struct update {
	struct train *t;
	size_t phase;
	struct opt_step step;
};

static void square_block(void *context, size_t b, unsigned thread)
{
	(void)thread;
	const struct update *u = context;
	const struct train_block *block = &u->t->block[b];
	const float *g = u->t->l->graph->grad + block->offset;
	double sum = 0.0;
	for (size_t i = 0; i < block->n && block->phase == u->phase; i++)
		sum += (double)g[i] * (double)g[i];
	u->t->part[b] = sum;
}

/* The norm of a phase's gradient, added block by block. */
static double gradient_norm(struct train *t, struct update *u)
{
	double sum = 0.0;
	par_for(t->o.par, t->nblocks, square_block, u);
	for (size_t i = 0; i < t->nblocks; i++)
		sum += t->part[i];
	return sqrt(sum);
}

static void update_block(void *context, size_t b, unsigned thread)
{
	(void)thread;
	const struct update *u = context;
	const struct train *t = u->t;
	const struct train_block *block = &t->block[b];
	const struct learner_phase *p = &t->l->phase[u->phase];
	struct opt_step s = u->step;
	struct opt_slice x = {.n = block->n,
		.w = t->l->graph->weight + block->offset,
		.g = t->l->graph->grad + block->offset};
	if (block->phase != u->phase)
		return;
	for (size_t i = 0; i < OPT_STATES; i++)
		x.state[i] = p->state[i] ? p->state[i] + block->offset : NULL;
	s.lr *= block->lr_scale;
	s.decay = block->decay * s.config->weight_decay;
	t->o.opt->update(&s, &x);
}

/* Moves the parameters of a phase; its gradients are cleared. */
static int update(struct train *t, size_t phase, double loss, struct cvt_err *e)
{
	struct learner_phase *p = &t->l->phase[phase];
	const double mean = 1.0 / (double)t->pending;
	struct update u = {.t = t, .phase = phase};
	const double norm = mean * gradient_norm(t, &u);
	if (!isfinite(norm))
		return diverged(t, loss, norm, e);
	/* torch.nn.utils.clip_grad_norm_ */
	const double clip = t->o.clip_norm > 0.0 && norm > t->o.clip_norm
				    ? t->o.clip_norm / (norm + 1e-6)
				    : 1.0;
	u.step = (struct opt_step){.config = &t->l->facts->opt,
		.lr = t->lr,
		.grad_scale = (float)(mean * clip),
		.grad_limit = t->o.clip_value > 0.0 ? (float)t->o.clip_value : INFINITY,
		.t = ++p->t};
	par_for(t->o.par, t->nblocks, update_block, &u);
	t->gradient_norm = norm;
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
	train_bind(l, p->plan, &item->rows);
	if (l->method->before)
		l->method->before(l, p->plan, &item->rows, run, train_share(t, item, &t->was));
	plan_forward(p->plan, run, item->rows.rows);
	const double loss = (double)*plan_value(p->plan, p->loss);
	if (!isfinite(loss))
		return diverged(t, loss, t->gradient_norm, e);
	plan_backward(p->plan, run, item->rows.rows);
	if (phase == 0)
		count(t, p->plan, &item->rows, loss);
	return t->pending == t->o.accumulate ? update(t, phase, loss, e) : CVT_OK;
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
	struct run run = {.par = t->o.par, .train = true, .seed = t->o.seed, .step = t->c.step};
	if (t->pending++ == 0)
		t->was = t->c.at;
	else
		run.step |= (uint64_t)(t->pending - 1) << 48; /* each batch draws anew */
	TRY(learning_rate(t, item, e));
	if (t->c.step == 0 && t->pending == 1)
		TRY(train_whiten(t, &item->rows, e));
	for (size_t i = 0; i < t->l->nphases; i++)
		if (t->c.step % t->l->phase[i].period == 0)
			TRY(phase_batch(t, i, item, &run, e));
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
		TRY(update(t, i, NAN, e));
	finish_step(t, item, &run);
	return CVT_OK;
}
