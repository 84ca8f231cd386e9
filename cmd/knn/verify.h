/*
 * knn_verify: cv-knn --verify: are two rows of one class? The nearer, the rather. Pairs come from a
 * text, or are drawn from the labels: every other one of one class, no row with itself.
 */
#ifndef CVT_KNN_VERIFY_H
#define CVT_KNN_VERIFY_H

#include "options.h"

/* Prints the area under the ROC curve, the equal error rate and the distance that gives it. */
int knn_verify(const struct knn_options *o, const struct cli *c, struct cvt_err *e);

#endif
