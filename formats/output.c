/*
 * output: bytes out, whole or not at all (see output.h).
 *
 * Linux can write a file that has no name yet (O_TMPFILE): nothing is left behind however the
 * program dies, SIGKILL included. Where nothing has its name, linkat gives it that. To replace a
 * file it needs a temporary name for the instant between linkat and rename (linkat cannot replace);
 * file systems without O_TMPFILE need one from the start. Signals that can be held or handled leave
 * no temporary file; what SIGKILL left, the next writer of that target removes: its author held a
 * lock on it, and nobody does now.
 */
#define _GNU_SOURCE /* O_TMPFILE, F_SETPIPE_SZ, flock */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PIPE_BYTES = 1 << 20,
	MOST_PIECES = 256,
	NAME_TRIES = 100,
	SWEPT_TRIES = 4,
	MOST_LINKS = 40
};

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
	if (path && doomed_is_set && strcmp(doomed, path) == 0)
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

/* ---- temporary names --------------------------------------------------------------- */

/* Splits o->path in o->folder and the temporary name ".NAME.cvtools-TRY" beside it. */
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
	const int code = str_printf(&temporary, e, ".%.200s.cvtools-%d", o->path + head, try);
	o->temporary = temporary.p;
	return code;
}

static bool is_named(const char *path, int fd)
{
	struct stat a, b;
	return lstat(path, &a) == 0 && fstat(fd, &b) == 0 && a.st_dev == b.st_dev
	       && a.st_ino == b.st_ino;
}

/* The writer of a temporary file holds a lock on it as long as it lives. */
static bool lock(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* Removes a temporary file whose writer is dead; false when it lives, or cannot be told. */
static bool remove_stale(const char *path)
{
	struct stat s;
	const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	const bool dead =
		fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && lock(fd) && is_named(path, fd);
	const bool gone = dead && unlink(path) == 0;
	(void)close(fd); /* nothing was written through it */
	return gone;
}

/* What dead writers of this target left behind. */
static int sweep(struct output *o, struct cvt_err *e)
{
	for (int try = SWEPT_TRIES; try-- > 0;) {
		TRY(name_temporary(o, try, e));
		(void)remove_stale(o->temporary);
	}
	return CVT_OK;
}

static int open_named(struct output *o, mode_t mode, struct cvt_err *e)
{
	for (int try = 0; try < NAME_TRIES; try++) {
		TRY(name_temporary(o, try, e));
		o->fd = open(o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (o->fd >= 0) {
			doom(o->temporary);
			/* Before we had the lock, somebody may have thought it stale. */
			o->named = !lock(o->fd) || is_named(o->temporary, o->fd);
			if (o->named)
				return CVT_OK;
			undoom(o->temporary);
			(void)close(o->fd); /* it has no name any more */
			o->fd = -1;
			continue;
		}
		if (errno != EEXIST)
			break;
	}
	return fail(o, "cannot be written", e);
}

static int open_temporary(struct output *o, struct cvt_err *e)
{
	TRY(sweep(o, e));
	o->regular = true;
#ifdef O_TMPFILE
	if (access("/proc/self/fd", X_OK) == 0) { /* what gives it its name later */
		o->fd = open(o->folder, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
		if (o->fd >= 0) {
			(void)lock(o->fd); /* without one, nobody removes it for us */
			return CVT_OK;
		}
	}
#endif
	return open_named(o, 0666, e);
}

/* ---- opening ----------------------------------------------------------------------- */

/* An existing file: the new one gets its mode, and a symbolic link goes on pointing to it, as it does
 * with the shell's >. */
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

/* Where the symbolic link at o->path points, from its folder; *more is false when it is none. */
static int follow(struct output *o, bool *more, struct cvt_err *e)
{
	char to[PATH_MAX];
	struct str path = {0};
	const ssize_t n = readlink(o->path, to, sizeof to);
	const char *slash = strrchr(o->path, '/');
	*more = n >= 0;
	if (n < 0)
		return CVT_OK;
	int code = CVT_OK;
	if (slash && !(n > 0 && to[0] == '/'))
		code = str_add(&path, o->path, (size_t)(slash - o->path) + 1, e);
	if (code == CVT_OK)
		code = str_add(&path, to, (size_t)n, e);
	if (code != CVT_OK) {
		free(path.p);
		return code;
	}
	free(o->path);
	o->path = path.p;
	return CVT_OK;
}

/* A new file; where a symbolic link waits for it, at the end of that. */
static int create(struct output *o, const char *path, struct cvt_err *e)
{
	bool more = true;
	o->path = mem_strdup(path, e);
	if (!o->path)
		return CVT_SYSTEM;
	for (int links = 0; more && links <= MOST_LINKS; links++)
		TRY(follow(o, &more, e));
	return open_temporary(o, e);
}

static int open_path(struct output *o, const char *path, struct cvt_err *e)
{
	struct stat s;
	if (!path || strcmp(path, "-") == 0 || output_same_file(path, STDOUT_FILENO))
		return in_place(o, STDOUT_FILENO, e);
	if (stat(path, &s) != 0)
		return errno == ENOENT ? create(o, path, e) : fail(o, "cannot be written", e);
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
	*to = NULL;
	if (path && !*path)
		return cvt_fail(e, CVT_USAGE, "--output is empty; is a variable not set?");
	struct output *o = calloc(1, sizeof *o);
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

static int close_checked(struct output *o, struct cvt_err *e)
{
	const int fd = o->fd;
	o->fd = -1;
	if (fd == STDOUT_FILENO) /* cli_end closes it */
		return CVT_OK;
	return close(fd) == 0 || errno == EINTR ? CVT_OK : fail(o, "cannot be written", e);
}

/* Links the file without a name to its place, if nothing is there; else it has a temporary name
 * then. */
static int link_file(struct output *o, int fd, struct cvt_err *e)
{
	char self[64];
	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, self, AT_FDCWD, o->path, AT_SYMLINK_FOLLOW) == 0)
		return CVT_OK;
	for (int try = 0; errno == EEXIST && try < NAME_TRIES; try++) {
		TRY(name_temporary(o, try, e));
		o->named = linkat(AT_FDCWD, self, AT_FDCWD, o->temporary, AT_SYMLINK_FOLLOW) == 0;
		if (o->named)
			return CVT_OK;
	}
	return fail(o, "cannot be named", e);
}

/* Nothing but SIGKILL comes between a temporary name and the file's own. */
static int give_name(struct output *o, int fd, struct cvt_err *e)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	const bool held = sigprocmask(SIG_SETMASK, &all, &before) == 0;
	int code = o->named ? CVT_OK : link_file(o, fd, e);
	if (code == CVT_OK && o->named && rename(o->temporary, o->path) != 0) {
		code = fail(o, "cannot be put in place", e);
		(void)unlink(o->temporary);
	}
	o->named = false;
	undoom(o->temporary);
	if (held)
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return code;
}

/* The descriptor that wrote is closed before the file gets its name: on some file systems that is
 * when an error shows. Its copy keeps the lock, and the file itself. */
static int put_in_place(struct output *o, struct cvt_err *e)
{
	if (o->regular && make_durable(o->fd) != 0)
		return fail(o, "cannot be made durable", e);
	if (!o->path)
		return close_checked(o, e);
	const int copy = fcntl(o->fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return fail(o, "cannot be put in place", e);
	int code = close_checked(o, e);
	if (code == CVT_OK)
		code = give_name(o, copy, e);
	(void)close(copy); /* nothing was written through it */
	return code == CVT_OK ? sync_folder(o, e) : code;
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
