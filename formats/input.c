/* input: bytes in, from a file, a pipe or memory, with a look ahead (see input.h). */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unpack.h"

enum { AHEAD = 1 << 16, HOLD_STEP = 64 << 20 };

struct input {
	char *name, *path; /* path: NULL when it cannot be opened by it again */
	int fd;            /* -1 = memory */
	bool folder, regular;
	uint64_t start, size; /* of a regular file: where we found it, bytes from there */
	const unsigned char *memory;
	unsigned char *held; /* owned memory */
	uint64_t at;         /* place in memory */
	struct unpack *unpack;
	unsigned char *ahead; /* bytes [used, ready) were read but not taken */
	size_t used, ready;
	unsigned char *packed; /* the same below the layer of compression */
	size_t packed_used, packed_ready;
	uint64_t taken;
};

/* ---- opening ----------------------------------------------------------------------- */

static int create(struct input **to, const char *name, int fd, struct cvt_err *e)
{
	char shown[600];
	struct input *in = mem_alloc(1, sizeof *in, e);
	if (!in)
		return CVT_SYSTEM;
	in->fd = fd;
	in->name = mem_strdup(mem_printable(shown, sizeof shown, name), e);
	if (!in->name) {
		free(in);
		return CVT_SYSTEM;
	}
	*to = in;
	return CVT_OK;
}

/* What the descriptor is. */
static int examine(struct input *in, struct cvt_err *e)
{
	struct stat st;
	if (fstat(in->fd, &st) != 0)
		return cvt_fail_errno(e, "%s", in->name);
	in->folder = S_ISDIR(st.st_mode);
	const off_t at = S_ISREG(st.st_mode) ? lseek(in->fd, 0, SEEK_CUR) : -1;
	in->regular = at >= 0;
	if (in->regular) {
		in->start = (uint64_t)at;
		in->size = st.st_size > at ? (uint64_t)(st.st_size - at) : 0;
	}
	if (in->fd == STDIN_FILENO && isatty(in->fd))
		return cvt_fail(e, CVT_USAGE,
			"standard input is a terminal; name a file or pipe something in");
	return CVT_OK;
}

static int finish_open(struct input **to, const char *name, int fd, struct cvt_err *e)
{
	struct input *in = NULL;
	int code = create(&in, name, fd, e);
	if (code == CVT_OK)
		code = examine(in, e);
	if (code == CVT_OK)
		*to = in;
	else if (in)
		input_close(in);
	else if (fd != STDIN_FILENO)
		(void)close(fd);
	return code;
}

int input_open(struct input **in, const char *path, struct cvt_err *e)
{
	char shown[600];
	if (!path || strcmp(path, "-") == 0)
		return finish_open(in, "standard input", STDIN_FILENO, e);
	if (!*path)
		return cvt_fail(e, CVT_USAGE, "a file without a name; is a variable not set?");
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return cvt_fail_errno(e, "%s", mem_printable(shown, sizeof shown, path));
	TRY(finish_open(in, path, fd, e));
	(*in)->path = mem_strdup(path, e);
	if ((*in)->path)
		return CVT_OK;
	input_close(*in);
	*in = NULL;
	return CVT_SYSTEM;
}

