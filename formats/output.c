/*
 * output: bytes out, whole or not at all (see output.h).
 *
 * Linux can write a file that has no name yet (O_TMPFILE): nothing is left behind however the
 * program dies, SIGKILL included. It gets a temporary name for an instant (linkat cannot replace a
 * file) and then its own (rename can). File systems without O_TMPFILE get the temporary name from
 * the start; then a signal handler removes it.
 */
#define _GNU_SOURCE /* O_TMPFILE, F_SETPIPE_SZ */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIPE_BYTES = 1 << 20, MOST_PIECES = 256, NAME_TRIES = 100 };

struct output {
	int fd;
	bool pipe, regular;
	char *name;   /* for messages, printable */
	char *path;   /* the file that is to appear; NULL = written in place */
	char *folder; /* where that is */
	char *temporary;
	bool named; /* `temporary` exists on the disk */
};

/* The named temporary file that a signal has to remove. A handler can be told by a global only; it
 * is written where O_TMPFILE is missing, and nowhere else. */
static char doomed[PATH_MAX];
static volatile sig_atomic_t doomed_is_set;

static void remove_doomed(int signal_number)
{
	if (doomed_is_set)
		(void)unlink(doomed);
	(void)raise(signal_number); /* SA_RESETHAND: now with its default action */
}

