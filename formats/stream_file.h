/*
 * stream_file: a stream in a file whose rows are wanted in order, perhaps more than once: none of
 * them is held. It is read through once (so that damage is found before a row is given out, and to
 * learn what choosing rows needs to know), closed, and opened again when its rows are wanted.
 */
#ifndef CVT_STREAM_FILE_H
#define CVT_STREAM_FILE_H

#include "source.h"

struct stream_file;

/* Owns `in`: a regular file with a path (input_path), at the start of a stream, whose frames keep to
 * max_memory (0 = what machines have). */
int stream_file_open(
	struct stream_file **f, struct input *in, size_t max_memory, struct cvt_err *e);
void stream_file_close(struct stream_file *f);
const struct head *stream_file_head(const struct stream_file *f);
size_t stream_file_rows(const struct stream_file *f);
/* Of each row; NULL when the stream has no such field. */
const int64_t *stream_file_index(const struct stream_file *f);
const int32_t *stream_file_part(const struct stream_file *f);
const int32_t *stream_file_label(const struct stream_file *f);
const int64_t *stream_file_group(const struct stream_file *f);
/* Rows pick[0..n) into `out`. Those that come before the last one read begin the file again. */
int stream_file_read(
	struct stream_file *f, const size_t *pick, size_t n, struct batch *out, struct cvt_err *e);
/* Closes the file and frees its buffers until the next stream_file_read. */
void stream_file_rest(struct stream_file *f);

#endif
