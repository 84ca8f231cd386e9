/*
 * relabel: rows of one stream among those of another whose lists of classes are others. Classes are
 * matched by name (STREAM.md, Rules), in every field whose numbers, columns or boxes speak of them.
 */
#ifndef CVT_RELABEL_H
#define CVT_RELABEL_H

#include "head.h"

struct relabel {
	struct relabel_field *field;
	size_t n, capacity;
};

/* The classes that a field speaks of: its own list, or that of what it predicts; boxes have those
 * of `label` if they have none. NULL when there is none. */
const struct head_classes *relabel_list(const struct head *h, const struct head_field *f);
/* How many columns field t of the whole needs to hold field f of `from`, too: soft labels and
 * probabilities can grow to a longer list. 0 = both have to be of the same shape. */
size_t relabel_columns(const struct head *to, const struct head_field *t, const struct head *from,
	const struct head_field *f, bool by_number);
/* Names the classes of `field` beyond those it has in h, where both lists are counted by number: as
 * `from` does, but no name twice. */
int relabel_grow(
	struct head *h, const char *field, const struct head_classes *from, struct cvt_err *e);
/* Do two lists agree in what their numbers mean (one perhaps being longer)? */
bool relabel_by_number(const struct head_classes *a, const struct head_classes *b, bool by_number);
/* What turns rows of `from` into rows of `to`, for the fields that both have. CVT_INPUT when that
 * cannot be done; relabel_close in any case. */
int relabel_open(struct relabel *r, const struct head *from, const struct head *to, bool by_number,
	struct cvt_err *e);
int relabel_rows(const struct relabel *r, struct batch *b, struct cvt_err *e);
/* Rows of shares (...,K) with column k at to[k] (NULL: at k) of `columns`, zeros elsewhere, into `made`,
 * which the caller frees; what has no place there is left out. n entries of `to`. */
int relabel_shares(const int32_t *to, size_t n, size_t columns, const struct tensor *t,
	struct tensor *made, struct cvt_err *e);
/* The same for numbers of a field. */
void relabel_numbers(const struct relabel *r, const char *field, int32_t *number, size_t n);
void relabel_close(struct relabel *r);

#endif
