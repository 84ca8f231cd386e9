/*
 * roc: how well a score tells two kinds apart, whatever the threshold (Fawcett, "An introduction to
 * ROC analysis", 2006).
 */
#ifndef CVT_ROC_H
#define CVT_ROC_H

#include "mem.h"

struct roc_item {
	double score; /* larger = rather positive; never NaN */
	bool positive;
};

struct roc {
	size_t positives, negatives;
	double auc; /* P(score of a positive > of a negative) + P(equal) / 2; NAN without both */
	double eer; /* where as large a share of positives is refused as of negatives taken */
	double threshold; /* there: at least that is taken */
};

/* Sorts the items. */
void roc_measure(struct roc_item *item, size_t n, struct roc *r);

#endif
