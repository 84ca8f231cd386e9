/* batch: named fields of some rows, what their names say of them, and rows moved from one batch to
 * another, those of different size with their offsets (see tensor.h). */
#include "tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool field_name_ok(const char *name)
{
	const size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.");
	return n > 0 && n < FIELD_NAME && name[n] == '\0';
}

bool field_is_view(const char *name, const char *base)
{
	const size_t n = strlen(base);
	return strncmp(name, base, n) == 0
	       && (name[n] == '\0' || (name[n] == '.' && name[n + 1] >= '0' && name[n + 1] <= '9'));
}

enum dtype field_dtype(const char *name, int ndim)
{
	static const char *const number[] = {"label", "part", "domain", "role", "copy", "rotation",
		"context", "jigsaw", "order", NULL};
	static const char *const bytes[] = {
		"image", "original", "mask", "edge", "name", "caption", NULL};
	for (const char *const *s = number; *s && ndim == 0; s++)
		if (field_is_view(name, *s))
			return DT_I4;
	for (const char *const *s = bytes; *s; s++)
		if (field_is_view(name, *s))
			return DT_U1;
	return DT_F4;
}

bool field_is_boxes(const char *name)
{
	return field_is_view(name, "boxes") || field_is_view(name, "proposals")
	       || field_is_view(name, "detections");
}

void field_pad_rows(void *to, size_t want, const void *from, size_t have, size_t count,
	size_t bytes, bool boxes)
{
	const size_t both = (want < have ? want : have) * bytes, more = want * bytes - both;
	const float none = -1;
	for (size_t r = 0; r < count; r++) {
		char *row = (char *)to + r * want * bytes;
		if (both)
			memcpy(row, (const char *)from + r * have * bytes, both);
		if (more)
			memset(row + both, 0, more);
		for (size_t at = both; boxes && at < want * bytes; at += bytes)
			memcpy(row + at, &none, sizeof none);
	}
}

void batch_free(struct batch *b)
{
	for (size_t i = 0; i < b->capacity; i++)
		tensor_free(&b->field[i].t);
	free(b->field);
	*b = (struct batch){0};
}

size_t batch_bytes(const struct batch *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++)
		n += b->field[i].t.bytes;
	return n;
}

struct field *batch_field(const struct batch *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->field[i].name, name) == 0)
			return &b->field[i];
	return NULL;
}

struct tensor *batch_get(const struct batch *b, const char *name)
{
	struct field *f = batch_field(b, name);
	return f ? &f->t : NULL;
}

struct field *batch_add(struct batch *b, const char *name, struct cvt_err *e)
{
	struct field *f = batch_field(b, name);
	if (f)
		return f;
	if (!field_name_ok(name)) {
		char shown[200];
		cvt_fail(e, CVT_INPUT, "'%s' is no field name; use at most 47 of a-z 0-9 _ and .",
			mem_printable(shown, sizeof shown, name));
		return NULL;
	}
	if (b->n == b->capacity) {
		void *p = b->field;
		const size_t old = b->capacity;
		if (mem_grow(&p, &b->capacity, b->n + 1, sizeof *b->field, e) != 0)
			return NULL;
		b->field = p;
		memset(b->field + old, 0, (b->capacity - old) * sizeof *b->field);
	}
	f = &b->field[b->n++];
	(void)snprintf(f->name, sizeof f->name, "%s", name);
	f->flags = 0;
	f->t.ndim = 0;
	f->t.bytes = 0;
	return f;
}

/* The memory of the removed field stays in the slot behind the last one, for the next batch_add. */
void batch_remove(struct batch *b, const char *name)
{
	struct field *f = batch_field(b, name);
	if (!f)
		return;
	const size_t at = (size_t)(f - b->field);
	const struct field gone = *f;
	memmove(f, f + 1, (b->n - at - 1) * sizeof *f);
	b->field[--b->n] = gone;
}

bool batch_is_ragged(const struct batch *b, const char *name)
{
	char at[FIELD_NAME + 4];
	(void)snprintf(at, sizeof at, "%s.at", name);
	const struct field *f = batch_field(b, name);
	return f && (f->flags & FIELD_WHOLE) && batch_field(b, at);
}

/* Offsets (NAME.at) have one entry more than there are rows: FIELD f is such a table of b. */
static bool is_offsets(const struct batch *b, const struct field *f)
{
	const size_t n = strlen(f->name);
	char base[FIELD_NAME];
	if (n < 4 || strcmp(f->name + n - 3, ".at") != 0)
		return false;
	(void)snprintf(base, sizeof base, "%.*s", (int)(n - 3), f->name);
	const struct field *whole = batch_field(b, base);
	return whole && (whole->flags & FIELD_WHOLE);
}

