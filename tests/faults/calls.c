/*
 * LD_PRELOAD: the FAULT_AT-th call (from 1) of those that save a file goes wrong. FAULT says how:
 * `before` and `after` kill the program there, as SIGKILL or a power cut would; a word such as
 * ENOSPC makes the call fail with it; `short` writes one byte only.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum what { NOTHING, FAIL, SHORT, AFTER };

static void die(void)
{
	(void)raise(SIGKILL);
}

/* What happens to this call. */
static enum what fate(void)
{
	static long calls;
	static const struct {
		const char *word;
		int number;
	} errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EINTR", EINTR}, {"EDQUOT", EDQUOT}};
	const char *at = getenv("FAULT_AT"), *how = getenv("FAULT");
	if (!at || !how || ++calls != strtol(at, NULL, 10))
		return NOTHING;
	if (strcmp(how, "before") == 0)
		die();
	if (strcmp(how, "after") == 0)
		return AFTER;
	if (strcmp(how, "short") == 0)
		return SHORT;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (strcmp(how, errors[i].word) == 0)
			errno = errors[i].number;
	return FAIL;
}

/* Defines NAME, which does what the next NAME does unless its fate is another. */
#define WRAP(type, name, parameters, arguments)                                                    \
	type name parameters                                                                       \
	{                                                                                          \
		type(*real) parameters;                                                            \
		void *found = dlsym(RTLD_NEXT, #name);                                             \
		memcpy(&real, &found, sizeof found);                                               \
		const enum what f = fate();                                                        \
		if (f == FAIL)                                                                     \
			return -1;                                                                 \
		const type result = real arguments;                                                \
		if (f == AFTER)                                                                    \
			die();                                                                     \
		return result;                                                                     \
	}

WRAP(int, fsync, (int fd), (fd))
WRAP(int, close, (int fd), (fd))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(int, flock, (int fd, int operation), (fd, operation))
WRAP(int, unlink, (const char *path), (path))
WRAP(int, rename, (const char *from, const char *to), (from, to))
WRAP(int, linkat, (int a, const char *from, int b, const char *to, int flags),
	(a, from, b, to, flags))

ssize_t write(int fd, const void *bytes, size_t n)
{
	ssize_t (*real)(int, const void *, size_t);
	void *found = dlsym(RTLD_NEXT, "write");
	memcpy(&real, &found, sizeof found);
	if (fd == STDERR_FILENO)
		return real(fd, bytes, n);
	const enum what f = fate();
	if (f == FAIL)
		return -1;
	const ssize_t wrote = real(fd, bytes, f == SHORT && n ? 1 : n);
	if (f == AFTER)
		die();
	return wrote;
}

ssize_t writev(int fd, const struct iovec *piece, int n)
{
	ssize_t (*real)(int, const struct iovec *, int);
	void *found = dlsym(RTLD_NEXT, "writev");
	memcpy(&real, &found, sizeof found);
	const enum what f = fate();
	if (f == FAIL)
		return -1;
	if (f == SHORT && n && piece->iov_len)
		return write(fd, piece->iov_base, 1);
	const ssize_t wrote = real(fd, piece, n);
	if (f == AFTER)
		die();
	return wrote;
}

int open(const char *path, int flags, ...)
{
	int (*real)(const char *, int, ...);
	void *found = dlsym(RTLD_NEXT, "open");
	memcpy(&real, &found, sizeof found);
	mode_t mode = 0;
	if (flags & (O_CREAT | O_TMPFILE)) {
		va_list args;
		va_start(args, flags);
		mode = va_arg(args, mode_t); /* NOLINT: the analyzer misses va_start */
		va_end(args);
	}
	const enum what f = fate();
	if (f == FAIL)
		return -1;
	const int fd = real(path, flags, mode);
	if (f == AFTER)
		die();
	return fd;
}
