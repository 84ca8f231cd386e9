/*
 * pass: choosing rows of a stream as they go by, with no memory of them: by class, skip, take,
 * shard (as selection.h does for data sets). Counting begins anew in every epoch.
 */
#ifndef CVT_PASS_H
#define CVT_PASS_H

#include "selection.h"

struct pass;

/* Changes the counts of h to what will come out. */
int pass_open(
	struct pass **p, const struct selection_options *o, struct head *h, struct cvt_err *e);
/* *rows becomes the chosen rows of b: b itself, or a batch that lives until the next call. */
int pass_rows(struct pass *p, struct batch *b, struct batch **rows, struct cvt_err *e);
void pass_epoch(struct pass *p);
/* Nothing more of this epoch is wanted. */
bool pass_has_enough(const struct pass *p);
void pass_close(struct pass *p);

#endif
