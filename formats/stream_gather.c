/* stream_gather: rows to BATC bodies (see stream_gather.h). */
#include "stream_gather.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A row of a padded field counts as if it had these bytes: what it really has depends on how the
 * rows came, and where frames are cut must not. */
enum { PADDED_COST = 64 };

static const unsigned char zeros[FRAME_BYTES];

/* ---- fields ------------------------------------------------------------------------ */

static size_t find_partner(const struct head *h, const char *name, bool offsets)
{
	char want[FIELD_NAME + 4];
	if (offsets)
		(void)snprintf(want, sizeof want, "%.*s", (int)(strlen(name) - 3), name);
	else
		(void)snprintf(want, sizeof want, "%s.at", name);
	return (size_t)(head_field(h, want) - h->field);
}

static void choose_kind(struct gather_field *g, const struct head *h, const struct head_field *f)
{
	if (head_is_offsets(h, f))
		g->kind = KIND_OFFSETS;
	else if (head_is_ragged(h, f))
		g->kind = KIND_RAGGED;
	else if (f->flags & FIELD_WHOLE)
		g->kind = KIND_WHOLE;
	else
		g->kind = head_is_padded(f) ? KIND_PADDED : KIND_PLAIN;
	if (g->kind == KIND_OFFSETS || g->kind == KIND_RAGGED)
		g->partner = find_partner(h, f->name, g->kind == KIND_OFFSETS);
}

static size_t cost_of(const struct gather_field *g, const struct head_field *f)
{
	size_t bytes = dtype_size(f->dtype);
	if (g->kind == KIND_PADDED)
		return PADDED_COST;
	if (g->kind == KIND_WHOLE || g->kind == KIND_RAGGED)
		return 0;
	for (int i = 0; i < f->ndim; i++)
		if (f->dims[i] != HEAD_VARIES && !mem_mul(bytes, f->dims[i], &bytes))
			return (size_t)FRAME_BODY_MOST;
	return bytes < FRAME_BODY_MOST ? bytes : (size_t)FRAME_BODY_MOST;
}

int gather_start(struct gather *g, struct head *h, struct cvt_err *e)
{
	*g = (struct gather){.head = h, .n = h->nfields, .row_cost = 1};
	g->field = mem_alloc(g->n, sizeof *g->field, e);
	g->table = mem_alloc(g->n, DESCRIPTOR_BYTES, e);
	g->piece = mem_alloc(2 * g->n + 2, sizeof *g->piece, e);
	if (!g->field || !g->table || !g->piece)
		return CVT_SYSTEM;
	for (size_t i = 0; i < g->n; i++) {
		choose_kind(&g->field[i], h, &h->field[i]);
		g->row_cost += cost_of(&g->field[i], &h->field[i]);
	}
	return CVT_OK;
}

void gather_stop(struct gather *g)
{
	for (size_t i = 0; g->field && i < g->n; i++) {
		tensor_free(&g->field[i].rows);
		tensor_free(&g->field[i].scratch);
	}
	free(g->field);
	free(g->table);
	free(g->piece);
	*g = (struct gather){0};
}

/* ---- does a batch fit? ------------------------------------------------------------- */

static int does_not_fit(const char *name, const char *why, struct cvt_err *e)
{
	return cvt_fail(e, CVT_INPUT, "field %s cannot be written: %s", name, why);
}

/* Rows of a settled shape; dimensions that HEAD left open are settled now. */
static int check_shape(enum field_kind kind, struct head_field *h, const struct field *f,
	size_t rows, struct cvt_err *e)
{
	const int skip = (h->flags & FIELD_WHOLE) ? 0 : 1;
	const size_t first = kind == KIND_OFFSETS ? rows + 1 : rows;
	if (f->t.dtype != h->dtype || f->t.ndim != h->ndim + skip)
		return does_not_fit(f->name, "HEAD gives it another type or rank", e);
	if (kind != KIND_WHOLE && kind != KIND_RAGGED && f->t.dims[0] != first)
		return does_not_fit(f->name, "it has another number of rows than its batch", e);
	for (int i = 0; i < h->ndim; i++) {
		const size_t n = f->t.dims[i + skip];
		if (i == 0 && (skip == 0 || kind == KIND_PADDED))
			continue;
		if (h->dims[i] != HEAD_VARIES && h->dims[i] != n)
			return does_not_fit(f->name, "its rows depart from their shape", e);
		h->dims[i] = n;
	}
	return CVT_OK;
}

