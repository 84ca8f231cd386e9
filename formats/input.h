/*
 * input: bytes in, from a file or a pipe, with a look ahead that decides what they are. The name is
 * for messages, quoted so that it cannot hurt a terminal.
 */
#ifndef CVT_INPUT_H
#define CVT_INPUT_H

#include "../libcore/mem.h"

struct input;

/* path NULL or "-" = stdin (CVT_USAGE if that is a terminal). A folder opens, too (input_is_folder). */
int input_open(struct input **in, const char *path, struct cvt_err *e);
void input_close(struct input *in);
const char *input_name(const struct input *in);
int input_fd(const struct input *in);
bool input_is_folder(const struct input *in);
bool input_can_seek(const struct input *in); /* a regular file */
/* Size of a regular file, SIZE_MAX otherwise. */
size_t input_size(const struct input *in);
/* Up to `want` (<= 64 KiB) of the next bytes without taking them; fewer at the end. */
int input_peek(struct input *in, size_t want, const unsigned char **p, size_t *n,
	struct cvt_err *e);
/* Takes up to `want` bytes; *got < want only at the end. Retries EINTR and short reads. */
int input_read(struct input *in, void *to, size_t want, size_t *got, struct cvt_err *e);
/* Moves a seekable input to a byte offset from its start and forgets what was peeked. */
int input_seek(struct input *in, uint64_t offset, struct cvt_err *e);
/* Bytes taken so far, for messages. */
uint64_t input_offset(const struct input *in);

#endif
