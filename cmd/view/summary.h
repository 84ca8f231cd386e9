/* view_summary: what an architecture comes to, layer by layer. */
#ifndef CVT_VIEW_SUMMARY_H
#define CVT_VIEW_SUMMARY_H

#include "../../libcore/net.h"

/* A table of every layer of every net of the text (its path, its output's shape, its parameters,
 * its multiply-adds for one row), then totals, one "key number" a line; memory for so many rows.
 * `lets` overrides the text's ("NAME=N,..."; NULL); what nobody says about `classes` is 10. */
int view_summary(
	struct str *text, struct arch *a, const char *lets, size_t rows, struct cvt_err *e);

#endif
