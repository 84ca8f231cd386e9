/*
 * output: bytes out, whole or not at all. A file is written without a name (or, where the file
 * system cannot do that, under a temporary one) in the folder where it will live, and takes its own
 * name only when everything is on the disk (fsync, rename, fsync of the folder); /dev/stdout,
 * pipes, devices and other things that are no regular file are written in place. A pipe whose
 * reader is gone gives CVT_GONE. Promise 3 lives here.
 */
#ifndef CVT_OUTPUT_H
#define CVT_OUTPUT_H

#include "../libcore/mem.h"

#include <sys/uio.h>

struct output;

/* path NULL or "-" = stdout. */
int output_open(struct output **o, const char *path, struct cvt_err *e);
/* For messages: the path, or "standard output". */
const char *output_name(const struct output *o);
bool output_is_pipe(const struct output *o);  /* a pipe or socket: an error can travel as FAIL */
bool output_in_place(const struct output *o); /* what was written is already where it goes */
int output_write(struct output *o, const void *bytes, size_t n, struct cvt_err *e);
/* The same for several pieces at once; `piece` is used up (changed). */
int output_writev(struct output *o, struct iovec *piece, size_t n, struct cvt_err *e);
/* Everything durable and in place; frees o in any case. */
int output_commit(struct output *o, struct cvt_err *e);
/* Gives up: the temporary file goes, the old file stays. NULL is allowed. */
void output_abandon(struct output *o);
/* True if path names the very file that fd reads. */
bool output_same_file(const char *path, int fd);
/* CVT_USAGE if what output_open(path) would write (NULL = stdout) is the file that fd reads: it would
 * be damaged, or grow for ever. */
int output_refuse_input(const char *path, int fd, struct cvt_err *e);

#endif
