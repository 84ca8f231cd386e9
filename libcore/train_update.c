/*
 * train_update: what one step does to the weights. Slabs are cut into blocks, each of one parameter
 * with its own habits (rate, decay); an optimizer passes over them in parallel. Optimizers that look
 * at a parameter as a whole get its norms (opt.h: norms), or its matrix (opt.h: matrix).
 */
#include "train_private.h"

#include "profile.h"
#include "simd.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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

/* A filter bank is one block when the optimizer takes matrices. */
static bool is_matrix(const struct train *t, const struct param *p)
{
	return t->o.opt->matrix && p->kind == PARAM_WEIGHT && p->layout == LAYOUT_CONV;
}

/* How a parameter's steps differ from the others'. */
static struct train_block habits(const struct train *t, size_t phase, size_t i)
{
	const struct param *p = &t->l->graph->param[i];
	const double scale = t->o.bias_lr_scale > 0.0 ? t->o.bias_lr_scale : 1.0;
	const double bias = is_norm_bias(t->l->graph, i) ? scale : 1.0;
	return (struct train_block){.phase = phase,
		.param = i,
		.lr_scale = t->l->phase[phase].lr_scale * scale_of(t, p->name) * bias,
		.decay = p->kind == PARAM_WEIGHT || t->o.decay_all ? 1.0 / bias : 0.0};
}

/* Cuts parameter i into blocks at `to`, unless that is NULL; returns how many there are. */
static size_t cut_param(const struct train *t, size_t phase, size_t i, struct train_block *to)
{
	const struct param *p = &t->l->graph->param[i];
	const size_t most = is_matrix(t, p) ? p->items : BLOCK;
	const struct train_block as = habits(t, phase, i);
	size_t n = 0;
	for (size_t first = 0; first < p->items; first += most, n++) {
		if (!to)
			continue;
		to[n] = as;
		to[n].offset = p->offset + first;
		to[n].n = p->items - first < most ? p->items - first : most;
	}
	return n;
}

/* Counts the blocks of everything that phases train; fills them in when there is room. */
static size_t cut(const struct train *t, struct train_block *to)
{
	const struct graph *g = t->l->graph;
	size_t n = 0;
	for (size_t phase = 0; phase < t->l->nphases; phase++)
		for (size_t i = 0; i < g->nparams; i++)
			if (g->param[i].kind != PARAM_BUFFER && t->l->phase[phase].trains[i])
				n += cut_param(t, phase, i, to ? to + n : NULL);
	return n;
}

static size_t matrix_floats(const struct train *t, const struct train_block *b)
{
	const struct param *p = &t->l->graph->param[b->param];
	return is_matrix(t, p) ? t->o.opt->matrix_work(p->items / p->dims[0], p->dims[0]) : 0;
}

/* Scratch of all matrices, side by side: they are updated in parallel. */
static int open_matrices(struct train *t, struct cvt_err *e)
{
	size_t floats = 0;
	for (size_t b = 0; b < t->nblocks; b++) {
		t->block[b].work = floats;
		floats += matrix_floats(t, &t->block[b]);
	}
	if (floats > 0)
		TRY(t->o.opt->matrix_open(par_threads(t->o.par), e));
	t->matrix_work = mem_alloc(floats, sizeof *t->matrix_work, e);
	return t->matrix_work ? CVT_OK : CVT_SYSTEM;
}

int train_update_open(struct train *t, struct cvt_err *e)
{
	t->nblocks = cut(t, NULL);
	t->block = mem_alloc(t->nblocks, sizeof *t->block, e);
	t->part = mem_alloc(2 * t->nblocks, sizeof *t->part, e);
	if (!t->block || !t->part)
		return CVT_SYSTEM;
	(void)cut(t, t->block);
	return open_matrices(t, e);
}

void train_update_close(struct train *t)
{
	free(t->block);
	free(t->part);
	free(t->matrix_work);
	t->block = NULL;
	t->part = NULL;
	t->matrix_work = NULL;
}

/* ---- norms ------------------------------------------------------------------------- */

int train_diverged(const struct train *t, size_t phase, double loss, double norm, struct cvt_err *e)
{
	char last[60] = "";
	if (!isfinite(loss) && isfinite(t->last_loss[phase]))
		(void)snprintf(last, sizeof last, ", last finite loss %g", t->last_loss[phase]);
	return cvt_fail(e, CVT_DIVERGED,
		"step %llu: training diverged: loss %g%s, learning rate %g, gradient norm %g; "
		"lower "
		"--lr, "
		"or add --warmup-epochs 1 or --clip-norm 1",
		(unsigned long long)t->c.step + 1, fabs(loss), last, t->lr,
		fabs(norm)); /* no "-nan" */
}

struct update {
	struct train *t;
	size_t phase;
	struct opt_step step;
};

/* Sums of squares of the gradient, and of the weights where the optimizer asks for them. */
static void square_block(void *context, size_t b, unsigned thread)
{
	(void)thread;
	const struct update *u = context;
	const struct graph *g = u->t->l->graph;
	const struct train_block *block = &u->t->block[b];
	const bool ours = block->phase == u->phase;
	u->t->part[2 * b] = simd()->exact_norm(g->grad + block->offset, ours ? block->n : 0);
	u->t->part[2 * b + 1] = simd()->exact_norm(
		g->weight + block->offset, ours && u->t->o.opt->norms ? block->n : 0);
}

