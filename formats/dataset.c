/*
 * dataset: which format knows these bytes, and what all formats share (see dataset.h).
 *
 * Limits, when the options say nothing: 64 Mi pixels a picture, 32,768 pixels a side, 4 Mi files in
 * a folder or archive, 1 GiB a file in an archive, compressed data that grows at most 200 times
 * (once it is beyond 16 MiB), and 200 scans of a JPEG.
 */
#include "dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "picture.h"
#include "tree.h"

#define FORMAT(name) extern const struct format format_##name;
#include "formats.def"
#undef FORMAT

const struct format *const formats[] = {
#define FORMAT(name) &format_##name,
#include "formats.def"
#undef FORMAT
	NULL,
};

enum {
	START = 1 << 16,
	FORMATS = 0
#define FORMAT(name) +1
#include "formats.def"
#undef FORMAT
};

static struct dataset_options with_defaults(const struct dataset_options *o)
{
	struct dataset_options r = o ? *o : (struct dataset_options){0};
	r.max_memory = r.max_memory ? r.max_memory : mem_default_budget();
	r.max_pixels = r.max_pixels ? r.max_pixels : (size_t)1 << 26;
	r.max_side = r.max_side ? r.max_side : (size_t)1 << 15;
	r.max_entries = r.max_entries ? r.max_entries : (size_t)1 << 22;
	r.max_entry_bytes = r.max_entry_bytes ? r.max_entry_bytes : (size_t)1 << 30;
	r.max_expansion = r.max_expansion ? r.max_expansion : 200;
	r.max_scans = r.max_scans ? r.max_scans : 200;
	/* The largest picture of four components in the scans that libjpeg writes: 24 passes. */
	r.max_scan_pixels = r.max_scan_pixels ? r.max_scan_pixels : (size_t)24 << 26;
	r.max_compressed = r.max_compressed ? r.max_compressed : (size_t)1 << 29;
	r.max_chunks = r.max_chunks ? r.max_chunks : (size_t)1 << 20;
	return r;
}

/* ---- which format ------------------------------------------------------------------ */

static void known_names(char *to, size_t size)
{
	size_t at = 0;
	for (size_t i = 0; formats[i] && at < size; i++) {
		const int n = snprintf(to + at, size - at, "%s%s", i ? ", " : "", formats[i]->name);
		at += n > 0 ? (size_t)n : 0;
	}
}

static int unknown_format(const char *name, struct cvt_err *e)
{
	const char *words[FORMATS] = {0};
	char known[300];
	size_t n = 0;
	for (; formats[n]; n++)
		words[n] = formats[n]->name;
	const size_t near = mem_nearest(name, words, n);
	if (near < n)
		return cvt_fail(e, CVT_USAGE, "--format %s: unknown; did you mean '%s'?", name,
			words[near]);
	known_names(known, sizeof known);
	return cvt_fail(e, CVT_USAGE, "--format %s: unknown; there are %s", name, known);
}

/* The format that --format names; NULL in *f when it names none. */
static int named_format(const struct dataset_options *o, const struct format **f, struct cvt_err *e)
{
	*f = NULL;
	if (!o->format)
		return CVT_OK;
	for (size_t i = 0; formats[i]; i++)
		if (strcmp(formats[i]->name, o->format) == 0) {
			*f = formats[i];
			return CVT_OK;
		}
	return unknown_format(o->format, e);
}

static int unknown_content(const char *name, const char *what, struct cvt_err *e)
{
	char known[300];
	known_names(known, sizeof known);
	return cvt_fail(e, CVT_INPUT, "%s: %s; known are %s", name, what, known);
}

static const struct format *best_for_file(struct input *in, const unsigned char *start, size_t n)
{
	const struct format *best = NULL;
	int surest = 0;
	for (size_t i = 0; formats[i]; i++) {
		const struct format *f = formats[i];
		const int sure = f->picture ? 2 * f->picture->is(start, n)
				 : f->probe ? f->probe(in, start, n)
					    : 0;
		if (sure > surest) {
			surest = sure;
			best = f;
		}
	}
	return best;
}

static const struct format *best_for_tree(struct tree *t, const struct format *named)
{
	const struct format *best = NULL;
	int surest = 0;
	if (named && named->open_tree)
		return named;
	for (size_t i = 0; formats[i]; i++) {
		const int sure = formats[i]->probe_tree ? formats[i]->probe_tree(t) : 0;
		if (sure > surest) {
			surest = sure;
			best = formats[i];
		}
	}
	return best;
}

/* ---- opening ----------------------------------------------------------------------- */

static int create(struct dataset **to, const char *name, struct cvt_err *e)
{
	struct dataset *d = mem_alloc(1, sizeof *d, e);
	if (!d)
		return CVT_SYSTEM;
	head_init(&d->head);
	d->name = mem_strdup(name, e);
	if (!d->name) {
		free(d);
		return CVT_SYSTEM;
	}
	*to = d;
	return CVT_OK;
}