static int check_offsets(
	const struct field *at, const struct field *base, size_t rows, struct cvt_err *e)
{
	const int64_t *o = at->t.data;
	bool good = o[0] == 0;
	for (size_t i = 0; good && i < rows; i++)
		good = o[i + 1] >= o[i];
	if (!good || (uint64_t)o[rows] != base->t.dims[0])
		return does_not_fit(base->name, "its offsets do not fit it", e);
	return CVT_OK;
}

int gather_map(struct gather *g, const struct batch *b, struct cvt_err *e)
{
	struct head_field *h = g->head->field;
	if (b->n != g->n)
		return cvt_fail(e, CVT_INPUT,
			"a batch of %zu fields cannot be written: HEAD names %zu", b->n, g->n);
	for (size_t i = 0; i < g->n; i++) {
		struct gather_field *f = &g->field[i];
		const bool here = strcmp(b->field[i].name, h[i].name) == 0;
		f->from = here ? &b->field[i] : batch_field(b, h[i].name);
		if (!f->from)
			return does_not_fit(h[i].name, "the batch lacks it", e);
		TRY(check_shape(f->kind, &h[i], f->from, b->rows, e));
	}
	for (size_t i = 0; i < g->n; i++)
		if (g->field[i].kind == KIND_OFFSETS)
			TRY(check_offsets(
				g->field[i].from, g->field[g->field[i].partner].from, b->rows, e));
	return CVT_OK;
}

/* The tensor of field i: of the mapped batch, or gathered. */
static const struct tensor *tensor_of(const struct gather *g, size_t i, bool mapped)
{
	return mapped ? &g->field[i].from->t : &g->field[i].rows;
}

/* Where row r of ragged field i begins, in items. */
static size_t start_of(const struct gather *g, size_t i, size_t r, bool mapped)
{
	const int64_t *at = tensor_of(g, g->field[i].partner, mapped)->data;
	return at && r ? (size_t)at[r] : 0;
}

size_t gather_cost(const struct gather *g, size_t r)
{
	size_t cost = g->row_cost;
	for (size_t i = 0; i < g->n; i++)
		if (g->field[i].kind == KIND_RAGGED)
			cost += (start_of(g, i, r + 1, true) - start_of(g, i, r, true))
				* dtype_size(g->head->field[i].dtype);
	return cost;
}

bool gather_constants_differ(const struct gather *g)
{
	for (size_t i = 0; g->rows && i < g->n; i++) {
		const struct tensor *a = &g->field[i].rows, *b = tensor_of(g, i, true);
		if (g->field[i].kind == KIND_WHOLE
			&& (a->bytes != b->bytes
				|| (a->bytes && memcmp(a->data, b->data, a->bytes) != 0)))
			return true;
	}
	return false;
}

/* ---- padded rows ------------------------------------------------------------------- */

/* Bytes of one entry of a padded field: a letter, a box. */
static size_t entry_bytes(const struct tensor *t)
{
	size_t n = dtype_size(t->dtype);
	for (int i = 2; i < t->ndim; i++)
		n *= t->dims[i];
	return n;
}

static bool has_boxes(const struct tensor *t, const char *name)
{
	return t->dtype == DT_F4 && field_is_boxes(name);
}

/* Entries that rows [first, first+count) really need, at least 1. Only of text and boxes is it
 * known what padding looks like. */
static size_t entries_needed(const struct tensor *t, const char *name, size_t first, size_t count)
{
	const size_t have = t->dims[1], bytes = entry_bytes(t);
	const bool boxes = has_boxes(t, name), text = t->dtype == DT_U1 && t->ndim == 2;
	if (!boxes && !text)
		return have;
	size_t need = have ? 1 : 0;
	for (size_t r = first; r < first + count && need < have; r++) {
		const unsigned char *row = (const unsigned char *)t->data + r * have * bytes;
		for (size_t k = have; k > need; k--) {
			float head = 0;
			if (boxes)
				memcpy(&head, row + (k - 1) * bytes, sizeof head);
			if (boxes ? head != -1.0f : row[k - 1] != 0) {
				need = k;
				break;
			}
		}
	}
	return need;
}

/* Gives `to` the shape of `from` with other rows and entries. */
static int shape_padded(struct tensor *to, const struct tensor *from, size_t rows, size_t entries,
	struct cvt_err *e)
{
	size_t dims[TENSOR_DIMS];
	memcpy(dims, from->dims, sizeof dims);
	dims[0] = rows;
	dims[1] = entries;
	return tensor_shape(to, from->dtype, from->ndim, dims, e);
}

