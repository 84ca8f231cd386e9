/* stream_body: BATC to batch, with every check that cv-stream.5 demands (see stream_body.h). */
#include "stream_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int body_start(struct body_reader *r, const struct head *h, struct cvt_err *e)
{
	*r = (struct body_reader){.head = h, .index = h->index};
	r->schema = mem_alloc(h->nfields, sizeof *r->schema, e);
	r->descriptor = mem_alloc(h->nfields, sizeof *r->descriptor, e);
	if (!r->schema || !r->descriptor)
		return CVT_SYSTEM;
	if (h->nfields)
		memcpy(r->schema, h->field, h->nfields * sizeof *h->field);
	return CVT_OK;
}

void body_stop(struct body_reader *r)
{
	free(r->schema);
	free(r->descriptor);
}

/* ---- does it fit the schema? ------------------------------------------------------- */

/* Number of dimensions that are no row dimensions: N itself, unless the field is whole. */
static int skipped(const struct head_field *s)
{
	return (s->flags & FIELD_WHOLE) ? 0 : 1;
}

static int check_row_shape(struct head_field *s, const struct descriptor *d, struct cvt_err *e)
{
	const int skip = skipped(s);
	if (d->dtype != s->dtype || d->ndim != s->ndim + skip)
		return cvt_fail(
			e, CVT_INPUT, "field %s departs from the type or rank in HEAD", s->name);
	for (int i = 0; i < s->ndim; i++) {
		const size_t n = d->dims[i + skip];
		if (s->dims[i] != HEAD_VARIES && n != s->dims[i])
			return cvt_fail(e, CVT_INPUT,
				"field %s departs from its shape: %zu where %zu was promised",
				s->name, n, s->dims[i]);
		const bool open = i == 0 && (skip == 0 || head_is_padded(s));
		if (!open && n == 0)
			return cvt_fail(e, CVT_INPUT, "field %s has a dimension of 0", s->name);
		if (!open)
			s->dims[i] = n; /* the first frame settles it */
	}
	return CVT_OK;
}

static int check_descriptor(const struct body_reader *r, struct head_field *s,
	const struct descriptor *d, size_t rows, struct cvt_err *e)
{
	const bool offsets = head_is_offsets(r->head, s);
	size_t first = rows;
	if (!offsets && (d->flags ^ s->flags) & FIELD_WHOLE)
		return cvt_fail(e, CVT_INPUT,
			"field %s: HEAD and frame disagree whether it has rows", s->name);
	TRY(check_row_shape(s, d, e));
	if (offsets && !mem_add(rows, 1, &first))
		return cvt_fail(e, CVT_INPUT, "too many rows");
	if ((offsets || !(s->flags & FIELD_WHOLE)) && d->dims[0] != first)
		return cvt_fail(e, CVT_INPUT, "field %s has %zu entries where there should be %zu",
			s->name, d->dims[0], first);
	return CVT_OK;
}

/* ---- where are the payloads? ------------------------------------------------------- */

static int unpack_descriptors(const struct body_reader *r, const struct frame *f,
	const unsigned char *body, struct cvt_err *e)
{
	const size_t n = r->head->nfields;
	size_t end = n * DESCRIPTOR_BYTES;
	if (f->n != n || f->body < end)
		return cvt_fail(e, CVT_INPUT, "it has %u tensors, but HEAD names %zu fields",
			(unsigned)f->n, n);
	for (size_t i = 0; i < n; i++) {
		TRY(descriptor_unpack(&r->descriptor[i], body + i * DESCRIPTOR_BYTES, e));
		const size_t bytes = r->descriptor[i].bytes;
		if (bytes > f->body || end + frame_padded(bytes) > f->body)
			return cvt_fail(e, CVT_INPUT, "field %s is larger than the frame",
				r->descriptor[i].name);
		end += frame_padded(bytes);
	}
	if (end != f->body)
		return cvt_fail(e, CVT_INPUT, "the frame is larger than its tensors");
	return CVT_OK;
}

/* The descriptor of that name: mostly at the field's own place, else anywhere. */
static size_t find_descriptor(const struct body_reader *r, size_t field)
{
	const size_t n = r->head->nfields;
	const char *name = r->head->field[field].name;
	if (strcmp(r->descriptor[field].name, name) == 0)
		return field;
	size_t i = 0;
	while (i < n && strcmp(r->descriptor[i].name, name) != 0)
		i++;
	return i;
}

static int check_padding(const unsigned char *body, size_t at, size_t bytes, struct cvt_err *e)
{
	for (size_t i = at + bytes; i < at + frame_padded(bytes); i++)
		if (body[i])
			return cvt_fail(e, CVT_INPUT, "the padding is not zero");
	return CVT_OK;
}

