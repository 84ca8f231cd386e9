/*
 * join: several data sets as one: the rows of the first, then those of the second ... Classes are
 * matched by name, pictures of different sizes become ragged. A field that one lacks is filled where
 * its absence has a meaning (join_fields.c), and is an error otherwise: nothing is lost unsaid.
 */
#ifndef CVT_JOIN_H
#define CVT_JOIN_H

#include "dataset.h"
#include "relabel.h"

/* Data sets that may have files open and buffers filled at once: no more than a mix has. */
enum { JOIN_AWAKE = 16 };

struct join {
	struct head head;
	size_t rows, sets, capacity;
	size_t largest; /* bytes of a picture, as far as it is known */
	struct join_set *set;
	size_t awake[JOIN_AWAKE], awakened; /* sets that were read last; the others rest */
	/* scratch of join_read */
	struct batch part, all;
	size_t *pick, *order, *from, scratch;
};

struct join_set {
	struct dataset *data;
	size_t first;           /* its row 0 is that row of the whole */
	struct relabel relabel; /* its classes to the whole's */
	/* its groups to the whole's: the least of the ones is that of the others */
	int64_t least_group, first_group;
};

/* Owns d, also when it fails. */
int join_add(struct join *j, struct dataset *d, struct cvt_err *e);
/* After the last one: makes j->head. */
int join_agree(struct join *j, bool classes_by_number, struct cvt_err *e);
/* Rows pick[0..n). `behind` more stand there that will be wanted next. */
int join_read(struct join *j, const size_t *pick, size_t n, size_t behind, struct batch *out,
	struct cvt_err *e);
/* Which data set has that row. */
size_t join_set_of(const struct join *j, size_t row);
/* The row's `index`, which keys chance. */
int64_t join_index(const struct join *j, size_t row);
/* Do these two belong together (field `group`), if they are neighbours? */
bool join_is_group(const struct join *j, size_t row, size_t next);
/* Is the row marked for validation already? */
bool join_is_validation(const struct join *j, size_t row);
/* The labels of all rows, in the whole's numbers; -1 = none. */
int join_labels(struct join *j, int32_t *label, struct cvt_err *e);
/* The channels of all pictures; 3 when they differ. */
size_t join_channels(const struct join *j);
size_t join_held(const struct join *j);
void join_close(struct join *j);

/* ---- for join.c (join_fields.c) ---------------------------------------------------- */

/* Makes the fields of the whole hold those of d, too. */
int join_agree_fields(
	struct join *j, const struct dataset *d, bool classes_by_number, struct cvt_err *e);
/* Field h of the whole for n rows whose own is f (NULL = none), into `to`. */
int join_conform_field(const struct head_field *h, const struct field *f, size_t n,
	struct batch *to, struct cvt_err *e);

#endif