static int widen(struct gather_field *f, size_t entries, bool boxes, struct cvt_err *e)
{
	struct tensor *t = &f->rows, wide = {0};
	const int code = shape_padded(&wide, t, t->dims[0], entries, e);
	if (code != CVT_OK)
		return code;
	field_pad_rows(wide.data, entries, t->data, t->dims[1], t->dims[0], entry_bytes(t), boxes);
	tensor_free(t);
	*t = wide;
	return CVT_OK;
}

/* ---- gathering --------------------------------------------------------------------- */

static int gather_padded(struct gather_field *f, size_t first, size_t count, struct cvt_err *e)
{
	const struct tensor *from = &f->from->t;
	struct tensor *t = &f->rows;
	const bool boxes = has_boxes(from, f->from->name);
	const size_t have = from->dims[1], bytes = entry_bytes(from), old = t->dims[0];
	if (t->dims[1] < have)
		TRY(widen(f, have, boxes, e));
	TRY(tensor_rows(t, old + count, e));
	field_pad_rows((unsigned char *)t->data + old * t->dims[1] * bytes, t->dims[1],
		(const unsigned char *)from->data + first * have * bytes, have, count, bytes,
		boxes);
	return CVT_OK;
}

/* Appends items [first, end) of `from`, counted in first dimensions. */
static int gather_items(
	struct tensor *t, const struct tensor *from, size_t first, size_t end, struct cvt_err *e)
{
	const size_t bytes = tensor_row_bytes(from), old = t->dims[0];
	TRY(tensor_rows(t, old + end - first, e));
	if (end > first)
		memcpy((char *)t->data + old * bytes, (const char *)from->data + first * bytes,
			(end - first) * bytes);
	return CVT_OK;
}

static int gather_offsets(
	struct tensor *t, const struct tensor *from, size_t first, size_t count, struct cvt_err *e)
{
	const int64_t *at = from->data;
	const size_t old = t->dims[0];
	TRY(tensor_rows(t, old + count, e));
	int64_t *to = t->data;
	for (size_t r = 0; r < count; r++)
		to[old + r] = to[old - 1] + at[first + r + 1] - at[first];
	return CVT_OK;
}

/* Without rows: the first dimension is 0, but for the 0 that offsets begin with, and constants. */
static int begin_field(struct gather_field *f, struct cvt_err *e)
{
	const struct tensor *from = &f->from->t;
	size_t dims[TENSOR_DIMS];
	if (f->kind == KIND_WHOLE)
		return tensor_copy(&f->rows, from, e);
	memcpy(dims, from->dims, sizeof dims);
	dims[0] = f->kind == KIND_OFFSETS ? 1 : 0;
	TRY(tensor_shape(&f->rows, from->dtype, from->ndim, dims, e));
	if (f->kind == KIND_OFFSETS)
		*(int64_t *)f->rows.data = 0;
	return CVT_OK;
}

int gather_rows(struct gather *g, size_t first, size_t count, struct cvt_err *e)
{
	for (size_t i = 0; i < g->n; i++) {
		struct gather_field *f = &g->field[i];
		const struct tensor *from = &f->from->t;
		if (g->rows == 0)
			TRY(begin_field(f, e));
		if (f->kind == KIND_PADDED)
			TRY(gather_padded(f, first, count, e));
		else if (f->kind == KIND_PLAIN)
			TRY(gather_items(&f->rows, from, first, first + count, e));
		else if (f->kind == KIND_RAGGED)
			TRY(gather_items(&f->rows, from, start_of(g, i, first, true),
				start_of(g, i, first + count, true), e));
		else if (f->kind == KIND_OFFSETS)
			TRY(gather_offsets(&f->rows, from, first, count, e));
	}
	g->rows += count;
	return CVT_OK;
}

void gather_clear(struct gather *g)
{
	g->rows = 0;
}

/* ---- laying out -------------------------------------------------------------------- */

/* The offsets of some rows begin with 0, wherever those rows lie. */
static int lay_out_offsets(struct gather_field *f, const struct tensor *t, size_t first,
	size_t count, struct cvt_err *e)
{
	const int64_t *at = t->data;
	const size_t dims[1] = {count + 1};
	f->d.dims[0] = count + 1;
	f->data = at + first;
	if (at[first] == 0)
		return CVT_OK;
	TRY(tensor_shape(&f->scratch, DT_I8, 1, dims, e));
	int64_t *to = f->scratch.data;
	for (size_t r = 0; r <= count; r++)
		to[r] = at[first + r] - at[first];
	f->data = to;
	return CVT_OK;
}