/* Puts tensor d at body + at into b, as the field that comes next. */
static int add_field(struct batch *b, const struct descriptor *d, unsigned flags,
	unsigned char *data, struct cvt_err *e)
{
	struct field *f = batch_add(b, d->name, e);
	if (!f)
		return CVT_SYSTEM;
	tensor_free(&f->t);
	f->flags = flags;
	f->t = (struct tensor){.dtype = d->dtype, .ndim = d->ndim, .bytes = d->bytes, .data = data};
	memcpy(f->t.dims, d->dims, sizeof f->t.dims);
	return CVT_OK;
}

static int map_fields(
	const struct body_reader *r, unsigned char *body, struct batch *b, struct cvt_err *e)
{
	const size_t n = r->head->nfields;
	for (size_t i = 0; i < n; i++) {
		const size_t which = find_descriptor(r, i);
		if (which == n)
			return cvt_fail(
				e, CVT_INPUT, "field %s is missing", r->head->field[i].name);
		const struct descriptor *d = &r->descriptor[which];
		size_t at = n * DESCRIPTOR_BYTES;
		for (size_t k = 0; k < which; k++)
			at += frame_padded(r->descriptor[k].bytes);
		TRY(check_descriptor(r, &r->schema[i], d, b->rows, e));
		TRY(check_padding(body, at, d->bytes, e));
		TRY(add_field(b, d, r->schema[i].flags, body + at, e));
	}
	return CVT_OK;
}

/* ---- do the numbers make sense? ---------------------------------------------------- */

static int check_index(const struct body_reader *r, const struct batch *b, struct cvt_err *e)
{
	const struct tensor *t = batch_get(b, "index");
	if (!t)
		return CVT_OK;
	const int64_t *index = t->data;
	for (size_t i = 0; i < b->rows; i++)
		if (index[i] < 0 || (r->index != HEAD_UNKNOWN && (uint64_t)index[i] >= r->index))
			return cvt_fail(e, CVT_INPUT, "row %zu: index %lld is out of range", i,
				(long long)index[i]);
	return CVT_OK;
}

static size_t count_val(const struct batch *b)
{
	const struct tensor *t = batch_get(b, "part");
	size_t n = 0;
	if (t && t->dtype == DT_I4 && t->ndim == 1)
		for (size_t i = 0; i < b->rows; i++)
			n += ((const int32_t *)t->data)[i] != 0;
	return n;
}

static int check_offsets(
	const struct field *at, const struct field *base, size_t rows, struct cvt_err *e)
{
	const int64_t *o = at->t.data;
	bool good = o[0] == 0;
	for (size_t i = 0; good && i < rows; i++)
		good = o[i + 1] >= o[i];
	if (!good || (uint64_t)o[rows] != base->t.dims[0])
		return cvt_fail(e, CVT_INPUT, "the offsets %s do not fit %s", at->name, base->name);
	return CVT_OK;
}

/* NAME.hwc: the size of every picture, whose product is what the offsets leave for it. */
static int check_hwc(
	const struct field *hwc, const struct field *at, size_t rows, struct cvt_err *e)
{
	const int32_t *size = hwc->t.data;
	const int64_t *o = at->t.data;
	if (hwc->t.dtype != DT_I4 || hwc->t.ndim != 2 || hwc->t.dims[1] != 3)
		return cvt_fail(e, CVT_INPUT, "field %s must be three <i4 a row", hwc->name);
	for (size_t i = 0; i < rows; i++, size += 3) {
		size_t n = 1;
		for (int k = 0; k < 3; k++)
			if (size[k] <= 0 || !mem_mul(n, (size_t)size[k], &n))
				return cvt_fail(
					e, CVT_INPUT, "row %zu: %s is out of range", i, hwc->name);
		if (n != (uint64_t)(o[i + 1] - o[i]))
			return cvt_fail(
				e, CVT_INPUT, "row %zu: %s contradicts %s", i, hwc->name, at->name);
	}
	return CVT_OK;
}

static int check_ragged(const struct batch *b, const struct field *base, struct cvt_err *e)
{
	char name[FIELD_NAME + 8];
	(void)snprintf(name, sizeof name, "%s.at", base->name);
	const struct field *at = batch_field(b, name);
	(void)snprintf(name, sizeof name, "%s.hwc", base->name);
	const struct field *hwc = batch_field(b, name);
	TRY(check_offsets(at, base, b->rows, e));
	return hwc ? check_hwc(hwc, at, b->rows, e) : CVT_OK;
}

int body_read(struct body_reader *r, const struct frame *f, unsigned char *body, struct batch *b,
	size_t *val, struct cvt_err *e)
{
	if (f->rows > f->body) /* rows of no bytes would cost time without end */
		return cvt_fail(e, CVT_INPUT, "it counts more rows than it has bytes");
	b->n = 0;
	b->rows = (size_t)f->rows;
	b->epoch = f->epoch;
	TRY(unpack_descriptors(r, f, body, e));
	TRY(map_fields(r, body, b, e));
	for (size_t i = 0; i < r->head->nfields; i++)
		if (head_is_ragged(r->head, &r->head->field[i]))
			TRY(check_ragged(b, &b->field[i], e));
	TRY(check_index(r, b, e));
	*val = count_val(b);
	return CVT_OK;
}
