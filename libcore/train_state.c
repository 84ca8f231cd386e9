/*
 * train_state: everything that a training needs to go on, into a state dict and out of it. Weights
 * have their own names; optimizer.[PHASE.]SLAB.NAME are the optimizer's slabs, ema.NAME and
 * best.NAME the averaged and the best weights; state.NAME are counters (i8; doubles by their bits)
 * and state.method.NAME what the method keeps.
 */
#include "train_private.h"

#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- counters ---------------------------------------------------------------------- */

static const char *const counter_names[] = {"epoch", "rows", "hash", "whole", "step", "loss_sum",
	"loss_rows", "score0_sum", "score0_count", "score1_sum", "score1_count", "score2_sum",
	"score2_count", "score3_sum", "score3_count", "score4_sum", "score4_count", "score5_sum",
	"score5_count", "score6_sum", "score6_count", "score7_sum", "score7_count", "best",
	"best_epoch", "has_best", "bad_epochs", "averaged"};
enum { COUNTERS = sizeof counter_names / sizeof *counter_names };
_Static_assert(sizeof(struct train_counters) == COUNTERS * 8, "a counter without a name");

static int save_number(struct state_dict *d, const char *name, const void *eight, struct cvt_err *e)
{
	const size_t one = 1;
	struct tensor *t;
	char full[80];
	(void)snprintf(full, sizeof full, "state.%s", name);
	TRY(state_add(d, full, DT_I8, 1, &one, &t, e));
	memcpy(t->data, eight, 8);
	return CVT_OK;
}

static int restore_number(
	const struct state_dict *d, const char *name, void *eight, struct cvt_err *e)
{
	char full[80];
	(void)snprintf(full, sizeof full, "state.%s", name);
	const struct tensor *t = state_get(d, full);
	if (!t || t->dtype != DT_I8 || t->bytes != 8)
		return cvt_fail(e, CVT_INPUT, "no checkpoint of a training: %s is missing", full);
	memcpy(eight, t->data, 8);
	return CVT_OK;
}

/* What the last step was like, which the epoch's end tells when it comes first after going on. */
static int save_last(const struct train *t, struct state_dict *d, struct cvt_err *e)
{
	TRY(save_number(d, "lr", &t->lr, e));
	return save_number(d, "gradient_norm", &t->gradient_norm, e);
}

/* Checkpoints from before there were these have none. */
static int restore_last(struct train *t, const struct state_dict *d, struct cvt_err *e)
{
	if (!state_get(d, "state.gradient_norm"))
		return CVT_OK;
	TRY(restore_number(d, "lr", &t->lr, e));
	return restore_number(d, "gradient_norm", &t->gradient_norm, e);
}

static void phase_counter(const char *what, const struct learner_phase *p, char *name, size_t size)
{
	(void)snprintf(name, size, "%s%s%s", what, *p->name ? "." : "", p->name);
}

static int save_phase(const struct learner_phase *p, struct state_dict *d, struct cvt_err *e)
{
	char name[80];
	phase_counter("updates", p, name, sizeof name);
	TRY(save_number(d, name, &p->t, e));
	phase_counter("thawed", p, name, sizeof name);
	return p->thawed ? save_number(d, name, &p->thawed, e) : CVT_OK;
}

static int restore_phase(struct learner_phase *p, const struct state_dict *d, struct cvt_err *e)
{
	char name[80], full[100];
	phase_counter("updates", p, name, sizeof name);
	TRY(restore_number(d, name, &p->t, e));
	phase_counter("thawed", p, name, sizeof name);
	(void)snprintf(full, sizeof full, "state.%s", name);
	return state_get(d, full) ? restore_number(d, name, &p->thawed, e) : CVT_OK;
}

/* What the method counts for its scores, by its bits. */
static int save_tally(const struct train *t, struct state_dict *d, struct cvt_err *e)
{
	const struct learner *l = t->l;
	struct tensor *to;
	if (l->ntally == 0)
		return CVT_OK;
	TRY(state_add(d, "state.tally", DT_I8, 1, &l->ntally, &to, e));
	memcpy(to->data, l->tally, l->ntally * sizeof *l->tally);
	return CVT_OK;
}

static int restore_tally(const struct train *t, const struct state_dict *d, struct cvt_err *e)
{
	const struct learner *l = t->l;
	const struct tensor *from = state_get(d, "state.tally");
	if (l->ntally == 0)
		return CVT_OK;
	if (!from || from->dtype != DT_I8 || from->bytes != l->ntally * sizeof *l->tally)
		return cvt_fail(
			e, CVT_INPUT, "no checkpoint of this method: state.tally is missing");
	memcpy(l->tally, from->data, from->bytes);
	return CVT_OK;
}

/* ---- slabs ------------------------------------------------------------------------- */

