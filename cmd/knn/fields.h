/*
 * knn_fields: what cv-knn passes on of a row, and what it adds: `prediction` and `probs`,
 * `neighbours` and `distances`.
 */
#ifndef CVT_KNN_FIELDS_H
#define CVT_KNN_FIELDS_H

#include "bank.h"

struct knn_fields {
	bool predict, neighbours, keep; /* what to add; whether bulky fields are passed on */
	const char *searched;           /* the field that was compared */
	size_t k;
	struct knn_ballot ballot;
	double *sum;          /* (ballot.classes), scratch */
	const int64_t *index; /* of the bank's rows; NULL = their number */
};

/* Whether the input's field is passed on. */
bool knn_fields_keeps(const struct knn_fields *k, const struct head *h, const struct head_field *f);
/* Makes `to`, a copy of the input's HEAD, that of the output. */
int knn_fields_head(
	const struct knn_fields *k, const struct head *from, struct head *to, struct cvt_err *e);
/* Adds to rows what their k neighbours each (row and distance in the bank) say. */
int knn_fields_add(const struct knn_fields *k, struct batch *rows, const size_t *row,
	const float *distance, struct cvt_err *e);

#endif
