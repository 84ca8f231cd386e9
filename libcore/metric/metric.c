/* metric: the list of measures, their counts and reports (see metric.h). */
#include "metric.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define METRIC(name) extern const struct metric metric_##name;
#include "metric.def"
#undef METRIC

const struct metric *const metrics[] = {
#define METRIC(name) &metric_##name,
#include "metric.def"
#undef METRIC
	NULL};

static bool same_word(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
			return false;
	return *a == *b;
}

const struct metric *metric_find(const char *name)
{
	for (const struct metric *const *m = metrics; *m; m++)
		if (same_word((*m)->name, name))
			return *m;
	return NULL;
}

int32_t metric_argmax(const float *score, size_t k)
{
	size_t best = 0;
	for (size_t c = 0; c < k; c++) {
		if (isnan(score[c]))
			return -1;
		if (score[c] > score[best])
			best = c;
	}
	return k ? (int32_t)best : -1;
}

/* ---- counts ------------------------------------------------------------------------ */

static size_t counts_for(const struct metric *m, size_t classes)
{
	return m->counts + (m->square ? classes * (classes + 1) : classes * m->class_counts);
}

/* Room for that many classes; what was counted keeps its place. */
static int make_room(struct tally *t, size_t classes, struct cvt_err *e)
{
	const struct metric *m = t->metric;
	const size_t most = m->square ? METRIC_SQUARE : METRIC_CLASSES;
	if (classes > most)
		return cvt_fail(e, CVT_INPUT,
			"%s: class numbers go up to %zu; it can tell %zu apart", m->name,
			classes - 1, most);
	struct tally grown = {m, classes, t->rows,
		mem_alloc(counts_for(m, classes), sizeof *t->count, e), t->sum};
	if (!grown.count)
		return CVT_SYSTEM;
	if (t->count)
		memcpy(grown.count, t->count, m->counts * sizeof *t->count);
	const size_t width = m->square ? t->classes + 1 : m->class_counts;
	for (size_t c = 0; c < t->classes; c++)
		memcpy(tally_class(&grown, c), tally_class(t, c), width * sizeof *t->count);
	free(t->count);
	*t = grown;
	return CVT_OK;
}

int tally_start(struct tally *t, const struct metric *m, size_t classes, struct cvt_err *e)
{
	*t = (struct tally){.metric = m};
	t->sum = mem_alloc(m->sums, sizeof *t->sum, e);
	if (!t->sum)
		return CVT_SYSTEM;
	const int code = make_room(t, classes, e);
	if (code != CVT_OK)
		tally_free(t);
	return code;
}

void tally_free(struct tally *t)
{
	free(t->count);
	free(t->sum);
	*t = (struct tally){0};
}

static size_t greatest(const int32_t *x, size_t n, size_t classes)
{
	for (size_t i = 0; i < n; i++)
		if (x[i] >= 0 && (size_t)x[i] >= classes)
			classes = (size_t)x[i] + 1;
	return classes;
}

static size_t greatest_pixel(const unsigned char *x, size_t n, size_t classes)
{
	for (size_t i = 0; i < n; i++)
		if (x[i] != METRIC_IGNORE && x[i] >= classes)
			classes = (size_t)x[i] + 1;
	return classes;
}

int tally_add(struct tally *t, const struct metric_rows *r, struct cvt_err *e)
{
	const struct metric *m = t->metric;
	size_t classes = t->classes;
	if (m->class_counts || m->square) {
		if (m->needs & METRIC_MASK) {
			classes = greatest_pixel(r->truth_mask, r->rows * r->pixels, classes);
			classes = greatest_pixel(r->answer_mask, r->rows * r->pixels, classes);
		} else {
			classes = greatest(r->truth, r->rows, classes);
			classes = greatest(r->answer, r->rows, classes);
		}
		if (classes > t->classes)
			TRY(make_room(t, classes, e));
	}
	t->rows += r->rows;
	return m->add(t, r, e);
}

/* ---- reports ----------------------------------------------------------------------- */

static int add_value(struct report *r, struct report_value v, struct cvt_err *e)
{
	void *p = r->value;
	TRY(mem_grow(&p, &r->values_capacity, r->values + 1, sizeof *r->value, e));
	r->value = p;
	r->value[r->values++] = v;
	return CVT_OK;
}

int report_share(struct report *r, const char *name, double value, struct cvt_err *e)
{
	return add_value(r, (struct report_value){name, REPORT_SHARE, value}, e);
}

int report_count(struct report *r, const char *name, uint64_t value, struct cvt_err *e)
{
	return add_value(r, (struct report_value){name, REPORT_COUNT, (double)value}, e);
}

struct report_table *report_table(struct report *r, const char *name, size_t rows, size_t columns,
	const struct report_value *column, struct cvt_err *e)
{
	void *p = r->table;
	if (mem_grow(&p, &r->tables_capacity, r->tables + 1, sizeof *r->table, e) != CVT_OK)
		return NULL;
	r->table = p;
	struct report_table *t = &r->table[r->tables++];
	*t = (struct report_table){
		.name = name, .rows = rows, .columns = columns, .square = column == NULL};
	t->cell = mem_alloc(rows, columns * sizeof *t->cell, e);
	if (column)
		t->column = mem_alloc(columns, sizeof *t->column, e);
	if (!t->cell || (column && !t->column))
		return NULL;
	if (column)
		memcpy(t->column, column, columns * sizeof *column);
	return t;
}

void report_drop_table(struct report *r)
{
	struct report_table *t = &r->table[--r->tables];
	free(t->column);
	free(t->cell);
}

void report_free(struct report *r)
{
	while (r->tables > 0)
		report_drop_table(r);
	free(r->table);
	free(r->value);
	*r = (struct report){0};
}

double report_ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / (double)b : NAN;
}
