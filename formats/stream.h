/*
 * stream: frames of STREAM.md, in and out. The reader checks everything that the page demands
 * (CRCs, seq, schema, sizes, totals) and grows its buffers only as bytes arrive; the writer gathers
 * rows into frames of 0.25 to 1 MiB without parting groups.
 */
#ifndef CVT_STREAM_H
#define CVT_STREAM_H

#include "head.h"
#include "input.h"
#include "output.h"

enum stream_event {
	STREAM_BATCH, /* rows */
	STREAM_EPOCH, /* an epoch is complete */
	STREAM_DONE,  /* the end; nothing follows */
	STREAM_OTHER, /* a frame we need not understand (lower-case type): pass it on */
};

struct stream_frame { /* of STREAM_OTHER */
	char type[4];
	uint32_t n, epoch;
	uint64_t rows;
	size_t bytes;
	const unsigned char *body; /* borrowed until the next call */
};

struct stream_reader;

/* True if these bytes, at least 8, are how a stream begins. */
bool stream_is_magic(const unsigned char *bytes, size_t n);
/* Takes over the input (also when it fails; else stream_close closes it), whose next bytes are the
 * magic; reads HEAD. */
int stream_open(struct stream_reader **r, struct input *in, struct cvt_err *e);
void stream_close(struct stream_reader *r);
/* A frame with a body of more bytes (head_rows_most) is CVT_LIMIT. At first any may come. */
void stream_limit(struct stream_reader *r, size_t max_memory);
const struct head *stream_head(const struct stream_reader *r);
/* The next thing. *batch is borrowed until the next call and may be changed by the caller (fields
 * added, removed, rows gathered elsewhere); it has at least one row, its fields stand in the order
 * of HEAD, and its offsets and indices were checked. Every epoch that has rows ends with
 * STREAM_EPOCH before STREAM_DONE, whether the writer marked it or not. Concatenated parts come as
 * one stream of one epoch; stream_head stays that of the first, so its counts speak for the first
 * part only. Errors: CVT_INPUT (damage: "SOURCE: frame 7 at byte 4096: ..."; a FAIL frame sets
 * e->upstream, a stream that ends too early sets e->cut, too). After an error nothing more can be
 * read. */
int stream_next(
	struct stream_reader *r, struct batch **batch, enum stream_event *event, struct cvt_err *e);
/* After STREAM_OTHER. */
const struct stream_frame *stream_other(const struct stream_reader *r);
/* How many parts (HEAD..DONE) were met so far. A further one is looked for after each DONE, before
 * anything of it is given out. */
size_t stream_parts(const struct stream_reader *r);

struct stream_writer;

/* Takes over the output (also when it fails). Writes HEAD at once. Fields that varied in HEAD are
 * settled by the first rows, but for padded ones (head_is_padded), which are cut to what they need
 * in each frame. Where frames are cut depends on HEAD and the rows alone, not on how they are put.
 */
int stream_create(
	struct stream_writer **w, struct output *out, const struct head *h, struct cvt_err *e);
/* Gathers the rows of b (which must fit HEAD); frames leave when they are full. The epoch of the
 * rows is the writer's (it counts stream_put_epoch); the first rows say where it begins
 * (b->epoch: a stream of --start-epoch goes on with its numbers). */
int stream_put(struct stream_writer *w, const struct batch *b, struct cvt_err *e);
/* Sends what is gathered now (for low latency on pipes). */
int stream_flush(struct stream_writer *w, struct cvt_err *e);
int stream_put_epoch(struct stream_writer *w, struct cvt_err *e);
/* For filters: call it before the first rows after stream_parts (source_parts) of the input has
 * grown. Ends this part (EPOC, DONE) and begins another with the same HEAD without rows, val,
 * epochs and index, which nobody knows yet. */
int stream_put_part(struct stream_writer *w, struct cvt_err *e);
int stream_put_other(struct stream_writer *w, const struct stream_frame *f, struct cvt_err *e);
/* DONE (after EPOC, if rows were put since the last one), and the output is committed; frees w in
 * any case. */
int stream_finish(struct stream_writer *w, struct cvt_err *e);
/* FAIL with "PROGRAM: reason" (an upstream reason goes on as it came) into a pipe; a file is
 * abandoned. Frees w; w may be NULL (failed before HEAD: nothing is written). Returns true if the
 * reason went into a pipe, so that the program itself keeps silent about an upstream failure. */
bool stream_give_up(struct stream_writer *w, const char *program, const struct cvt_err *why);

#endif