/* Where a slab's part of parameter i lies; NULL when this slab has none of it. */
static float *part_of(const struct graph *g, size_t i, float *weights, float *buffers)
{
	float *slab = g->param[i].kind == PARAM_BUFFER ? buffers : weights;
	return slab ? slab + g->param[i].offset : NULL;
}

static int save_slab(const struct graph *g, const char *under, float *weights, float *buffers,
	struct state_dict *d, struct cvt_err *e)
{
	for (size_t i = 0; i < g->nparams; i++)
		if (part_of(g, i, weights, buffers))
			TRY(model_save(g, i, i + 1, NULL, under, weights, buffers, d, e));
	return CVT_OK;
}

static int restore_slab(const struct graph *g, const char *under, float *weights, float *buffers,
	const struct state_dict *d, struct cvt_err *e)
{
	char name[600];
	for (size_t i = 0; i < g->nparams; i++) {
		const struct param *p = &g->param[i];
		float *to = part_of(g, i, weights, buffers);
		if (!to)
			continue;
		(void)snprintf(name, sizeof name, "%s%s", under, p->name);
		const struct tensor *t = state_get(d, name);
		if (!t || t->dtype != DT_F4 || tensor_items(t) != p->items)
			return cvt_fail(e, CVT_INPUT,
				"%s is missing, or has another size: this checkpoint is of a "
				"training with "
				"other options; type the same line, or train anew without --resume",
				name);
		param_import(g, i, to, t->data);
	}
	return CVT_OK;
}

/* Saves to `to` or, when that is NULL, restores from `from`: one list for both. */
static int move_slab(const struct graph *g, const char *under, float *weights, float *buffers,
	struct state_dict *to, const struct state_dict *from, struct cvt_err *e)
{
	return to ? save_slab(g, under, weights, buffers, to, e)
		  : restore_slab(g, under, weights, buffers, from, e);
}

static int move_slabs(const struct train *t, struct state_dict *to, const struct state_dict *from,
	struct cvt_err *e)
{
	const struct graph *g = t->l->graph;
	char under[100];
	TRY(move_slab(g, "", g->weight, g->buffer, to, from, e));
	for (size_t k = 0; k < t->l->nphases; k++) {
		const struct learner_phase *p = &t->l->phase[k];
		for (size_t i = 0; i < OPT_STATES && p->state[i]; i++) {
			(void)snprintf(under, sizeof under, "optimizer.%s%s%s.", p->name,
				*p->name ? "." : "", t->o.opt->state[i]);
			TRY(move_slab(g, under, p->state[i], NULL, to, from, e));
		}
	}
	if (t->ema_weight)
		TRY(move_slab(g, "ema.", t->ema_weight, t->ema_buffer, to, from, e));
	if (t->best_weight && t->c.has_best)
		TRY(move_slab(g, "best.", t->best_weight, t->best_buffer, to, from, e));
	return CVT_OK;
}

/* ---- all of it --------------------------------------------------------------------- */

static void method_name(const struct learner_state *s, char *name, size_t size)
{
	(void)snprintf(name, size, "state.method.%s", s->name);
}

int train_save(struct train *t, struct state_dict *d, struct cvt_err *e)
{
	char name[100];
	TRY(move_slabs(t, d, NULL, e));
	for (size_t i = 0; i < COUNTERS; i++)
		TRY(save_number(d, counter_names[i], (const char *)&t->c + 8 * i, e));
	TRY(save_last(t, d, e));
	TRY(save_tally(t, d, e));
	for (size_t i = 0; i < t->l->nphases; i++)
		TRY(save_phase(&t->l->phase[i], d, e));
	for (size_t i = 0; i < t->l->nstates; i++) {
		const struct learner_state *s = &t->l->state[i];
		struct tensor *to;
		method_name(s, name, sizeof name);
		TRY(state_add(d, name, DT_F4, s->ndim, s->dims, &to, e));
		memcpy(to->data, s->data, s->items * sizeof *s->data);
	}
	return CVT_OK;
}

int train_restore(struct train *t, const struct state_dict *d, struct cvt_err *e)
{
	char name[100];
	for (size_t i = 0; i < COUNTERS; i++)
		TRY(restore_number(d, counter_names[i], (char *)&t->c + 8 * i, e));
	TRY(restore_last(t, d, e));
	TRY(restore_tally(t, d, e));
	for (size_t i = 0; i < t->l->nphases; i++)
		TRY(restore_phase(&t->l->phase[i], d, e));
	for (size_t i = 0; i < t->l->nstates; i++) {
		const struct learner_state *s = &t->l->state[i];
		method_name(s, name, sizeof name);
		const struct tensor *from = state_get(d, name);
		if (!from || from->dtype != DT_F4 || tensor_items(from) != s->items)
			return cvt_fail(
				e, CVT_INPUT, "no checkpoint of this method: %s is missing", name);
		memcpy(s->data, from->data, s->items * sizeof *s->data);
	}
	return move_slabs(t, NULL, d, e);
}
