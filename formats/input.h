/*
 * input: bytes in, from a file or a pipe, with a look ahead that decides what they are. The name is
 * for messages, quoted so that it cannot hurt a terminal.
 */
#ifndef CVT_INPUT_H
#define CVT_INPUT_H

#include "../libcore/mem.h"

struct input;

/* path NULL or "-" = stdin (CVT_USAGE if that is a terminal). A folder opens, too
 * (input_is_folder). */
int input_open(struct input **in, const char *path, struct cvt_err *e);
void input_close(struct input *in);
const char *input_name(const struct input *in);
/* What it was opened by, to open it again; NULL for stdin and what lies in a folder or memory. */
const char *input_path(const struct input *in);
int input_fd(const struct input *in);
bool input_is_folder(const struct input *in);
bool input_can_seek(const struct input *in); /* a regular file */
/* Size of a regular file, SIZE_MAX otherwise. */
size_t input_size(const struct input *in);
/* Up to `want` (<= 64 KiB) of the next bytes without taking them; fewer at the end. */
int input_peek(
	struct input *in, size_t want, const unsigned char **p, size_t *n, struct cvt_err *e);
/* Takes up to `want` bytes; *got < want only at the end. Retries EINTR and short reads. */
int input_read(struct input *in, void *to, size_t want, size_t *got, struct cvt_err *e);
/* Moves a seekable input to a byte offset from its start and forgets what was peeked. */
int input_seek(struct input *in, uint64_t offset, struct cvt_err *e);
/* Bytes taken so far, for messages. */
uint64_t input_offset(const struct input *in);

/* Exactly n bytes from an absolute offset of a seekable input, without moving it. CVT_INPUT when
 * the input ends before. */
int input_pread(const struct input *in, void *to, size_t n, uint64_t offset, struct cvt_err *e);
/* The entry `path` of the open folder `folder`, called `name` in messages. */
int input_open_in(struct input **in, const struct input *folder, const char *path, const char *name,
	struct cvt_err *e);
/* n bytes in memory as a seekable input; they are borrowed. */
int input_of_memory(
	struct input **in, const char *name, const void *bytes, size_t n, struct cvt_err *e);
/* If the next bytes are gzip, xz, zstd, bzip2 or lz4, the input gives what they hold from now on
 * (and can no longer seek). One layer; output beyond 16 MiB that is more than max_expansion times
 * what went in is CVT_LIMIT (--max-expansion). */
int input_unpack(struct input *in, size_t max_expansion, struct cvt_err *e);
/* Reads what is left of an input that cannot seek into memory, so that it can; input_size is right
 * then. Beyond max_memory it is CVT_LIMIT (--max-memory). Nothing to do for one that can. */
int input_hold(struct input *in, size_t max_memory, struct cvt_err *e);
/* Bytes of memory that the input holds. */
size_t input_held(const struct input *in);

#endif