int input_open_in(struct input **in, const struct input *folder, const char *path, const char *name,
	struct cvt_err *e)
{
	char shown[600];
	const int fd = openat(folder->fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return cvt_fail_errno(e, "%s", mem_printable(shown, sizeof shown, name));
	return finish_open(in, name, fd, e);
}

int input_of_memory(
	struct input **in, const char *name, const void *bytes, size_t n, struct cvt_err *e)
{
	TRY(create(in, name, -1, e));
	(*in)->memory = bytes;
	(*in)->size = n;
	return CVT_OK;
}

void input_close(struct input *in)
{
	if (!in)
		return;
	unpack_close(in->unpack);
	if (in->fd > STDIN_FILENO)
		(void)close(in->fd); /* nothing was written: an error here loses nothing */
	free(in->held);
	free(in->ahead);
	free(in->packed);
	free(in->name);
	free(in->path);
	free(in);
}

const char *input_path(const struct input *in)
{
	return in->path;
}

const char *input_name(const struct input *in)
{
	return in->name;
}

int input_fd(const struct input *in)
{
	return in->fd;
}

bool input_is_folder(const struct input *in)
{
	return in->folder;
}

bool input_can_seek(const struct input *in)
{
	return (in->regular || in->fd < 0) && !in->unpack;
}

size_t input_size(const struct input *in)
{
	return input_can_seek(in) ? (size_t)in->size : SIZE_MAX;
}

uint64_t input_offset(const struct input *in)
{
	return in->taken;
}

size_t input_held(const struct input *in)
{
	return in->held ? (size_t)in->size : 0;
}

/* ---- reading ----------------------------------------------------------------------- */

static int read_descriptor(
	const struct input *in, void *to, size_t want, size_t *got, struct cvt_err *e)
{
	*got = 0;
	while (*got < want) {
		const size_t step = want - *got < (1u << 30) ? want - *got : 1u << 30;
		const ssize_t n = read(in->fd, (char *)to + *got, step);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cvt_fail_errno(e, "%s", in->name);
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return CVT_OK;
}

/* The bytes below a layer of compression: what was peeked, then the rest. */
static int read_plain(void *context, void *to, size_t want, size_t *got, struct cvt_err *e)
{
	struct input *in = context;
	const size_t ready = in->packed_ready - in->packed_used;
	if (ready > 0) {
		*got = want < ready ? want : ready;
		memcpy(to, in->packed + in->packed_used, *got);
		in->packed_used += *got;
		return CVT_OK;
	}
	if (in->fd >= 0)
		return read_descriptor(in, to, want, got, e);
	const uint64_t left = in->size - in->at;
	*got = want < left ? want : (size_t)left;
	if (*got)
		memcpy(to, in->memory + in->at, *got);
	in->at += *got;
	return CVT_OK;
}

static int read_layer(struct input *in, void *to, size_t want, size_t *got, struct cvt_err *e)
{
	if (!in->unpack)
		return read_plain(in, to, want, got, e);
	return unpack_read(in->unpack, to, want, got, e) ? cvt_fail_at(e, "%s", in->name) : CVT_OK;
}

int input_peek(struct input *in, size_t want, const unsigned char **p, size_t *n, struct cvt_err *e)
{
	if (!in->ahead) {
		in->ahead = malloc(AHEAD);
		if (!in->ahead)
			return cvt_fail(e, CVT_SYSTEM, "out of memory");
	}
	want = want < AHEAD ? want : AHEAD;
	if (in->ready - in->used < want) {
		memmove(in->ahead, in->ahead + in->used, in->ready - in->used);
		in->ready -= in->used;
		in->used = 0;
		size_t got = 0;
		TRY(read_layer(in, in->ahead + in->ready, want - in->ready, &got, e));
		in->ready += got;
	}
	*p = in->ahead + in->used;
	*n = in->ready - in->used < want ? in->ready - in->used : want;
	return CVT_OK;
}

int input_read(struct input *in, void *to, size_t want, size_t *got, struct cvt_err *e)
{
	const size_t ready = in->ready - in->used, n = want < ready ? want : ready;
	size_t more = 0;
	if (n)
		memcpy(to, in->ahead + in->used, n);
	in->used += n;
	if (n < want)
		TRY(read_layer(in, (char *)to + n, want - n, &more, e));
	*got = n + more;
	in->taken += *got;
	return CVT_OK;
}

int input_seek(struct input *in, uint64_t offset, struct cvt_err *e)
{
	if (!input_can_seek(in))
		return cvt_fail(e, CVT_INPUT, "%s: cannot go back in it", in->name);
	if (in->fd >= 0 && lseek(in->fd, (off_t)(in->start + offset), SEEK_SET) < 0)
		return cvt_fail_errno(e, "%s", in->name);
	in->at = offset < in->size ? offset : in->size;
	in->used = in->ready = 0;
	in->taken = offset;
	return CVT_OK;
}

static int ended_early(const struct input *in, uint64_t offset, struct cvt_err *e)
{
	return cvt_fail(e, CVT_INPUT, "%s: ends before byte %llu; is it cut, or did it change?",
		in->name, (unsigned long long)offset);
}

int input_pread(const struct input *in, void *to, size_t n, uint64_t offset, struct cvt_err *e)
{
	if (in->fd < 0) {
		if (offset > in->size || n > in->size - offset)
			return ended_early(in, offset + n, e);
		if (n)
			memcpy(to, in->memory + offset, n);
		return CVT_OK;
	}
	for (size_t done = 0; done < n;) {
		const size_t step = n - done < (1u << 30) ? n - done : 1u << 30;
		const ssize_t got =
			pread(in->fd, (char *)to + done, step, (off_t)(in->start + offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return cvt_fail_errno(e, "%s", in->name);
		if (got == 0)
			return ended_early(in, offset + n, e);
		done += (size_t)got;
	}
	return CVT_OK;
}

/* ---- layers ------------------------------------------------------------------------ */

int input_unpack(struct input *in, size_t max_expansion, struct cvt_err *e)
{
	const unsigned char *start = NULL;
	size_t n = 0;
	TRY(input_peek(in, 6, &start, &n, e));
	const char *kind = unpack_kind(start, n);
	if (!kind || in->unpack)
		return CVT_OK;
	in->packed = in->ahead; /* what was peeked is the layer's first bytes */
	in->packed_used = in->used;
	in->packed_ready = in->ready;
	in->ahead = NULL;
	in->used = in->ready = 0;
	return unpack_open(&in->unpack, kind, read_plain, in, max_expansion, e)
		       ? cvt_fail_at(e, "%s", in->name)
		       : CVT_OK;
}

static int hold_all(struct input *in, void **bytes, size_t *n, size_t max_memory, struct cvt_err *e)
{
	size_t capacity = 0, got;
	*n = 0;
	do {
		size_t want = *n / 2;
		want = want < AHEAD ? AHEAD : want > HOLD_STEP ? HOLD_STEP : want;
		TRY(mem_grow(bytes, &capacity, *n + want, 1, e));
		TRY(input_read(in, (char *)*bytes + *n, want, &got, e));
		*n += got;
		if (*n > max_memory)
			return cvt_fail(e, CVT_LIMIT,
				"%s: more than %zu MiB must be held in memory; raise --max-memory, "
				"or "
				"unpack it to a file first",
				in->name, max_memory >> 20);
		if (got < want)
			return CVT_OK;
	} while (true);
}

int input_hold(struct input *in, size_t max_memory, struct cvt_err *e)
{
	void *bytes = NULL;
	size_t n;
	if (input_can_seek(in))
		return CVT_OK;
	const int code = hold_all(in, &bytes, &n, max_memory, e);
	if (code != CVT_OK) {
		free(bytes);
		return code;
	}
	unpack_close(in->unpack);
	in->unpack = NULL;
	if (in->fd > STDIN_FILENO)
		(void)close(in->fd);
	in->fd = -1;
	void *less = n ? realloc(bytes, n) : NULL;
	in->held = less ? less : bytes;
	in->memory = in->held;
	in->size = n;
	in->at = 0;
	in->used = in->ready = 0;
	in->taken = 0;
	return CVT_OK;
}
