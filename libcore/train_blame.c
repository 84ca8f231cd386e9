/* train_blame: why a loss is no number, asked only then. Where the batch, or the weights that the training
 * began with, hold numbers that are not finite, a smaller learning rate is no help, and the message says
 * what is. Weights that became so in training are what the learning rate did. */
#include "train_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool all_finite(const float *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(v[i]))
			return false;
	return true;
}

/* The first row that is not; rows when there is none. */
static size_t find_row(const struct tensor *x, size_t rows)
{
	const size_t items = x->dtype == DT_F4 ? tensor_row_items(x) : 0;
	for (size_t r = 0; r < rows; r++)
		if (!all_finite((const float *)x->data + r * items, items))
			return r;
	return rows;
}

/* The message, another advice at its end. */
static int advise(struct cvt_err *e, const char *what, const char *name, const char *advice)
{
	char said[sizeof e->text];
	(void)snprintf(said, sizeof said, "%s", e->text);
	char *end = strstr(said, "; lower ");
	if (end)
		*end = '\0';
	return cvt_fail(e, CVT_DIVERGED, "%s; %s'%s' holds a number that is not finite: %s", said,
		what, name, advice);
}

static int blame_row(const struct train *t, const struct batch *b, const char *field, size_t row,
	struct cvt_err *e)
{
	const struct tensor *index = batch_get(b, "index");
	const bool mixed = t->o.mixup > 0.0 || t->o.cutmix > 0.0;
	char what[100];
	(void)snprintf(what, sizeof what, "in the row of index %lld%s ",
		index ? (long long)((const int64_t *)index->data)[row] : (long long)row,
		mixed ? ", or in one mixed into it," : "");
	return advise(e, what, field, "mend it or leave it out");
}

void train_begin(struct train *t)
{
	const struct graph *g = t->l->graph;
	for (size_t i = 0; i < METHOD_PHASES; i++)
		t->last_loss[i] = NAN;
	t->unsound = GRAPH_NONE;
	for (size_t i = 0; i < g->nparams && t->unsound == GRAPH_NONE; i++)
		if (!all_finite(param_data(g, i), g->param[i].items))
			t->unsound = i;
}

int train_blame(const struct train *t, const struct batch *rows, struct cvt_err *e)
{
	const struct graph *g = t->l->graph;
	for (size_t i = 0; i < t->l->ninputs; i++) {
		const struct tensor *x = batch_get(rows, t->field[i]);
		const size_t row = x ? find_row(x, rows->rows) : rows->rows;
		if (row < rows->rows)
			return blame_row(t, rows, t->field[i], row, e);
	}
	return t->unsound == GRAPH_NONE ? CVT_DIVERGED
					: advise(e, "of the network's weights ",
						g->param[t->unsound].name, "take another model");
}
