/*
 * metric: measures of predictions against the truth. A measure is a record: what it needs, how it
 * counts rows as they come, and what it reports in the end. Counts are exact integers; sums are in
 * double precision and added in the order of the rows, so figures do not depend on how the rows are
 * dealt out.
 *
 * To add one: a file NAME.c that ends in `const struct metric metric_NAME`, and a line in
 * metric.def.
 */
#ifndef CVT_METRIC_H
#define CVT_METRIC_H

#include "../mem.h"

enum metric_needs {
	METRIC_ANSWER = 1, /* a class number for each row */
	METRIC_SCORE = 2,  /* a score for each class and row */
	METRIC_MASK = 4,   /* a class number for each pixel */
	METRIC_MAP = 8,    /* a number for each pixel */
};

enum { METRIC_IGNORE = 255, METRIC_CLASSES = 1 << 16, METRIC_SQUARE = 4096 };

/* Some rows that have a truth. */
struct metric_rows {
	size_t rows, classes;  /* columns of score */
	const int32_t *truth;  /* a class number, 0 <= truth */
	const int32_t *answer; /* what was predicted; below 0 = nothing */
	const float *score;    /* (rows, classes), no NaN, or NULL */
	bool probs;            /* scores are probabilities; else logits */
	size_t pixels;         /* of a mask */
	const unsigned char *truth_mask,
		*answer_mask;                /* (rows, pixels); METRIC_IGNORE in the truth */
	const float *truth_map, *answer_map; /* (rows, pixels) */
};

/* What a measure has counted so far. */
struct tally {
	const struct metric *metric;
	size_t classes; /* seen or announced; arrays by class have that many entries */
	uint64_t rows;
	uint64_t *count;
	double *sum;
};

struct report;

struct metric {
	const char *name, *help;
	unsigned needs;
	bool standard;       /* reported when nothing is asked for and what it needs is there */
	size_t counts, sums; /* how many fixed ones */
	size_t class_counts; /* further counts for every class, behind the fixed ones */
	bool square;         /* further counts for every pair of classes, instead */
	/* May be called with any number of rows; classes are below t->classes. */
	int (*add)(struct tally *t, const struct metric_rows *r, struct cvt_err *e);
	int (*report)(const struct tally *t, struct report *to, struct cvt_err *e);
};

/* All measures, NULL-terminated. */
extern const struct metric *const metrics[];
/* NULL when there is none of that name. '-' and '_' are the same. */
const struct metric *metric_find(const char *name);

/* classes: how many are announced (0 = unknown). */
int tally_start(struct tally *t, const struct metric *m, size_t classes, struct cvt_err *e);
/* Makes room for all classes in r, then counts. */
int tally_add(struct tally *t, const struct metric_rows *r, struct cvt_err *e);
void tally_free(struct tally *t);
/* Row c of the class counts, or of the square. */
static inline uint64_t *tally_class(const struct tally *t, size_t c)
{
	const struct metric *m = t->metric;
	return t->count + m->counts + c * (m->square ? t->classes + 1 : m->class_counts);
}

/* The class of the greatest of k scores, the lower of two; -1 when one is NaN or k is 0. */
int32_t metric_argmax(const float *score, size_t k);

/* ---- what comes out ---------------------------------------------------------------- */

enum report_kind { REPORT_SHARE, REPORT_COUNT };

struct report_value {
	const char *name; /* of a record or a literal */
	enum report_kind kind;
	double value; /* NaN = undefined */
};

/* Rows are classes. */
struct report_table {
	const char *name;
	bool square; /* columns are classes, too (and at last "none" if with_none) */
	bool with_none;
	size_t rows, columns;
	struct report_value *column; /* name and kind of each; NULL when square */
	double *cell;                /* (rows, columns) */
};

struct report {
	struct report_value *value;
	size_t values, values_capacity;
	struct report_table *table;
	size_t tables, tables_capacity;
};

int report_share(struct report *r, const char *name, double value, struct cvt_err *e);
int report_count(struct report *r, const char *name, uint64_t value, struct cvt_err *e);
/* An empty table of that many rows; columns are copied. The pointer dies with the next one. */
struct report_table *report_table(struct report *r, const char *name, size_t rows, size_t columns,
	const struct report_value *column, struct cvt_err *e);
/* Takes back the last table. */
void report_drop_table(struct report *r);
void report_free(struct report *r);
/* a / b, undefined (NaN) for b = 0. */
double report_ratio(uint64_t a, uint64_t b);

#endif
