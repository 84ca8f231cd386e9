/*
 * eval_print: a report as text for people, as TSV for cut and awk, as JSON for jq. Keys are stable;
 * shares are fractions, not percent; what is undefined is "-", or null.
 */
#ifndef CVT_EVAL_PRINT_H
#define CVT_EVAL_PRINT_H

#include "../../formats/head.h"
#include "../../libcore/metric/metric.h"

enum eval_form { EVAL_TEXT, EVAL_TSV, EVAL_JSON };

/* classes: the names to print, NULL for numbers. */
int eval_print(struct str *to, const struct report *r, const struct head_classes *classes,
	enum eval_form form, struct cvt_err *e);
/* The single figures alone: one JSON object on a line, or names and figures in two lines of TSV. */
int eval_print_metrics(struct str *to, const struct report *r, bool tsv, struct cvt_err *e);
/* Writes those to a file (TSV if its name ends so); nothing when path is NULL. */
int eval_write_metrics(const char *path, const struct report *r, struct cvt_err *e);
/* Text into a file, whole or not at all; NULL = stdout. */
int eval_write(const char *path, const struct str *text, struct cvt_err *e);

#endif
