/*
 * train_whiten: a convolution whose filters whiten what enters it, fixed before the first step from
 * the rows of the first batch. With the eigenvalues v and eigenvectors u of the covariance of all
 * patches, the filters are u / sqrt(v + eps) and their negatives, those of the largest eigenvalues
 * first (Page 2019; Jordan, "94% on CIFAR-10 in 3.29 seconds", 2024, whose eps is 5e-4).
 */
#include "train_private.h"

#include "eigen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double eps = 5e-4;

/* Patches of D = KH x KW x I numbers, in the slab's order [KH][KW][I]. */
struct patches {
	size_t h, w, i, kh, kw, d, count;
	double *sum, *product; /* D; D x D, its upper half */
	float *patch;
};

static int open_patches(struct patches *p, const struct graph *g, size_t conv, struct cvt_err *e)
{
	const struct node *n = &g->node[conv];
	const struct shape *in = &g->node[n->in[0]].row;
	const struct param *w = &g->param[n->param[0]];
	*p = (struct patches){.h = in->dims[0],
		.w = in->dims[1],
		.i = in->dims[2],
		.kh = w->dims[2],
		.kw = w->dims[3],
		.d = w->items / w->dims[0]};
	p->sum = mem_alloc(p->d, sizeof *p->sum, e);
	p->product = mem_alloc(p->d * p->d, sizeof *p->product, e);
	p->patch = mem_alloc(p->d, sizeof *p->patch, e);
	return p->sum && p->product && p->patch ? CVT_OK : CVT_SYSTEM;
}

static void close_patches(struct patches *p)
{
	free(p->sum);
	free(p->product);
	free(p->patch);
}

static void add_patch(struct patches *p, const float *at)
{
	const size_t line = p->kw * p->i;
	for (size_t k = 0; k < p->kh; k++)
		memcpy(p->patch + k * line, at + k * p->w * p->i, line * sizeof *at);
	for (size_t a = 0; a < p->d; a++) {
		p->sum[a] += (double)p->patch[a];
		for (size_t b = a; b < p->d; b++)
			p->product[a * p->d + b] += (double)p->patch[a] * (double)p->patch[b];
	}
	p->count++;
}

static void add_rows(struct patches *p, const float *x, size_t rows)
{
	for (size_t r = 0; r < rows; r++, x += p->h * p->w * p->i)
		for (size_t y = 0; y + p->kh <= p->h; y++)
			for (size_t c = 0; c + p->kw <= p->w; c++)
				add_patch(p, x + (y * p->w + c) * p->i);
}

/* product becomes the covariance (of n - 1 degrees of freedom). */
static void finish(struct patches *p)
{
	const double n = (double)p->count, free_n = n > 1.0 ? n - 1.0 : 1.0;
	for (size_t a = 0; a < p->d; a++)
		for (size_t b = a; b < p->d; b++) {
			double *const to = &p->product[a * p->d + b];
			*to = (*to - p->sum[a] * p->sum[b] / n) / free_n;
			p->product[b * p->d + a] = *to;
		}
}

static void fill_filters(const struct patches *p, float *w, size_t outputs, const double *value,
	const double *vector)
{
	const size_t half = (outputs + 1) / 2;
	for (size_t o = 0; o < outputs; o++) {
		const size_t k = o % half;
		const double scale =
			(o < half ? 1.0 : -1.0) / sqrt((value[k] > 0.0 ? value[k] : 0.0) + eps);
		for (size_t j = 0; j < p->d; j++)
			w[j * outputs + o] = (float)(scale * vector[k * p->d + j]);
	}
}

static int set_filters(struct patches *p, const struct graph *g, size_t param, struct cvt_err *e)
{
	double *value = mem_alloc(p->d, sizeof *value, e);
	double *vector = mem_alloc(p->d * p->d, sizeof *vector, e);
	if (value && vector) {
		finish(p);
		eigen_symmetric(p->product, p->d, value, vector);
		fill_filters(p, param_data(g, param), g->param[param].dims[0], value, vector);
	}
	free(value);
	free(vector);
	return value && vector ? CVT_OK : CVT_SYSTEM;
}

/* Averages and the place that --l2-sp draws to begin with these filters, not with those before them. */
static void start_from(struct train *t, const struct param *w)
{
	float *const slab[] = {t->ema_weight, t->best_weight, t->start};
	for (size_t i = 0; i < sizeof slab / sizeof *slab; i++)
		if (slab[i])
			memcpy(slab[i] + w->offset, t->l->graph->weight + w->offset,
				w->items * sizeof(float));
}

int train_whiten(struct train *t, const struct batch *rows, struct cvt_err *e)
{
	struct learner *l = t->l;
	const struct graph *g = l->graph;
	const size_t conv = t->o.whiten;
	const struct run run = {.par = t->o.par, .seed = t->o.seed};
	struct patches p;
	if (conv == 0)
		return CVT_OK;
	const size_t in = g->node[conv].in[0];
	learner_bind(l, l->eval, rows, 0);
	if (l->method->before) /* whatever else the plan computes needs what it prepares */
		l->method->before(l, l->eval, rows, &run, 0.0);
	plan_forward(l->eval, &run, rows->rows);
	int code = open_patches(&p, g, conv, e);
	if (code == CVT_OK) {
		add_rows(&p, plan_value(l->eval, in), rows->rows * g->node[in].mult);
		code = set_filters(&p, g, g->node[conv].param[0], e);
	}
	close_patches(&p);
	if (code == CVT_OK)
		start_from(t, &g->param[g->node[conv].param[0]]);
	return code;
}

/* ---- which one --------------------------------------------------------------------- */

/* The first convolution at or within a stage. */
static size_t find_conv(const struct graph *g, const char *stage)
{
	size_t found = GRAPH_NONE;
	for (size_t i = 0; i < g->n && found == GRAPH_NONE; i++) {
		const struct node *n = &g->node[i];
		if (n->nparam && g->param[n->param[0]].layout == LAYOUT_CONV
			&& name_has_prefix(n->path, stage))
			found = i;
	}
	return found;
}

int train_choose_whiten(struct learner *l, const char *stage, size_t *conv, struct cvt_err *e)
{
	struct graph *g = l->graph;
	*conv = find_conv(g, stage);
	if (*conv == GRAPH_NONE)
		return cvt_fail(e, CVT_USAGE,
			"--whiten %s: no convolution of the network is called so; see cv-view "
			"--arch",
			stage);
	struct param *w = &g->param[g->node[*conv].param[0]];
	const size_t d = w->items / w->dims[0];
	const struct shape *in = &g->node[g->node[*conv].in[0]].row;
	if (w->dims[1] != in->dims[2] || d > 1024)
		return cvt_fail(e, CVT_USAGE,
			"--whiten %s: its filters see part of the channels, or too many", stage);
	if (w->dims[2] > in->dims[0] || w->dims[3] > in->dims[1])
		return cvt_fail(e, CVT_USAGE,
			"--whiten %s: no patch of %zux%zu lies in the %zux%zu that enters it",
			stage, w->dims[2], w->dims[3], in->dims[0], in->dims[1]);
	if (w->dims[0] > 2 * d)
		return cvt_fail(e, CVT_USAGE,
			"--whiten %s: has %zu filters, but patches of %zu numbers give %zu at most",
			stage, w->dims[0], d, 2 * d);
	w->frozen = true;
	if (l->thaws) /* --unfreeze-at is of what --freeze named */
		l->thaws[g->node[*conv].param[0]] = false;
	return method_keep(l, g->node[*conv].in[0], e);
}
