/*
 * augment_mixing: operations on blocks of 128 rows, counted from the epoch's start: rows are
 * gathered, mixed with each other (libcore/aug/mix.h) and go on with soft labels. Validation rows and
 * rows of weight 0 are left alone; rows without a label are mixed among themselves.
 */
#ifndef CVT_AUGMENT_MIXING_H
#define CVT_AUGMENT_MIXING_H

#include "schema.h"

enum { AUGMENT_BLOCK = 128 };

struct augment_mixing {
	const struct aug_chain *chain;
	const struct augment_schema *schema;
	uint64_t seed;
	uint32_t stage; /* drawing programs before this one */
	size_t classes; /* 0: there is no label */
	struct batch block;
	uint64_t number; /* of the block in its epoch */
	size_t *ring[2]; /* rows with a label, and without */
	size_t n[2];
	void *spare;
	size_t spare_capacity;
};

/* Changes HEAD's label to (N,K) f4. CVT_INPUT when that is not known, or when what moves along with
 * the pictures cannot be mixed. */
int augment_mixing_open(struct augment_mixing *m, const struct aug_chain *chain,
	const struct augment_schema *schema, struct head *h, struct cvt_err *e);
void augment_mixing_close(struct augment_mixing *m);
/* Moves rows [*at, ...) of b into the block until it is full; true then. *at goes on. */
int augment_mixing_take(
	struct augment_mixing *m, const struct batch *b, size_t *at, bool *full, struct cvt_err *e);
/* Mixes what the block holds, full or not; it may be put then, and the next take starts afresh. */
int augment_mixing_do(struct augment_mixing *m, struct cvt_err *e);
/* The next block is an epoch's first. */
void augment_mixing_rewind(struct augment_mixing *m);

#endif