static const int64_t *offsets_of(const struct batch *b, const char *name)
{
	char at[FIELD_NAME + 4];
	(void)snprintf(at, sizeof at, "%s.at", name);
	return batch_field(b, name)->flags & FIELD_WHOLE ? batch_get(b, at)->data : NULL;
}

/* Appends row `row` of from's ragged field i to to's. */
static int append_ragged_row(
	struct batch *to, const struct batch *from, size_t i, size_t row, struct cvt_err *e)
{
	const int64_t *at = offsets_of(from, from->field[i].name);
	const struct tensor *f = &from->field[i].t;
	struct tensor *t = &to->field[i].t;
	const size_t size = dtype_size(f->dtype), old = t->bytes;
	const size_t first = (size_t)at[row] * size, n = (size_t)(at[row + 1] - at[row]) * size;
	TRY(tensor_rows(t, (old + n) / size, e));
	memcpy((char *)t->data + old, (const char *)f->data + first, n);
	return CVT_OK;
}

/* Appends one row of from's offset table i: the end of that row, moved to where it lies in to. */
static int append_offset(
	struct batch *to, const struct batch *from, size_t i, size_t row, struct cvt_err *e)
{
	const int64_t *at = from->field[i].t.data;
	struct tensor *t = &to->field[i].t;
	const size_t n = t->dims[0];
	TRY(tensor_rows(t, n + 1, e));
	int64_t *end = t->data;
	end[n] = end[n - 1] + at[row + 1] - at[row];
	return CVT_OK;
}

static bool same_bytes(const struct tensor *a, const struct tensor *b)
{
	return a->bytes == b->bytes && (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
}

static bool is_constant(const struct batch *b, const struct field *f)
{
	return (f->flags & FIELD_WHOLE) && !is_offsets(b, f) && !batch_is_ragged(b, f->name);
}

bool batch_constants_differ(const struct batch *a, const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct tensor *t = batch_get(a, b->field[i].name);
		if (t && is_constant(b, &b->field[i]) && !same_bytes(t, &b->field[i].t))
			return true;
	}
	return false;
}

/* Gives the empty batch `to` the fields of from, without rows. */
static int same_fields(struct batch *to, const struct batch *from, struct cvt_err *e)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct field *f = &from->field[i];
		struct field *t = batch_add(to, f->name, e);
		if (!t)
			return e ? e->code : CVT_SYSTEM;
		t->flags = f->flags;
		size_t dims[TENSOR_DIMS];
		memcpy(dims, f->t.dims, sizeof dims);
		const bool table = is_offsets(from, f);
		if (is_constant(from, f)) {
			TRY(tensor_copy(&t->t, &f->t, e));
			continue;
		}
		dims[0] = table ? 1 : 0;
		TRY(tensor_shape(&t->t, f->t.dtype, f->t.ndim, dims, e));
		if (table)
			*(int64_t *)t->t.data = 0;
	}
	return CVT_OK;
}

/* Bytes of one entry (a letter, a box) of a row. */
static size_t entry_bytes(const struct tensor *t)
{
	size_t n = dtype_size(t->dtype);
	for (int i = 2; i < t->ndim; i++)
		n *= t->dims[i];
	return n;
}

static bool is_boxes(const struct field *f)
{
	return f->t.dtype == DT_F4 && f->t.ndim >= 2 && field_is_boxes(f->name);
}

/* Rows of a and b differ in nothing, or in a length that can be padded. */
static bool can_join(const struct field *a, const struct field *b)
{
	if (tensor_same_row_shape(&a->t, &b->t))
		return true;
	const bool text = a->t.dtype == DT_U1 && a->t.ndim == 2;
	return (text || is_boxes(a)) && !(a->flags & FIELD_WHOLE) && a->t.dtype == b->t.dtype
	       && a->t.ndim == b->t.ndim && entry_bytes(&a->t) == entry_bytes(&b->t);
}

/* Makes the rows of f at least `entries` long. */
static int widen(struct field *f, size_t entries, struct cvt_err *e)
{
	struct tensor wide = {0};
	size_t dims[TENSOR_DIMS];
	if (f->t.dims[1] >= entries)
		return CVT_OK;
	memcpy(dims, f->t.dims, sizeof dims);
	dims[1] = entries;
	TRY(tensor_shape(&wide, f->t.dtype, f->t.ndim, dims, e));
	field_pad_rows(wide.data, entries, f->t.data, f->t.dims[1], dims[0], entry_bytes(&f->t),
		is_boxes(f));
	tensor_free(&f->t);
	f->t = wide;
	return CVT_OK;
}