static void doom(const char *path)
{
	static const int deadly[] = {SIGHUP, SIGINT, SIGTERM};
	struct sigaction old, new = {.sa_handler = remove_doomed, .sa_flags = (int)SA_RESETHAND};
	if (doomed_is_set || strlen(path) >= sizeof doomed)
		return;
	memcpy(doomed, path, strlen(path) + 1);
	doomed_is_set = 1;
	for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
		if (sigaction(deadly[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			(void)sigaction(deadly[i], &new, NULL);
}

static void undoom(const char *path)
{
	if (doomed_is_set && strcmp(doomed, path) == 0)
		doomed_is_set = 0;
}

static void output_free(struct output *o)
{
	free(o->name);
	free(o->path);
	free(o->folder);
	free(o->temporary);
	free(o);
}

static int fail(const struct output *o, const char *what, struct cvt_err *e)
{
	return cvt_fail_errno(e, "%s: %s", o->name, what);
}

/* Makes o write to fd as it is. */
static int in_place(struct output *o, int fd, struct cvt_err *e)
{
	struct stat s;
	o->fd = fd;
	if (fstat(fd, &s) != 0)
		return fail(o, "cannot be written", e);
	o->pipe = S_ISFIFO(s.st_mode) || S_ISSOCK(s.st_mode);
	o->regular = S_ISREG(s.st_mode);
#ifdef F_SETPIPE_SZ
	if (S_ISFIFO(s.st_mode))
		(void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES); /* a wish; a smaller pipe works, too */
#endif
	return CVT_OK;
}

/* Splits o->path in o->folder and the temporary name ".NAME.PID-TRY" beside it. */
static int name_temporary(struct output *o, int try, struct cvt_err *e)
{
	const char *slash = strrchr(o->path, '/');
	const size_t head = slash ? (size_t)(slash - o->path) + 1 : 0;
	struct str folder = {0}, temporary = {0};
	free(o->folder);
	free(o->temporary);
	o->folder = o->temporary = NULL;
	TRY(head ? str_add(&folder, o->path, head, e) : str_puts(&folder, ".", e));
	o->folder = folder.p;
	TRY(str_add(&temporary, o->path, head, e));
	o->temporary = temporary.p;
	const int code =
		str_printf(&temporary, e, ".%.200s.%ld-%d", o->path + head, (long)getpid(), try);
	o->temporary = temporary.p;
	return code;
}

static int open_named(struct output *o, mode_t mode, struct cvt_err *e)
{
	for (int try = 0; try < NAME_TRIES; try++) {
		TRY(name_temporary(o, try, e));
		o->fd = open(o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (o->fd >= 0) {
			o->named = true;
			doom(o->temporary);
			return CVT_OK;
		}
		if (errno != EEXIST)
			break;
	}
	return fail(o, "cannot be written", e);
}

static int open_temporary(struct output *o, struct cvt_err *e)
{
	TRY(name_temporary(o, 0, e));
	o->regular = true;
#ifdef O_TMPFILE
	if (access("/proc/self/fd", X_OK) == 0) { /* what gives it its name later */
		o->fd = open(o->folder, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
		if (o->fd >= 0)
			return CVT_OK;
	}
#endif
	return open_named(o, 0666, e);
}

/* An existing file: the new one gets its mode, and a symbolic link goes on pointing to it. */
static int replace(struct output *o, const char *path, mode_t mode, struct cvt_err *e)
{
	if (access(path, W_OK) != 0)
		return fail(o, "cannot be written", e);
	o->path = realpath(path, NULL);
	if (!o->path)
		return fail(o, "cannot be written", e);
	TRY(open_temporary(o, e));
	if (fchmod(o->fd, mode & 07777) != 0)
		return fail(o, "cannot be written", e);
	return CVT_OK;
}

static int open_path(struct output *o, const char *path, struct cvt_err *e)
{
	struct stat s;
	if (!path || strcmp(path, "-") == 0 || output_same_file(path, STDOUT_FILENO))
		return in_place(o, STDOUT_FILENO, e);
	if (stat(path, &s) != 0) {
		o->path = mem_strdup(path, e);
		return o->path ? open_temporary(o, e) : CVT_SYSTEM;
	}
	if (S_ISDIR(s.st_mode))
		return cvt_fail(e, CVT_SYSTEM, "%s: is a folder; name a file in it", o->name);
	if (S_ISREG(s.st_mode))
		return replace(o, path, s.st_mode, e);
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(o, "cannot be written", e);
	return in_place(o, fd, e);
}

int output_open(struct output **to, const char *path, struct cvt_err *e)
{
	const bool is_stdout = !path || strcmp(path, "-") == 0;
	char shown[500];
	struct output *o = calloc(1, sizeof *o);
	*to = NULL;
	if (!o)
		return cvt_fail(e, CVT_SYSTEM, "out of memory");
	o->fd = -1;
	mem_printable(shown, sizeof shown, is_stdout ? "standard output" : path);
	o->name = mem_strdup(shown, e);
	const int code = o->name ? open_path(o, path, e) : CVT_SYSTEM;
	if (code != CVT_OK) {
		output_abandon(o);
		return code;
	}
	*to = o;
	return CVT_OK;
}

const char *output_name(const struct output *o)
{
	return o->name;
}

bool output_is_pipe(const struct output *o)
{
	return o->pipe;
}

bool output_in_place(const struct output *o)
{
	return !o->path;
}

/* What a failed write means: try again (CVT_OK), or the reason to stop. */
static int after_failure(const struct output *o, struct cvt_err *e)
{
	if (errno == EINTR)
		return CVT_OK;
	if (errno == EAGAIN || errno == EWOULDBLOCK) { /* somebody made our pipe non-blocking */
		struct pollfd p = {.fd = o->fd, .events = POLLOUT};
		(void)poll(&p, 1, -1);
		return CVT_OK;
	}
	if (errno == EPIPE)
		return cvt_fail(e, CVT_GONE, "%s: nobody reads it any more", o->name);
	return fail(o, "cannot be written", e);
}

int output_writev(struct output *o, struct iovec *piece, size_t n, struct cvt_err *e)
{
	size_t i = 0;
	for (;;) {
		while (i < n && piece[i].iov_len == 0)
			i++;
		if (i == n)
			return CVT_OK;
		const size_t count = n - i < MOST_PIECES ? n - i : MOST_PIECES;
		const ssize_t wrote = writev(o->fd, piece + i, (int)count);
		if (wrote < 0) {
			TRY(after_failure(o, e));
			continue;
		}
		for (size_t left = (size_t)wrote; left > 0;) {
			const size_t part = left < piece[i].iov_len ? left : piece[i].iov_len;
			piece[i].iov_base = (char *)piece[i].iov_base + part;
			piece[i].iov_len -= part;
			left -= part;
			i += piece[i].iov_len == 0;
		}
	}
}

int output_write(struct output *o, const void *bytes, size_t n, struct cvt_err *e)
{
	const char *p = bytes;
	while (n > 0) {
		const ssize_t wrote = write(o->fd, p, n);
		if (wrote < 0) {
			TRY(after_failure(o, e));
			continue;
		}
		p += wrote;
		n -= (size_t)wrote;
	}
	return CVT_OK;
}

/* Files and folders that cannot be synchronised (some devices, some network shares) say EINVAL. */
static int make_durable(int fd)
{
	int code;
	do
		code = fsync(fd);
	while (code != 0 && errno == EINTR);
	return code == 0 || errno == EINVAL || errno == EROFS || errno == ENOTSUP ? 0 : -1;
}

static int sync_folder(const struct output *o, struct cvt_err *e)
{
	const int fd = open(o->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? CVT_OK : fail(o, "its folder cannot be opened", e);
	const int code = make_durable(fd);
	const int number = errno;
	(void)close(fd); /* nothing was written through it */
	errno = number;
	return code == 0 ? CVT_OK : fail(o, "its folder cannot be made durable", e);
}

/* Gives the file without a name its temporary one. */
static int give_name(struct output *o, struct cvt_err *e)
{
	char self[64];
	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", o->fd);
	for (int try = 0; try < NAME_TRIES; try++) {
		TRY(name_temporary(o, try, e));
		if (linkat(AT_FDCWD, self, AT_FDCWD, o->temporary, AT_SYMLINK_FOLLOW) == 0) {
			o->named = true;
			return CVT_OK;
		}
		if (errno != EEXIST)
			break;
	}
	return fail(o, "cannot be named", e);
}

static int close_checked(struct output *o, struct cvt_err *e)
{
	const int fd = o->fd;
	o->fd = -1;
	if (fd == STDOUT_FILENO) /* cli_end closes it */
		return CVT_OK;
	return close(fd) == 0 || errno == EINTR ? CVT_OK : fail(o, "cannot be written", e);
}

static int put_in_place(struct output *o, struct cvt_err *e)
{
	if (o->regular && make_durable(o->fd) != 0)
		return fail(o, "cannot be made durable", e);
	if (o->path && !o->named)
		TRY(give_name(o, e));
	TRY(close_checked(o, e));
	if (!o->path)
		return CVT_OK;
	if (rename(o->temporary, o->path) != 0)
		return fail(o, "cannot be put in place", e);
	undoom(o->temporary);
	o->named = false;
	return sync_folder(o, e);
}

int output_commit(struct output *o, struct cvt_err *e)
{
	const int code = put_in_place(o, e);
	output_abandon(o);
	return code;
}

void output_abandon(struct output *o)
{
	if (!o)
		return;
	if (o->fd >= 0 && o->fd != STDOUT_FILENO)
		(void)close(o->fd); /* given up: nothing to lose */
	if (o->named) {
		(void)unlink(o->temporary);
		undoom(o->temporary);
	}
	output_free(o);
}

bool output_same_file(const char *path, int fd)
{
	struct stat a, b;
	return stat(path, &a) == 0 && fstat(fd, &b) == 0 && a.st_dev == b.st_dev
	       && a.st_ino == b.st_ino;
}

int output_refuse_input(const char *path, int fd, struct cvt_err *e)
{
	struct stat a, b;
	const bool is_stdout = !path || strcmp(path, "-") == 0;
	const bool same = is_stdout ? fstat(STDOUT_FILENO, &a) == 0 && fstat(fd, &b) == 0
					      && S_ISREG(a.st_mode) && a.st_dev == b.st_dev
					      && a.st_ino == b.st_ino
				    : output_same_file(path, fd);
	return same ? cvt_fail(e, CVT_USAGE, "%s is the input, too; write to another file",
		       is_stdout ? "standard output" : path)
		    : CVT_OK;
}
