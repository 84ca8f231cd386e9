/*
 * feed: from a source of rows to batches, in a thread of its own, so that reading overlaps with
 * computing. It cuts epochs into batches, keeps validation rows aside, holds and replays a source
 * of one epoch, and on resume reads past what was consumed. At most two batches wait; what comes
 * out depends on the rows alone, not on frames or timing.
 */
#ifndef CVT_TRAIN_FEED_H
#define CVT_TRAIN_FEED_H

#include "train.h"

#include <stdatomic.h>

/* How far a training has come in its source. */
struct feed_position {
	uint64_t epoch; /* number of the epoch */
	uint64_t rows;  /* training rows of that epoch that lie behind (also those dropped) */
	uint64_t hash;  /* of their `index`, in order */
	uint64_t whole; /* the same over all earlier epochs of the source */
};

enum feed_kind { FEED_ROWS, FEED_EPOCH, FEED_END };

struct feed_item {
	enum feed_kind kind;
	struct batch rows;        /* FEED_ROWS */
	struct feed_position end; /* where training stands once this is consumed */
	size_t epoch_rows;        /* training rows of this epoch; TRAIN_UNKNOWN */
	size_t epochs;            /* in all; TRAIN_UNKNOWN */
};

struct feed_spec {
	const struct train_source *source;
	const char *const *field; /* which to keep, besides `index` */
	size_t nfields;
	size_t batch_size;
	bool drop_last;
	size_t epochs; /* 0 = as many as come */
	bool endless;  /* replay until nobody asks any more (--steps) */
	bool measure;  /* hold a single epoch of unknown length, too, to know it */
	uint64_t seed;
	size_t max_memory;
	struct feed_position from; /* go on after this */
	const volatile sig_atomic_t *stop;
};

struct feed;

int feed_open(struct feed **f, const struct feed_spec *s, struct cvt_err *e);
/* The next item, borrowed until the next call. Adds the seconds waited to *waited. TRAIN_STOPPED
 * when *stop was set meanwhile. */
int feed_next(struct feed *f, const struct feed_item **item, double *waited, struct cvt_err *e);
/* The validation rows: complete once the first FEED_EPOCH was given out; no rows = there are none.
 */
const struct batch *feed_validation(const struct feed *f);
/* Does not wait for the source. */
void feed_close(struct feed *f);

/* hash after one more row. */
uint64_t feed_hash(uint64_t hash, int64_t index);

#endif