static int check_same_fields(const struct batch *to, const struct batch *from, struct cvt_err *e)
{
	bool same = to->n == from->n;
	for (size_t i = 0; same && i < to->n; i++)
		same = strcmp(to->field[i].name, from->field[i].name) == 0
		       && can_join(&to->field[i], &from->field[i]);
	return same ? CVT_OK : cvt_fail(e, CVT_INPUT, "rows of different fields cannot be joined");
}

/* Appends rows of one shape, or padded to one. */
static int append_plain(struct field *to, const struct field *from, size_t rows, const size_t *pick,
	size_t first, size_t count, struct cvt_err *e)
{
	const bool wide = from->t.ndim >= 2 && from->t.dims[1] != to->t.dims[1];
	const size_t bytes = tensor_row_bytes(&from->t);
	if (wide)
		TRY(widen(to, from->t.dims[1], e));
	TRY(tensor_rows(&to->t, rows + count, e));
	const size_t step = tensor_row_bytes(&to->t);
	char *at = (char *)to->t.data + rows * step;
	const char *source = from->t.data;
	if (!pick && step == bytes) {
		if (count > 0 && bytes > 0)
			memcpy(at, source + first * bytes, count * bytes);
		return CVT_OK;
	}
	for (size_t r = 0; r < count; r++, at += step) {
		const char *row = source + (pick ? pick[r] : first + r) * bytes;
		if (step == bytes)
			memcpy(at, row, bytes);
		else
			field_pad_rows(at, to->t.dims[1], row, from->t.dims[1], 1,
				entry_bytes(&from->t), is_boxes(from));
	}
	return CVT_OK;
}

/* A constant is one of all rows that stand together. */
static int keep_constant(struct batch *to, const struct field *from, size_t i, struct cvt_err *e)
{
	if (same_bytes(&to->field[i].t, &from->t))
		return CVT_OK;
	if (to->rows == 0)
		return tensor_copy(&to->field[i].t, &from->t, e);
	return cvt_fail(e, CVT_INPUT,
		"'%s', a constant, is not the same for all rows; cv-read --drop %s leaves it out",
		from->name, from->name);
}

static int append_field(struct batch *to, const struct batch *from, size_t i, const size_t *pick,
	size_t first, size_t count, struct cvt_err *e)
{
	const struct field *f = &from->field[i];
	const bool ragged = batch_is_ragged(from, f->name), table = is_offsets(from, f);
	if (!ragged && !table)
		return (f->flags & FIELD_WHOLE)
			       ? keep_constant(to, f, i, e)
			       : append_plain(&to->field[i], f, to->rows, pick, first, count, e);
	for (size_t r = 0; r < count; r++) {
		const size_t row = pick ? pick[r] : first + r;
		if (ragged)
			TRY(append_ragged_row(to, from, i, row, e));
		else
			TRY(append_offset(to, from, i, row, e));
	}
	return CVT_OK;
}

static int append_picked(struct batch *to, const struct batch *from, const size_t *pick,
	size_t first, size_t count, struct cvt_err *e)
{
	if (to->n == 0)
		TRY(same_fields(to, from, e));
	TRY(check_same_fields(to, from, e));
	for (size_t i = 0; i < from->n; i++)
		TRY(append_field(to, from, i, pick, first, count, e));
	to->rows += count;
	return CVT_OK;
}

static void batch_clear(struct batch *b)
{
	b->n = 0;
	b->rows = 0;
}

int batch_append(
	struct batch *to, const struct batch *from, size_t first, size_t count, struct cvt_err *e)
{
	return append_picked(to, from, NULL, first, count, e);
}

int batch_slice(
	struct batch *to, const struct batch *from, size_t first, size_t count, struct cvt_err *e)
{
	batch_clear(to);
	to->epoch = from->epoch;
	return append_picked(to, from, NULL, first, count, e);
}

size_t batch_unit(const struct batch *b, size_t first, size_t end)
{
	const struct tensor *t = batch_get(b, "group");
	size_t n = 1;
	if (t && t->dtype == DT_I8 && t->ndim == 1)
		for (const int64_t *g = t->data; first + n < end && g[first + n] == g[first]; n++)
			;
	return n;
}

int batch_gather(struct batch *to, const struct batch *from, const size_t *pick, size_t count,
	struct cvt_err *e)
{
	batch_clear(to);
	to->epoch = from->epoch;
	return append_picked(to, from, pick, 0, count, e);
}
