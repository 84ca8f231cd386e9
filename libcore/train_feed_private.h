/* feed: what train_feed.c, train_stream.c and train_replay.c share; nobody else includes it. */
#ifndef CVT_TRAIN_FEED_PRIVATE_H
#define CVT_TRAIN_FEED_PRIVATE_H

#include "train_feed.h"

#include <pthread.h>

enum { SLOTS = 3 }; /* one with the consumer, two that wait */

struct feed {
	struct feed_spec spec;
	struct cvt_err error; /* the thread's; read after it has failed */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* guarded by lock */
	size_t made, taken; /* items published, given out */
	bool holding;       /* the consumer still has the last one */
	bool quit;
	int failed; /* the thread's code, after its last item */
	/* the ring: slot made % SLOTS is the thread's until published */
	struct feed_item item[SLOTS];
	/* the thread's own */
	struct batch view; /* the fields we keep of what the source lent */
	struct batch held; /* an epoch to replay */
	struct batch validation;
	bool filling, validation_done, begun;
	bool from_start; /* the source began with epoch 0 */
	size_t held_rows, held_bytes;
	struct feed_position at;
};

/* ---- train_feed.c: the queue, and the source --------------------------------------- */
/* The slot to fill; NULL when nobody wants it any more. */
struct feed_item *feed_slot(struct feed *f);
/* Publishes the slot at hand as what it is. */
void feed_publish(struct feed *f, struct feed_item *item, enum feed_kind kind);
/* Publishes a mark without rows; CVT_GONE when nobody wants it. */
int feed_mark(struct feed *f, enum feed_kind kind);
/* The source's next(). The only place where the thread may be cancelled: it can hang here as long
 * as the producer does. */
int feed_read(struct feed *f, struct batch **b, enum train_event *event, struct cvt_err *e);

/* ---- train_stream.c: rows in the order they come ----------------------------------- */
/* Calls take for each run of training rows of b, which lie in f->view; validation rows are put
 * aside in the first epoch. */
int feed_sort(struct feed *f, const struct batch *b,
	int (*take)(struct feed *f, size_t first, size_t end, struct cvt_err *e),
	struct cvt_err *e);
/* Moves the position past rows. */
void feed_advance(struct feed *f, const struct batch *b, size_t first, size_t count);
/* Counts rows that will be held; CVT_LIMIT beyond --max-memory. */
int feed_charge(struct feed *f, size_t rows, struct cvt_err *e);
int feed_other_stream(const struct feed *f, struct cvt_err *e);
int feed_run_stream(struct feed *f, struct cvt_err *e);

/* ---- train_replay.c: one epoch, again and again ------------------------------------ */
int feed_run_replay(struct feed *f, struct cvt_err *e);

#endif
