/*
 * archive: tar and zip, compressed or not, as a tree of files held in memory: unpacked from the
 * archive but not decoded (a PNG stays a PNG). Nothing is ever written to disk, links and devices
 * are ignored, and a member's name is only a name. What the files mean is up to the formats that
 * know trees.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arclib.h"
#include "dataset.h"
#include "tree.h"

enum { BLOCK = 512, CHUNK = 1 << 16, STEP = 1 << 16, SLACK = 16 << 20 };

struct reader {
	struct arclib lib;
	struct archive *archive;
	struct archive_entry *entry; /* ours: libarchive would use its own unasked, were it NULL */
	struct input *in;
	struct tree *tree;
	const struct dataset_options *o;
	struct cvt_err failed; /* of the input, kept through libarchive's callbacks */
	unsigned char *chunk;
	bool zip;
	unsigned char last[BLOCK]; /* what the input gave last, for the end of a tar */
};

/* ---- libarchive's callbacks -------------------------------------------------------- */

static la_ssize_t give(struct archive *a, void *context, const void **bytes)
{
	struct reader *r = context;
	size_t got = 0;
	if (input_read(r->in, r->chunk, CHUNK, &got, &r->failed) != CVT_OK) {
		r->lib.archive_set_error(a, EIO, "%s", r->failed.text);
		return ARCHIVE_FATAL;
	}
	if (got >= BLOCK)
		memcpy(r->last, r->chunk + got - BLOCK, BLOCK);
	*bytes = r->chunk;
	return (la_ssize_t)got;
}

static la_int64_t move(struct archive *a, void *context, la_int64_t offset, int whence)
{
	struct reader *r = context;
	const la_int64_t size = (la_int64_t)input_size(r->in);
	const la_int64_t base = whence == SEEK_SET   ? 0
				: whence == SEEK_CUR ? (la_int64_t)input_offset(r->in)
						     : size;
	if (offset < -base || offset > size - base)
		return ARCHIVE_FATAL;
	if (input_seek(r->in, (uint64_t)(base + offset), &r->failed) != CVT_OK) {
		r->lib.archive_set_error(a, EIO, "%s", r->failed.text);
		return ARCHIVE_FATAL;
	}
	return base + offset;
}

/* ---- members ----------------------------------------------------------------------- */

static int damaged(struct reader *r, struct cvt_err *e)
{
	if (arclib_starved(&r->lib, r->archive))
		return cvt_fail(e, CVT_SYSTEM, "%s: out of memory to unpack it", r->tree->name);
	if (r->failed.code) {
		*e = r->failed;
		return e->code;
	}
	char line[300];
	const char *why = arclib_why(&r->lib, r->archive, line, sizeof line);
	return cvt_fail(e, CVT_INPUT, "%s: the archive is damaged or cut (%s)", r->tree->name,
		why ? why : "no reason given");
}

/* Makes room for STEP bytes more, within the limits. */
static int make_room(struct reader *r, size_t first, struct cvt_err *e)
{
	struct tree *t = r->tree;
	if (t->nbytes - first > r->o->max_entry_bytes)
		return cvt_fail(e, CVT_LIMIT,
			"%s: a file in it is larger than %zu bytes; raise "
			"cv-read --max-entry-bytes",
			t->name, r->o->max_entry_bytes);
	if (t->nbytes > r->o->max_memory)
		return cvt_fail(e, CVT_LIMIT,
			"%s: its files take more than %zu MiB in memory; raise "
			"--max-memory, or unpack it to a folder first",
			t->name, r->o->max_memory >> 20);
	const la_int64_t packed = r->lib.archive_filter_bytes(r->archive, -1);
	if (t->nbytes > SLACK && t->nbytes / r->o->max_expansion > (size_t)packed)
		return cvt_fail(e, CVT_LIMIT,
			"%s: its files grow more than %zu times; if that is right, "
			"raise cv-read --max-expansion",
			t->name, r->o->max_expansion);
	return mem_grow(&t->bytes, &t->bytes_capacity, t->nbytes + STEP, 1, e);
}

/* The files lie end to end, each on a multiple of 8 bytes. */
static int take_member(struct reader *r, const char *name, struct cvt_err *e)
{
	struct tree *t = r->tree;
	const size_t first = (t->nbytes + 7) & ~(size_t)7;
	t->nbytes = first;
	for (;;) {
		TRY(make_room(r, first, e));
		const la_ssize_t n =
			r->lib.archive_read_data(r->archive, (char *)t->bytes + t->nbytes, STEP);
		if (n < 0)
			return damaged(r, e);
		if (n == 0)
			break;
		t->nbytes += (size_t)n;
	}
	return tree_add(t, name, first, t->nbytes - first, r->o, e);
}

/* "./a//b" is "a/b". */
static const char *bare_name(const char *name)
{
	while (*name == '/' || strncmp(name, "./", 2) == 0)
		name += *name == '/' ? 1 : 2;
	return name;
}

/* An entry's name: UTF-8, or where it is none, the bytes. Asking for UTF-8 costs a conversion, and ASCII is it
 * already; '?' may stand for what the locale does not know. */
static const char *name_of(const struct reader *r)
{
	const char *bytes = r->lib.archive_entry_pathname(r->entry);
	size_t n = 0;
	while (bytes && bytes[n] && (unsigned char)bytes[n] < 128 && bytes[n] != '?')
		n++;
	if (bytes && n > 0 && bytes[n] == '\0')
		return bytes;
	const char *name = r->lib.archive_entry_pathname_utf8(r->entry);
	return name ? name : r->lib.archive_entry_pathname(r->entry);
}

