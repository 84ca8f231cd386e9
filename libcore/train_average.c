/*
 * train_average: weights that follow the trained ones, step by step, and are kept in their place:
 *   --model-ema: the running mean, keep = min(D, (1 + t) / (10 + t)): young ones forget faster;
 *   --swa: the plain mean of all steps from some point on (Izmailov et al., "Averaging weights leads
 *     to wider optima and better generalization", UAI 2018);
 *   --lookahead: slow weights that go a share alpha of the way to the fast ones every k steps, from
 *     where these start again (Zhang et al., "Lookahead optimizer: k steps forward, 1 step back",
 *     NeurIPS 2019); the share may fall, 1 - (1 - alpha) x^power at share x of the training.
 * Running statistics are averaged as weights are.
 */
#include "train_private.h"

#include <math.h>

enum { BLOCK = 1 << 14 };

struct average {
	float *to, *from;
	size_t n;
	float keep;
	bool back; /* the weights start again from the average */
};

static void average_block(void *context, size_t b, unsigned thread)
{
	(void)thread;
	const struct average *a = context;
	size_t first;
	const size_t n = par_span(a->n, BLOCK, b, &first);
	for (size_t i = first; i < first + n; i++)
		a->to[i] = a->keep * a->to[i] + (1.0f - a->keep) * a->from[i];
	for (size_t i = first; i < first + n && a->back; i++)
		a->from[i] = a->to[i];
}

static void average_slab(const struct train *t, float *to, float *from, size_t n, double keep)
{
	struct average a = {to, from, n, (float)keep, t->o.lookahead.every > 0};
	par_for(t->o.par, par_blocks(n, BLOCK), average_block, &a);
}

bool train_averages(const struct train_options *o)
{
	return o->ema > 0.0 || o->swa || o->lookahead.every;
}

/* How much of the average stays; 1 = nothing happens in this step. */
static double keep_of(struct train *t, double x)
{
	const struct train_lookahead *l = &t->o.lookahead;
	const double step = (double)t->c.step;
	if (l->every)
		return t->c.step % l->every ? 1.0 : (1.0 - l->alpha) * pow(x, l->power);
	if (!t->o.swa)
		return fmin(t->o.ema, (1.0 + step) / (10.0 + step));
	if (x < t->o.swa_start)
		return 0.0;
	t->c.averaged++;
	return 1.0 - 1.0 / (double)t->c.averaged;
}

void train_average(struct train *t, double x)
{
	const struct graph *g = t->l->graph;
	const double keep = keep_of(t, isnan(x) ? 1.0 : x);
	if (keep == 1.0)
		return;
	average_slab(t, t->ema_weight, g->weight, g->weights, keep);
	average_slab(t, t->ema_buffer, g->buffer, g->buffers, keep);
}
