/* unpack: one layer of compression off a row of bytes (see unpack.h). */
#include "unpack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "arclib.h"

enum { CHUNK = 1 << 16, SLACK = 16 << 20 };

struct unpack {
	const char *kind;
	unpack_source source;
	void *context;
	size_t max_expansion;
	uint64_t in, out;      /* bytes so far */
	struct cvt_err failed; /* what the source said, kept through libarchive's callback */
	bool gzip, ended, starved;
	z_stream z;
	struct arclib lib;
	struct archive *archive;
	struct archive_entry *entry;
	unsigned char chunk[CHUNK];
};

const char *unpack_kind(const unsigned char *start, size_t n)
{
	static const struct {
		const char *kind, *magic;
		size_t length;
	} known[] = {
		{"gzip", "\x1f\x8b\x08", 3},
		{"xz",
			"\xfd"
			"7zXZ\0",
			6},
		{"zstd", "\x28\xb5\x2f\xfd", 4},
		{"bzip2", "BZh", 3},
		{"lz4", "\x04\x22\x4d\x18", 4},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (n >= known[i].length && memcmp(start, known[i].magic, known[i].length) == 0)
			return known[i].kind;
	return NULL;
}

/* ---- the others, by libarchive ----------------------------------------------------- */

static la_ssize_t give(struct archive *a, void *context, const void **bytes)
{
	struct unpack *u = context;
	size_t got = 0;
	if (u->source(u->context, u->chunk, CHUNK, &got, &u->failed) != CVT_OK) {
		u->lib.archive_set_error(a, EIO, "%s", u->failed.text);
		return ARCHIVE_FATAL;
	}
	u->in += got;
	*bytes = u->chunk;
	return (la_ssize_t)got;
}

static int damaged(struct unpack *u, struct cvt_err *e)
{
	if (u->starved || arclib_starved(&u->lib, u->archive))
		return cvt_fail(e, CVT_SYSTEM, "out of memory to unpack the %s data", u->kind);
	if (u->failed.code) {
		*e = u->failed;
		return e->code;
	}
	char line[300];
	const char *why = u->gzip ? u->z.msg : arclib_why(&u->lib, u->archive, line, sizeof line);
	return cvt_fail(e, CVT_INPUT,
		"the %s data is damaged or cut after %llu unpacked bytes%s%s%s", u->kind,
		(unsigned long long)u->out, why ? " (" : "", why ? why : "", why ? ")" : "");
}

static int open_others(struct unpack *u, struct cvt_err *e)
{
	TRY(arclib_open(&u->lib, e));
	u->archive = u->lib.archive_read_new();
	u->entry = u->archive ? u->lib.archive_entry_new2(u->archive) : NULL;
	if (!u->entry)
		return cvt_fail(e, CVT_SYSTEM, "out of memory");
	(void)u->lib.archive_read_support_filter_all(u->archive); /* warns of external programs */
	if (u->lib.archive_read_support_format_raw(u->archive) != ARCHIVE_OK
		|| u->lib.archive_read_set_callback_data(u->archive, u) != ARCHIVE_OK
		|| u->lib.archive_read_set_read_callback(u->archive, give) != ARCHIVE_OK
		|| arclib_start(&u->lib, u->archive) != ARCHIVE_OK
		|| u->lib.archive_read_next_header2(u->archive, u->entry) != ARCHIVE_OK)
		return damaged(u, e);
	return CVT_OK;
}

static int read_others(struct unpack *u, void *to, size_t want, size_t *got, struct cvt_err *e)
{
	while (*got < want && !u->ended) {
		const la_ssize_t n =
			u->lib.archive_read_data(u->archive, (char *)to + *got, want - *got);
		if (n < 0)
			return damaged(u, e);
		u->ended = n == 0;
		*got += (size_t)n;
	}
	return CVT_OK;
}

/* ---- gzip, by zlib ----------------------------------------------------------------- */

static int refill(struct unpack *u, struct cvt_err *e)
{
	size_t got = 0;
	TRY(u->source(u->context, u->chunk, CHUNK, &got, e));
	u->in += got;
	u->z.next_in = u->chunk;
	u->z.avail_in = (uInt)got;
	return CVT_OK;
}

/* A gzip file may be several ones end to end. */
static int next_member(struct unpack *u, struct cvt_err *e)
{
	if (u->z.avail_in == 0)
		TRY(refill(u, e));
	u->ended = u->z.avail_in == 0;
	if (!u->ended)
		(void)inflateReset(&u->z); /* it fails for what was never begun alone */
	return CVT_OK;
}

static int read_gzip(struct unpack *u, void *to, size_t want, size_t *got, struct cvt_err *e)
{
	while (*got < want && !u->ended) {
		const size_t room = want - *got, step = room < (1u << 30) ? room : 1u << 30;
		if (u->z.avail_in == 0)
			TRY(refill(u, e));
		const bool dry = u->z.avail_in == 0;
		u->z.next_out = (unsigned char *)to + *got;
		u->z.avail_out = (uInt)step;
		const int code = inflate(&u->z, Z_NO_FLUSH);
		const size_t n = step - u->z.avail_out;
		u->starved = code == Z_MEM_ERROR;
		*got += n;
		if (code == Z_STREAM_END)
			TRY(next_member(u, e));
		else if (code != Z_OK || (dry && n == 0))
			return damaged(u, e);
	}
	return CVT_OK;
}

/* ---- both -------------------------------------------------------------------------- */

int unpack_open(struct unpack **to, const char *kind, unpack_source source, void *context,
	size_t max_expansion, struct cvt_err *e)
{
	struct unpack *u = mem_alloc(1, sizeof *u, e);
	if (!u)
		return CVT_SYSTEM;
	u->kind = kind;
	u->source = source;
	u->context = context;
	u->max_expansion = max_expansion;
	u->gzip = strcmp(kind, "gzip") == 0;
	int code = CVT_OK;
	if (!u->gzip)
		code = open_others(u, e);
	else if (inflateInit2(&u->z, 15 + 16) != Z_OK)
		code = cvt_fail(e, CVT_SYSTEM, "out of memory");
	if (code != CVT_OK) {
		unpack_close(u);
		return code;
	}
	*to = u;
	return CVT_OK;
}

int unpack_read(struct unpack *u, void *to, size_t want, size_t *got, struct cvt_err *e)
{
	*got = 0;
	while (*got < want && !u->ended) {
		/* In steps, so that a bomb is seen before it fills a large request. */
		const size_t step = want - *got < SLACK ? want - *got : SLACK;
		size_t n = 0;
		TRY(u->gzip ? read_gzip(u, (char *)to + *got, step, &n, e)
			    : read_others(u, (char *)to + *got, step, &n, e));
		*got += n;
		u->out += n;
		if (u->out > SLACK && u->out / u->max_expansion > u->in)
			return cvt_fail(e, CVT_LIMIT,
				"the %s data grows more than %zu times; if that is right, raise "
				"cv-read --max-expansion",
				u->kind, u->max_expansion);
	}
	return CVT_OK;
}

void unpack_close(struct unpack *u)
{
	if (!u)
		return;
	if (u->gzip)
		(void)inflateEnd(&u->z);
	if (u->entry)
		u->lib.archive_entry_free(u->entry);
	if (u->archive)
		(void)u->lib.archive_read_free(u->archive);
	free(u);
}
