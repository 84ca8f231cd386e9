/*
 * source: rows in order, whether they come as a stream or lie in a data set that the formats know.
 * Every command that reads, reads through this; "Wherever a stream is read, a data set may stand".
 */
#ifndef CVT_SOURCE_H
#define CVT_SOURCE_H

#include "dataset.h"
#include "stream.h"

struct source;

/* path NULL or "-" = stdin. Data sets come as one epoch in their own order, in batches. */
int source_open(
	struct source **s, const char *path, const struct dataset_options *o, struct cvt_err *e);
/* The same on an input that is open. Owns `in`. */
int source_open_input(
	struct source **s, struct input *in, const struct dataset_options *o, struct cvt_err *e);
void source_close(struct source *s);
const struct head *source_head(const struct source *s);
/* As stream_next. */
int source_next(
	struct source *s, struct batch **batch, enum stream_event *event, struct cvt_err *e);
/* After STREAM_OTHER. */
const struct stream_frame *source_other(const struct source *s);
/* A stream carries its own history; a data set does not (its name must stay in ours). */
bool source_is_stream(const struct source *s);
/* More than one part so far (concatenated streams): programs that key by index refuse it. */
size_t source_parts(const struct source *s);
const char *source_name(const struct source *s);
/* The descriptor it reads, for output_same_file. */
int source_fd(const struct source *s);

/* Rows of that schema that make a batch of handy size; largest = bytes of a picture, where their sizes
 * differ (0 = nobody knows). */
size_t source_batch_rows(const struct head *h, size_t largest);

/* CVT_INPUT: the source has several epochs where one is wanted. */
int source_refuse_epochs(const struct source *s, struct cvt_err *e);
/* CVT_INPUT if it has several parts: rows that share numbers. */
int source_refuse_parts(const struct source *s, struct cvt_err *e);

/* Reads everything into one batch (which is freed by the caller), up to max_memory; for banks and
 * truth files. Zero rows is CVT_INPUT unless allow_empty. */
int source_read_all(struct source *s, struct batch *all, size_t max_memory, bool allow_empty,
	struct cvt_err *e);

#endif
