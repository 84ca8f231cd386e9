/*
 * augment_rows: a batch of rows through a chain of operations, with whatever moves along with the
 * pictures.
 */
#ifndef CVT_AUGMENT_ROWS_H
#define CVT_AUGMENT_ROWS_H

#include "../../libcore/par.h"
#include "schema.h"

struct augment_rows {
	const struct aug_chain *chain;
	uint64_t seed;
	uint32_t stage; /* drawing programs before this one */
	struct augment_schema schema;
	struct par *par;
	struct augment_pad *pad; /* one a thread */
	struct batch kept;       /* fields of the batch at hand that pass; borrowed */
	uint64_t passed;         /* rows of the batches before */
};

/* Understands the stream's fields and changes HEAD to what goes out. `first` is the first batch
 * (NULL if there is none): pictures of different sizes say there how many channels they have.
 * CVT_INPUT when there is no picture, or when sizes would differ in what goes out. */
int augment_open(struct augment_rows *a, const struct aug_chain *chain, const struct batch *first,
	struct head *h, struct par *par, struct cvt_err *e);
void augment_close(struct augment_rows *a);
/* Where a row's picture lies, in rows of one size or of different ones; its size goes into r. */
const unsigned char *augment_locate(
	const struct batch *b, const char *name, size_t row, struct aug_row *r);
/* So many rows at a time keep what goes out at a handy size. */
size_t augment_most_rows(const struct augment_rows *a);
/* `to` = the rows of `from`, with pictures replaced, and each as many as a pretext operation makes. Rows
 * are dealt to threads; the result does not depend on that. Draws are keyed by `index`; where a foreign
 * stream has none, by how many rows came before. */
int augment_batch(
	struct augment_rows *a, const struct batch *from, struct batch *to, struct cvt_err *e);

#endif
