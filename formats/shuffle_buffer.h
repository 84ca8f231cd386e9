/*
 * shuffle_buffer: rows in another order than they came, with memory of the last few only, for streams
 * that are too long to be held (cv-read --shuffle-buffer). When the buffer is full, a random half of it
 * leaves in random order; at the end of the epoch the rest does. A buffer of all rows of an epoch
 * permutes them, each permutation being as likely as any other.
 *
 * What leaves when depends on the seed, the epoch and the order of the rows alone, not on the batches
 * that they come in. Rows of a group stay together. Validation rows are not shuffled and do not
 * overtake others.
 */
#ifndef CVT_SHUFFLE_BUFFER_H
#define CVT_SHUFFLE_BUFFER_H

#include "../libcore/tensor.h"

struct shuffle_buffer;

/* Room for `rows` > 1 rows, CVT_LIMIT when they take more than max_memory bytes. */
int shuffle_buffer_open(struct shuffle_buffer **s, size_t rows, uint64_t seed, size_t max_memory,
	struct cvt_err *e);
/* Takes rows of b from *at on and moves *at behind them; call again until that is the end. *out = rows
 * that leave, which live until the next call, or NULL. */
int shuffle_buffer_take(struct shuffle_buffer *s, const struct batch *b, size_t *at,
	struct batch **out, struct cvt_err *e);
/* All that is left (an epoch ends), or NULL. */
int shuffle_buffer_flush(struct shuffle_buffer *s, struct batch **out, struct cvt_err *e);
void shuffle_buffer_close(struct shuffle_buffer *s);

#endif
