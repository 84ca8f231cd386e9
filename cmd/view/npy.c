/*
 * view_npy: one field of all rows as a .npy file (NEP 1, version 1.0). Its header says how many
 * rows there are, so they are held up to --max-memory. Padded rows get the longest length that
 * occurs; ragged ones come end to end.
 */
#include "view.h"

#include <stdlib.h>
#include <string.h>

enum { NPY_ALIGN = 64, NPY_PREFIX = 10 };

static int put_header(struct output *out, const struct tensor *t, struct cvt_err *e)
{
	struct str text = {0};
	int code = str_add(&text, "\x93NUMPY\x01\x00\x00\x00", NPY_PREFIX, e);
	if (code == CVT_OK)
		code = str_printf(&text, e, "{'descr': '%s', 'fortran_order': False, 'shape': (",
			dtype_name(t->dtype));
	for (int i = 0; i < t->ndim && code == CVT_OK; i++)
		code = str_printf(&text, e, "%s%zu%s", i ? " " : "", t->dims[i],
			i + 1 < t->ndim || t->ndim == 1 ? "," : "");
	if (code == CVT_OK)
		code = str_puts(&text, "), }", e);
	while (code == CVT_OK && (text.n + 1) % NPY_ALIGN)
		code = str_puts(&text, " ", e);
	if (code == CVT_OK)
		code = str_puts(&text, "\n", e);
	if (code == CVT_OK) {
		const size_t n = text.n - NPY_PREFIX;
		text.p[8] = (char)(n & 255);
		text.p[9] = (char)(n >> 8);
		code = output_write(out, text.p, text.n, e);
	}
	free(text.p);
	return code;
}

/* Only the wanted field, and what batch_append needs beside it: the offsets of ragged rows. */
static void keep_only(struct batch *b, const char *name)
{
	const size_t n = strlen(name);
	for (size_t i = b->n; i-- > 0;) {
		const char *other = b->field[i].name;
		const bool same =
			strncmp(other, name, n) == 0 && (!other[n] || !strcmp(other + n, ".at"));
		const bool base = n > 3 && !strcmp(name + n - 3, ".at") && strlen(other) == n - 3
				  && strncmp(other, name, n - 3) == 0;
		if (!same && !base)
			batch_remove(b, other);
	}
}

static int gather(
	struct view_input *in, const struct view_options *o, struct batch *all, struct cvt_err *e)
{
	struct batch *b;
	for (size_t left = o->count ? o->count : SIZE_MAX; left > 0;) {
		TRY(view_next(in, o, &b, NULL, e));
		if (!b)
			break;
		const size_t n = b->rows < left ? b->rows : left;
		keep_only(b, o->npy);
		TRY(batch_append(all, b, 0, n, e));
		left -= n;
		if (batch_get(all, o->npy)->bytes > o->common.max_memory)
			return cvt_fail(e, CVT_LIMIT,
				"%s: field %s takes more than %zu MiB; raise "
				"--max-memory",
				in->name, o->npy, o->common.max_memory >> 20);
	}
	return CVT_OK;
}

static int no_field(const struct head *h, const char *name, const char *source, struct cvt_err *e)
{
	const char *words[1024] = {NULL};
	size_t n = 0;
	for (; n < h->nfields && n < 1024; n++)
		words[n] = h->field[n].name;
	const size_t near = mem_nearest(name, words, n);
	char shown[200];
	mem_printable(shown, sizeof shown, name);
	if (near < n)
		return cvt_fail(e, CVT_USAGE, "%s: has no field '%s'; did you mean '%s'?", source,
			shown, words[near]);
	return cvt_fail(
		e, CVT_USAGE, "%s: has no field '%s'; cv-view --head names them", source, shown);
}

/* What a field without rows looks like. */
static void shape_of_none(const struct head_field *f, struct tensor *t)
{
	*t = (struct tensor){.dtype = f->dtype, .ndim = f->ndim + !(f->flags & FIELD_WHOLE)};
	for (int i = t->ndim - f->ndim, k = 0; i < t->ndim; i++, k++)
		t->dims[i] = f->dims[k] == HEAD_VARIES ? 0 : f->dims[k];
}

int view_npy(
	struct view_input *in, const struct view_options *o, struct output *out, struct cvt_err *e)
{
	const struct head *h = source_head(in->source);
	const struct head_field *f = head_field(h, o->npy);
	struct batch all = {0};
	struct tensor none;
	if (!f)
		return no_field(h, o->npy, in->name, e);
	int code = gather(in, o, &all, e);
	shape_of_none(f, &none);
	const struct tensor *t = all.rows ? batch_get(&all, o->npy) : &none;
	if (code == CVT_OK)
		code = put_header(out, t, e);
	if (code == CVT_OK)
		code = output_write(out, t->data, t->bytes, e);
	batch_free(&all);
	return code;
}