int dataset_check_row(const struct dataset *d, size_t max_memory, struct cvt_err *e)
{
	const size_t most = head_rows_most(max_memory);
	for (size_t i = 0; i < d->head.nfields; i++) {
		const struct head_field *f = &d->head.field[i];
		size_t bytes = dtype_size(f->dtype);
		for (int k = 0; k < f->ndim; k++)
			if (f->dims[k] != HEAD_VARIES && !mem_mul(bytes, f->dims[k], &bytes))
				bytes = SIZE_MAX;
		if (bytes > most)
			return cvt_fail(e, CVT_LIMIT,
				"%s: '%s' of a row takes %zu MiB, and at most %zu are allowed; "
				"raise --max-memory",
				d->name, f->name, bytes >> 20, most >> 20);
	}
	return CVT_OK;
}

static int finish(struct dataset **to, struct dataset *d, int code, const struct dataset_options *o,
	struct cvt_err *e)
{
	if (code == CVT_OK && d->rows)
		code = dataset_check_row(d, o->max_memory, e);
	if (code != CVT_OK) {
		dataset_close(d);
		return code;
	}
	d->head.rows = d->rows;
	d->head.index = d->head.index == HEAD_UNKNOWN ? d->rows : d->head.index;
	d->head.epochs = 1;
	*to = d;
	return CVT_OK;
}

/* The one archive in a folder that has nothing else we know (as a download leaves it); t->n when
 * there is none, or are several. */
static size_t only_archive(struct tree *t)
{
	const unsigned char *start;
	size_t n, found = t->n;
	struct cvt_err why;
	if (!t->folder || t->n > 64)
		return t->n;
	for (size_t i = 0; i < t->n; i++) {
		struct input *in = NULL;
		if (tree_input(t, i, &in, &why) != CVT_OK || input_unpack(in, 1000, &why) != CVT_OK
			|| input_peek(in, START, &start, &n, &why) != CVT_OK)
			tree_missed(t, &why);
		else if (format_archive.probe(in, start, n))
			found = found == t->n ? i : t->n + 1;
		input_close(in);
	}
	return found;
}

static int open_archive_in(
	struct dataset *d, size_t i, const struct dataset_options *o, struct cvt_err *e)
{
	struct input *in = NULL;
	TRY(tree_input(d->tree, i, &in, e));
	tree_close(d->tree);
	d->tree = NULL;
	const int code = input_unpack(in, o->max_expansion, e);
	if (code != CVT_OK) {
		input_close(in);
		return code;
	}
	return format_archive.open(d, in, o, e);
}

int dataset_from_tree(
	struct dataset *d, struct tree *t, const struct dataset_options *o, struct cvt_err *e)
{
	const struct format *named = NULL;
	d->tree = t;
	d->held += t->nbytes;
	TRY(named_format(o, &named, e));
	const struct format *f = best_for_tree(t, named);
	const size_t archive = f ? t->n : only_archive(t);
	TRY(tree_looked(t, e));
	if (archive < t->n)
		return open_archive_in(d, archive, o, e);
	if (!f)
		return unknown_content(t->name,
			archive > t->n ? "has several archives in it, and one should be named"
			: t->n         ? "none of its files is of a kind we know"
				       : "has no files in it",
			e);
	d->format = f;
	const int code = f->open_tree(d, o, e);
	return tree_looked(t, e) ? e->code : code;
}

/* Owns t. */
static int open_tree(
	struct dataset **to, struct tree *t, const struct dataset_options *o, struct cvt_err *e)
{
	struct dataset *d = NULL;
	if (create(&d, t->name, e) != CVT_OK) {
		tree_close(t);
		return CVT_SYSTEM;
	}
	return finish(to, d, dataset_from_tree(d, t, o, e), o, e);
}

static int open_one_picture(struct dataset **to, const struct picture_codec *codec,
	struct input *in, const struct dataset_options *o, struct cvt_err *e)
{
	struct tree *t = NULL;
	struct dataset_options any = *o;
	any.format = NULL;
	TRY(tree_open_one(&t, in, codec->affords != NULL, o, e));
	return open_tree(to, t, &any, e);
}

static int open_file(struct dataset **to, const struct format *f, struct input *in,
	const struct dataset_options *o, struct cvt_err *e)
{
	struct dataset *d = NULL;
	if (f->picture)
		return open_one_picture(to, f->picture, in, o, e);
	if (create(&d, input_name(in), e) != CVT_OK) {
		input_close(in);
		return CVT_SYSTEM;
	}
	d->format = f;
	return finish(to, d, f->open(d, in, o, e), o, e);
}

/* Decides by the first bytes; *f NULL for a folder. */
static int decide(struct input *in, const struct dataset_options *o, const struct format **f,
	struct cvt_err *e)
{
	const unsigned char *start;
	size_t n;
	TRY(named_format(o, f, e));
	if (input_is_folder(in)) {
		*f = NULL;
		return CVT_OK;
	}
	TRY(input_unpack(in, o->max_expansion, e));
	TRY(input_peek(in, START, &start, &n, e));
	if (n == 0)
		return cvt_fail(e, CVT_INPUT, "%s: is empty", input_name(in));
	const struct format *found = best_for_file(in, start, n);
	/* A word such as `idx` or `folder` may speak of the files in an archive. */
	if (*f && (*f)->open_tree && found && found->open && !found->read)
		*f = found;
	if (*f && !(*f)->open && !(*f)->picture)
		return cvt_fail(e, CVT_INPUT, "%s: is no folder or archive, as --format %s wants",
			input_name(in), (*f)->name);
	*f = *f ? *f : found;
	return *f ? CVT_OK : unknown_content(input_name(in), "is of no kind we know", e);
}