/* Every block of a parameter gets the sums of all of them. */
static void join_params(struct train *t)
{
	for (size_t first = 0, end; first < t->nblocks; first = end) {
		double sum[2] = {0.0, 0.0};
		for (end = first; end < t->nblocks && t->block[end].param == t->block[first].param
				  && t->block[end].phase == t->block[first].phase;
			end++)
			for (size_t k = 0; k < 2; k++)
				sum[k] += t->part[2 * end + k];
		for (size_t b = first; b < end; b++)
			memcpy(&t->part[2 * b], sum, sizeof sum);
	}
}

/* The norm of a phase's gradient, added block by block. */
static double gradient_norm(const struct train *t)
{
	double sum = 0.0;
	for (size_t b = 0; b < t->nblocks; b++)
		sum += t->part[2 * b];
	return 1.0 / (double)t->pending * sqrt(sum);
}

/* ---- the update -------------------------------------------------------------------- */

/* What a step does depends on the norm of the whole gradient. Else a block's part of it is added up just before
 * the block is updated: the gradient is read from memory once. */
static bool norm_counts(const struct train *t)
{
	return t->o.clip_norm > 0.0 || t->o.opt->norms;
}

/* Optimizers decay towards 0, so the weights are moved until `from` is there, and back. */
static void shift(float *w, const float *from, size_t n, float sign)
{
	for (size_t i = 0; i < n; i++)
		w[i] += sign * from[i];
}

static void move_block(const struct train *t, const struct train_block *block,
	const struct opt_step *s, const struct opt_slice *x)
{
	const struct param *param = &t->l->graph->param[block->param];
	if (is_matrix(t, param))
		t->o.opt->matrix(s, x, block->n / param->dims[0], param->dims[0],
			t->matrix_work + block->work);
	else
		t->o.opt->update(s, x);
}

static void update_block(void *context, size_t b, unsigned thread)
{
	const struct update *u = context;
	const struct train *t = u->t;
	const struct train_block *block = &t->block[b];
	const struct learner_phase *p = &t->l->phase[u->phase];
	struct opt_step s = u->step;
	struct opt_slice x = {.n = block->n,
		.w = t->l->graph->weight + block->offset,
		.g = t->l->graph->grad + block->offset};
	if (!norm_counts(t))
		square_block(context, b, thread);
	if (block->phase != u->phase || !isfinite(t->part[2 * b]))
		return;
	for (size_t i = 0; i < OPT_STATES; i++)
		x.state[i] = p->state[i] ? p->state[i] + block->offset : NULL;
	s.lr *= block->lr_scale;
	s.factor *= block->lr_scale;
	s.t -= t->l->thaws && t->l->thaws[block->param] ? p->thawed : 0; /* its own steps */
	s.decay = block->decay * s.config->weight_decay;
	s.g_norm = sqrt(t->part[2 * b]) * (double)s.grad_scale;
	s.w_norm = sqrt(t->part[2 * b + 1]);
	if (t->start && t->o.loaded[block->param]) { /* --l2-sp: Li et al. 2018 */
		s.decay = t->o.l2_sp;
		shift(x.w, t->start + block->offset, x.n, -1);
		move_block(t, block, &s, &x);
		shift(x.w, t->start + block->offset, x.n, 1);
	} else {
		move_block(t, block, &s, &x);
	}
}

/* Of torch.nn.utils.clip_grad_norm_. */
static double clip_of(const struct train *t, double norm)
{
	return t->o.clip_norm > 0.0 && norm > t->o.clip_norm ? t->o.clip_norm / (norm + 1e-6) : 1.0;
}

/* A gradient that is not finite ends the training: that other blocks were updated by then does no harm. */
int train_update(struct train *t, size_t phase, double loss, struct cvt_err *e)
{
	struct learner_phase *p = &t->l->phase[phase];
	const double from = profile_now();
	struct update u = {.t = t, .phase = phase};
	double clip = 1.0;
	if (norm_counts(t)) {
		par_for(t->o.par, t->nblocks, square_block, &u);
		const double norm = gradient_norm(t);
		if (!isfinite(norm))
			return train_diverged(t, phase, loss, norm, e);
		clip = clip_of(t, norm);
		if (t->o.opt->norms)
			join_params(t);
		t->gradient_norm = norm;
	}
	u.step = (struct opt_step){.config = &t->l->facts->opt,
		.lr = t->lr,
		.factor = t->factor,
		.grad_scale = (float)(1.0 / (double)t->pending * clip),
		.grad_limit = t->o.clip_value > 0.0 ? (float)t->o.clip_value : INFINITY,
		.t = ++p->t};
	par_for(t->o.par, t->nblocks, update_block, &u);
	if (!norm_counts(t))
		t->gradient_norm = gradient_norm(t);
	if (t->o.profile)
		profile_add(t->o.profile, t->o.opt->name, "update", from, 0);
	return isfinite(t->gradient_norm) ? CVT_OK
					  : train_diverged(t, phase, loss, t->gradient_norm, e);
}