static int lay_out_padded(struct gather_field *f, const struct tensor *t, const char *name,
	size_t first, size_t count, struct cvt_err *e)
{
	const size_t have = t->dims[1], bytes = entry_bytes(t);
	const size_t need = entries_needed(t, name, first, count);
	const unsigned char *from = (const unsigned char *)t->data + first * have * bytes;
	f->d.dims[0] = count;
	f->d.dims[1] = need;
	f->data = from;
	if (need == have)
		return CVT_OK;
	TRY(shape_padded(&f->scratch, t, count, need, e));
	field_pad_rows(f->scratch.data, need, from, have, count, bytes, false);
	f->data = f->scratch.data;
	return CVT_OK;
}

/* Where the bytes of field i lie for these rows, and what its descriptor says. */
static int lay_out_field(
	struct gather *g, size_t i, size_t first, size_t count, bool mapped, struct cvt_err *e)
{
	struct gather_field *f = &g->field[i];
	const struct head_field *h = &g->head->field[i];
	const struct tensor *t = tensor_of(g, i, mapped);
	size_t start = first, end = first + count;
	f->d = (struct descriptor){.dtype = t->dtype, .flags = h->flags, .ndim = t->ndim};
	memcpy(f->d.name, h->name, sizeof f->d.name);
	memcpy(f->d.dims, t->dims, sizeof f->d.dims);
	if (f->kind == KIND_OFFSETS)
		return lay_out_offsets(f, t, first, count, e);
	if (f->kind == KIND_PADDED)
		return lay_out_padded(f, t, h->name, first, count, e);
	if (f->kind == KIND_WHOLE) {
		start = 0;
		end = t->dims[0];
	} else if (f->kind == KIND_RAGGED) {
		start = start_of(g, i, first, mapped);
		end = start_of(g, i, first + count, mapped);
	}
	f->d.dims[0] = end - start;
	f->data = (const unsigned char *)t->data + start * tensor_row_bytes(t);
	return CVT_OK;
}

static struct iovec piece_of(const void *bytes, size_t n)
{
	struct iovec p = {.iov_len = n};
	memcpy(&p.iov_base, &bytes,
		sizeof bytes); /* writev does not write to it; iovec lacks const */
	return p;
}

/* Descriptors, then payloads with their padding. */
static int assemble(struct gather *g, struct frame *f, size_t *pieces, struct cvt_err *e)
{
	size_t body = g->n * DESCRIPTOR_BYTES, at = 1;
	g->piece[at++] = piece_of(g->table, body);
	for (size_t i = 0; i < g->n; i++) {
		struct descriptor *d = &g->field[i].d;
		size_t items = 0;
		TRY(tensor_count(d->ndim, d->dims, &items, e));
		d->bytes = items * dtype_size(d->dtype);
		if (d->bytes > FRAME_BODY_MOST || body + frame_padded(d->bytes) > FRAME_BODY_MOST)
			return cvt_fail(e, CVT_INPUT,
				"rows that must stay together (a group, or one large row) are more "
				"than 2 GiB");
		descriptor_pack(d, g->table + i * DESCRIPTOR_BYTES);
		g->piece[at++] = piece_of(g->field[i].data, d->bytes);
		g->piece[at++] = piece_of(zeros, frame_padded(d->bytes) - d->bytes);
		body += frame_padded(d->bytes);
	}
	f->body = body;
	f->n = (uint32_t)g->n;
	for (size_t k = 1; k < at; k++)
		f->crc = frame_crc(f->crc, g->piece[k].iov_base, g->piece[k].iov_len);
	*pieces = at;
	return CVT_OK;
}

static int lay_out(struct gather *g, size_t first, size_t count, bool mapped, struct frame *f,
	size_t *pieces, struct cvt_err *e)
{
	f->rows = count;
	f->crc = 0;
	for (size_t i = 0; i < g->n; i++)
		TRY(lay_out_field(g, i, first, count, mapped, e));
	return assemble(g, f, pieces, e);
}

int gather_lay_out_mapped(struct gather *g, size_t first, size_t count, struct frame *f,
	size_t *pieces, struct cvt_err *e)
{
	return lay_out(g, first, count, true, f, pieces, e);
}

int gather_lay_out(struct gather *g, struct frame *f, size_t *pieces, struct cvt_err *e)
{
	return lay_out(g, 0, g->rows, false, f, pieces, e);
}
