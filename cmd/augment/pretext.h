/*
 * augment_pretext: what a pretext operation of the chain does to a stream beside its pictures: the
 * field of the label that it makes, with its classes and the loss that is to be lowered, and where
 * every row becomes several, their `group` and `copy`.
 */
#ifndef CVT_AUGMENT_PRETEXT_H
#define CVT_AUGMENT_PRETEXT_H

#include "../../formats/head.h"
#include "../../libcore/aug/chain.h"

/* HEAD as it goes out. CVT_INPUT when the stream has such labels already. Does nothing for a chain
 * without a pretext operation, as those below. */
int augment_pretext_head(const struct aug_chain *c, struct head *h, struct cvt_err *e);
/* Each row of `kept` as often as the chain makes rows of it, into `to`. */
int augment_pretext_repeat(
	const struct aug_chain *c, const struct batch *kept, struct batch *to, struct cvt_err *e);
/* Adds to `to`, which holds the repeated rows, the fields of the pretext task; the label of row r
 * goes to augment_pretext_label. `passed` rows came before those of the batch. */
int augment_pretext_fields(
	const struct aug_chain *c, struct batch *to, uint64_t passed, struct cvt_err *e);
void augment_pretext_label(
	const struct aug_chain *c, struct batch *to, size_t row, const struct aug_row *made);

#endif