int dataset_open_input(struct dataset **d, struct input *in, const struct dataset_options *options,
	struct cvt_err *e)
{
	const struct dataset_options o = with_defaults(options);
	const struct format *f = NULL;
	struct tree *t = NULL;
	const int code = decide(in, &o, &f, e);
	if (code != CVT_OK) {
		input_close(in);
		return code;
	}
	if (f)
		return open_file(d, f, in, &o, e);
	TRY(tree_open_folder(&t, in, &o, e));
	return open_tree(d, t, &o, e);
}

int dataset_open(
	struct dataset **d, const char *path, const struct dataset_options *o, struct cvt_err *e)
{
	struct input *in = NULL;
	TRY(input_open(&in, path, e));
	return dataset_open_input(d, in, o, e);
}

/* The first bytes of a plain file; *n is 0 when it is none, or its compressed bytes are damaged. */
static int start_of(const char *path, const struct dataset_options *o, unsigned char *to,
	size_t size, size_t *n, struct cvt_err *e)
{
	struct input *in = NULL;
	struct stat st;
	*n = 0;
	if (strcmp(path, "-") == 0 || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return CVT_OK; /* a pipe would lose what is read here */
	TRY(input_open(&in, path, e));
	int code = input_unpack(in, o->max_expansion, e);
	if (code == CVT_OK)
		code = input_read(in, to, size, n, e);
	if (code != CVT_OK)
		*n = 0;
	input_close(in);
	return code == CVT_SYSTEM ? code : CVT_OK; /* of damage, who reads it tells more */
}

static bool belong_together(const unsigned char *a, size_t n, const unsigned char *b, size_t m)
{
	for (size_t i = 0; formats[i]; i++)
		if (formats[i]->goes_with && formats[i]->goes_with(a, n, b, m))
			return true;
	return picture_codec(a, n) && picture_codec(b, m);
}

int dataset_group(const char *const *paths, size_t n, const struct dataset_options *options,
	size_t *group, struct cvt_err *e)
{
	const struct dataset_options o = with_defaults(options);
	unsigned char start[2][64];
	size_t have[2] = {0}, k = 1;
	if (n > 1)
		TRY(start_of(paths[0], &o, start[0], sizeof start[0], &have[0], e));
	for (; k < n && have[(k - 1) % 2]; k++) {
		TRY(start_of(paths[k], &o, start[k % 2], sizeof start[0], &have[k % 2], e));
		if (!belong_together(
			    start[(k - 1) % 2], have[(k - 1) % 2], start[k % 2], have[k % 2]))
			break;
	}
	*group = k;
	return CVT_OK;
}

int dataset_open_list(struct dataset **d, const char *const *paths, size_t n,
	const struct dataset_options *options, struct cvt_err *e)
{
	const struct dataset_options o = with_defaults(options);
	struct tree *t = NULL;
	TRY(tree_open_list(&t, paths, n, e));
	return open_tree(d, t, &o, e);
}

int dataset_read(
	struct dataset *d, const size_t *pick, size_t n, struct batch *out, struct cvt_err *e)
{
	for (size_t i = 0; i < n; i++)
		if (pick[i] >= d->rows)
			return cvt_fail(e, CVT_INPUT, "%s: has no row %zu", d->name, pick[i]);
	return d->format->read(d, pick, n, out, e);
}

/* By reading every row, for formats that have no shorter way. */
static int labels_of_rows(struct dataset *d, int32_t *label, struct cvt_err *e)
{
	struct batch b = {0};
	int code = CVT_OK;
	for (size_t i = 0; i < d->rows && code == CVT_OK; i++) {
		code = dataset_read(d, &i, 1, &b, e);
		if (code == CVT_OK)
			label[i] = dataset_class(batch_get(&b, "label"), 0);
	}
	batch_free(&b);
	return code;
}

int dataset_labels(struct dataset *d, int32_t *label, struct cvt_err *e)
{
	const struct head_field *f = head_field(&d->head, "label");
	if (f && f->dtype == DT_I4 && f->ndim == 0 && d->format->labels)
		return d->format->labels(d, label, e);
	if (f && !(f->flags & FIELD_WHOLE))
		return labels_of_rows(d, label, e);
	for (size_t i = 0; i < d->rows; i++)
		label[i] = -1;
	return CVT_OK;
}

void dataset_rest(struct dataset *d)
{
	if (d->format->rest)
		d->format->rest(d);
}

void dataset_close(struct dataset *d)
{
	if (!d)
		return;
	if (d->state)
		d->format->close(d);
	tree_close(d->tree);
	head_free(&d->head);
	free(d->name);
	free(d);
}