static bool is_hidden(const char *name)
{
	const char *base = tree_base(name);
	return *base == '.' || *base == '\0' || strncmp(name, "__MACOSX/", 9) == 0;
}

static int read_members(struct reader *r, struct cvt_err *e)
{
	for (size_t headers = 0;; headers++) {
		struct archive_entry *entry = r->entry;
		const int code = r->lib.archive_read_next_header2(r->archive, entry);
		if (code == ARCHIVE_EOF)
			return CVT_OK;
		if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
			return damaged(r, e);
		if (headers >= r->o->max_entries)
			return cvt_fail(e, CVT_LIMIT,
				"%s: more than %zu files; raise cv-read --max-entries",
				r->tree->name, r->o->max_entries);
		const char *name = name_of(r);
		if (!name || r->lib.archive_entry_filetype(entry) != AE_IFREG)
			continue;
		name = bare_name(name);
		if (r->lib.archive_entry_is_encrypted(entry))
			return cvt_fail(
				e, CVT_INPUT, "%s: is encrypted; decrypt it first", r->tree->name);
		if (!is_hidden(name))
			TRY(take_member(r, name, e));
	}
}

/* A tar ends with blocks of zeros; libarchive takes one that was cut between two files for whole.
 * Reading on to the end also lets a layer of compression check its sums. */
static int check_end(struct reader *r, struct cvt_err *e)
{
	size_t got = CHUNK;
	while (got == CHUNK) {
		TRY(input_read(r->in, r->chunk, CHUNK, &got, e));
		if (got >= BLOCK)
			memcpy(r->last, r->chunk + got - BLOCK, BLOCK);
		else if (got > 0)
			return cvt_fail(e, CVT_INPUT, "%s: the archive is cut", r->tree->name);
	}
	for (size_t i = 0; i < BLOCK; i++)
		if (r->last[i])
			return cvt_fail(e, CVT_INPUT, "%s: the archive is cut: it has no end",
				r->tree->name);
	return CVT_OK;
}

static int open_archive(struct reader *r, struct cvt_err *e)
{
	const struct arclib *lib = &r->lib;
	TRY(arclib_open(&r->lib, e));
	r->chunk = mem_alloc(1, CHUNK, e);
	r->archive = lib->archive_read_new();
	r->entry = r->archive ? lib->archive_entry_new2(r->archive) : NULL;
	if (!r->chunk || !r->entry)
		return cvt_fail(e, CVT_SYSTEM, "out of memory");
	const int known = r->zip ? lib->archive_read_support_format_zip_seekable(r->archive)
				 : lib->archive_read_support_format_tar(r->archive);
	if (known < ARCHIVE_WARN || lib->archive_read_set_callback_data(r->archive, r) != ARCHIVE_OK
		|| lib->archive_read_set_read_callback(r->archive, give) != ARCHIVE_OK
		|| (r->zip && lib->archive_read_set_seek_callback(r->archive, move) != ARCHIVE_OK)
		|| arclib_start(lib, r->archive) != ARCHIVE_OK)
		return damaged(r, e);
	return CVT_OK;
}

/* ---- the format -------------------------------------------------------------------- */

static bool is_zip(const unsigned char *p, size_t n)
{
	return n >= 4 && (memcmp(p, "PK\3\4", 4) == 0 || memcmp(p, "PK\5\6", 4) == 0);
}

/* A tar header carries the sum of its bytes, its own place counted as blanks. */
static bool is_tar(const unsigned char *p, size_t n)
{
	unsigned sum = 0, said = 0;
	size_t i = 148;
	if (n < BLOCK || p[0] == 0)
		return false;
	while (i < 156 && p[i] == ' ')
		i++;
	for (; i < 156 && p[i] >= '0' && p[i] <= '7'; i++)
		said = said * 8 + (unsigned)(p[i] - '0');
	for (i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : p[i];
	return sum == said;
}

static int archive_probe(struct input *in, const unsigned char *start, size_t n)
{
	(void)in;
	return is_zip(start, n) || is_tar(start, n) ? 2 : 0;
}

static int read_archive(struct reader *r, struct cvt_err *e)
{
	TRY(open_archive(r, e));
	TRY(read_members(r, e));
	return r->zip ? CVT_OK : check_end(r, e);
}

/* A zip is read from its end: one that cannot seek is held first. */
static int load(
	struct tree *t, struct input *in, const struct dataset_options *o, struct cvt_err *e)
{
	const unsigned char *start;
	size_t n;
	struct reader r = {.in = in, .tree = t, .o = o};
	TRY(input_peek(in, 4, &start, &n, e));
	r.zip = is_zip(start, n);
	if (r.zip)
		TRY(input_hold(in, o->max_memory, e));
	t->held = true;
	const int code = read_archive(&r, e);
	if (r.entry)
		r.lib.archive_entry_free(r.entry);
	if (r.archive)
		(void)r.lib.archive_read_free(r.archive);
	free(r.chunk);
	return code;
}

static int archive_open(
	struct dataset *d, struct input *in, const struct dataset_options *o, struct cvt_err *e)
{
	struct tree *t = NULL;
	int code = tree_create(&t, input_name(in), e);
	if (code == CVT_OK)
		code = load(t, in, o, e);
	input_close(in);
	if (code != CVT_OK) {
		tree_close(t);
		return code;
	}
	tree_sort(t);
	return dataset_from_tree(d, t, o, e);
}

const struct format format_archive = {
	.name = "archive",
	.help = "tar and zip of such files, compressed or not",
	.probe = archive_probe,
	.open = archive_open,
};
