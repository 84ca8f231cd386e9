/* method_plans: what a learner learns and is scored with: the plans of its phases, states of the optimizer,
 * the plan of evaluation (see method.h). */
#include "method/method.h"

#include <string.h>

/* What is not frozen, of what the method wants trained. */
static void choose_params(const struct graph *g, struct learner_phase *p)
{
	for (size_t i = 0; i < g->nparams; i++)
		p->trains[i] =
			p->wants[i] && g->param[i].kind != PARAM_BUFFER && !g->param[i].frozen;
}

/* The plan for it: `bytes` of it, or itself in the memory of a phase whose plan is no smaller (NULL: in its
 * own). */
static int plan_phase(struct learner *l, struct learner_phase *p, const struct plan *lender,
	size_t *bytes, struct cvt_err *e)
{
	size_t keep[METHOD_KEEP + 1], nkeep = l->nkeep;
	memcpy(keep, l->keep, nkeep * sizeof *keep);
	if (p->keep != GRAPH_NONE)
		keep[nkeep++] = p->keep;
	const struct plan_spec spec = {.rows = l->rows,
		.threads = par_threads(l->par),
		.keep = keep,
		.nkeep = nkeep,
		.loss = p->loss,
		.train_param = p->trains,
		.lender = lender};
	return bytes ? plan_measure(l->graph, &spec, bytes, e)
		     : plan_create(&p->plan, l->graph, &spec, e);
}

/* The phase whose values need most memory, in which those of the others and of the evaluation lie, too. */
static int largest_phase(struct learner *l, struct learner_phase **largest, struct cvt_err *e)
{
	size_t bytes, most = 0;
	*largest = l->phase;
	for (size_t i = 0; i < l->nphases && l->nphases > 1; i++) {
		TRY(plan_phase(l, &l->phase[i], NULL, &bytes, e));
		if (bytes > most)
			*largest = &l->phase[i];
		most = bytes > most ? bytes : most;
	}
	return CVT_OK;
}

static int plan_phases(struct learner *l, struct cvt_err *e)
{
	struct learner_phase *largest;
	for (size_t i = 0; i < l->nphases; i++) {
		plan_free(l->phase[i].plan);
		l->phase[i].plan = NULL;
		choose_params(l->graph, &l->phase[i]);
	}
	if (l->nphases == 0)
		return CVT_OK;
	TRY(largest_phase(l, &largest, e));
	TRY(plan_phase(l, largest, NULL, NULL, e));
	for (size_t i = 0; i < l->nphases; i++)
		if (&l->phase[i] != largest)
			TRY(plan_phase(l, &l->phase[i], largest->plan, NULL, e));
	l->lender = largest->plan;
	return CVT_OK;
}

/* For scores between steps, when no value of a step is needed any more. */
static int plan_eval(struct learner *l, struct cvt_err *e)
{
	size_t keep[METHOD_KEEP + 1], nkeep = l->nkeep;
	memcpy(keep, l->keep, nkeep * sizeof *keep);
	if (l->val_loss != GRAPH_NONE) /* a method that fits has none */
		keep[nkeep++] = l->val_loss;
	const struct plan_spec spec = {.rows = l->rows,
		.threads = par_threads(l->par),
		.keep = keep,
		.nkeep = nkeep,
		.loss = GRAPH_NONE,
		.lender = l->lender};
	return plan_create(&l->eval, l->graph, &spec, e);
}

static int plan_all(struct learner *l, struct cvt_err *e)
{
	plan_free(l->eval); /* before those whose memory it may have */
	l->eval = NULL;
	l->lender = NULL;
	TRY(plan_phases(l, e));
	return plan_eval(l, e);
}

static int prepare_phase(
	struct learner *l, struct learner_phase *p, const struct opt *opt, struct cvt_err *e)
{
	const struct graph *g = l->graph;
	const bool all = !p->trains;
	if (all && !(p->trains = mem_alloc(g->nparams, sizeof *p->trains, e)))
		return CVT_SYSTEM;
	if (!(p->wants = mem_alloc(g->nparams, sizeof *p->wants, e)))
		return CVT_SYSTEM;
	for (size_t i = 0; i < g->nparams; i++)
		p->wants[i] = all || p->trains[i];
	for (size_t i = 0; i < OPT_STATES && opt->state[i]; i++)
		if (!(p->state[i] = mem_alloc(g->weights, sizeof *p->state[i], e)))
			return CVT_SYSTEM;
	return CVT_OK;
}

int learner_charge(struct learner *l, const struct opt *opt, struct cvt_err *e)
{
	size_t states = 0;
	while (states < OPT_STATES && opt->state[states])
		states++;
	return graph_charge(l->graph, l->nphases * states * l->graph->weights * sizeof(float), e);
}

int learner_prepare(
	struct learner *l, const struct opt *opt, size_t rows, struct par *par, struct cvt_err *e)
{
	l->rows = rows;
	l->par = par;
	for (size_t i = 0; i < l->nphases; i++)
		TRY(prepare_phase(l, &l->phase[i], opt, e));
	TRY(plan_all(l, e));
	return l->method->prepare ? l->method->prepare(l, e) : CVT_OK;
}

size_t learner_bytes(const struct learner *l)
{
	const struct graph *g = l->graph;
	size_t slabs = g->grad ? 2 : 1, bytes = g->buffers * sizeof(float);
	for (size_t i = 0; i < l->nphases; i++) {
		for (size_t k = 0; k < OPT_STATES; k++)
			slabs += l->phase[i].state[k] != NULL;
	}
	bytes +=
		plan_bytes(l->lender ? l->lender : l->eval); /* the others lie in the same memory */
	return bytes + slabs * g->weights * sizeof(float);
}

int learner_unfreeze(struct learner *l, struct cvt_err *e)
{
	for (size_t i = 0; l->thaws && i < l->graph->nparams; i++)
		if (l->thaws[i])
			l->graph->param[i].frozen = false;
	return plan_all(l, e);
}
