/*
 * bank: the rows that cv-knn searches, read whole before the queries are touched and held as
 * compactly as they came: one field, the class and the number of each row.
 */
#ifndef CVT_BANK_H
#define CVT_BANK_H

#include "../../formats/source.h"
#include "../../libcore/knn.h"

struct bank_options {
	const char *path, *field; /* field NULL = `embedding`, else `image` */
	struct dataset_options data;
	size_t max_memory;
	bool labelled; /* keep only rows that may be learned from: with a class, not of part 1 */
};

struct bank {
	char *name, *field; /* where it came from, for messages; the field that was read */
	struct head head;
	struct batch rows; /* field, and where there are such, `label` (i4) and `index` */
	struct knn_bank vectors;
};

/* On failure nothing is left to free. */
int bank_read(struct bank *b, const struct bank_options *o, struct cvt_err *e);
void bank_free(struct bank *b);

/* The field to search in: the one asked for, else `embedding`, else `image`. CVT_INPUT when it is
 * missing, of varying size, or holds no pixels or floats. */
int bank_choose_field(const struct head *h, const char *asked, const char *source,
	const struct head_field **field, struct cvt_err *e);

/* Renumbers the bank's classes as the queries' (by name unless by_number) and counts them all, into
 * *classes. CVT_INPUT when one has a name that the other lacks. */
int bank_match_classes(struct bank *b, const struct head *queries, bool by_number, size_t *classes,
	struct cvt_err *e);

#endif
