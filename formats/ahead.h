/*
 * ahead: files of pictures, decoded by several threads at a time: those that are wanted, and some of
 * those that will be wanted next. Their pixels and failures are handed out in order, so that only time
 * tells it from decoding one after the other. There is one of it, whichever data set reads.
 */
#ifndef CVT_AHEAD_H
#define CVT_AHEAD_H

#include "picture.h"
#include "tree.h"

struct ahead;

/* A file, the picture it must be, and was picture_affords asked about all of it? */
struct ahead_file {
	size_t entry;
	bool seen;
	struct picture size;
};

/* 0 threads = one per core; *a is NULL for one thread. */
int ahead_create(struct ahead **a, unsigned threads, struct cvt_err *e);
/* There are pictures to decode: starts the threads, once. */
int ahead_start(struct ahead *a, struct cvt_err *e);
void ahead_close(struct ahead *a);
/* Are there threads? a may be NULL. */
bool ahead_helps(const struct ahead *a);

/* Is that file the next to be taken? */
bool ahead_has(const struct ahead *a, const struct tree *t, size_t entry);
/* From here on files of t are added, within the limits of o (--max-memory); both are borrowed until the
 * last of them is taken. */
void ahead_empty(struct ahead *a, const struct dataset_options *o, struct tree *t);
/* Reads a file; false when nothing shall follow it. The first one is always added. */
bool ahead_add(struct ahead *a, const struct ahead_file *f);
/* All that were added; the first one's pixels to `first`, where ahead_take shall put them. */
void ahead_decode(struct ahead *a, unsigned char *first);
/* The next one's pixels to `to`, or why there are none. */
int ahead_take(struct ahead *a, unsigned char *to, struct cvt_err *e);

#endif
