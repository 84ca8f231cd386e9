/*
 * view_diff: the first place where two streams differ: what HEAD says of the rows, then the rows,
 * field by field. How they were cut into frames, padded, and made does not count.
 */
#include "view.h"

#include <stdlib.h>
#include <string.h>

/* One of the two, at a row. */
struct side {
	struct view_input *in;
	struct batch *b; /* NULL = at the end */
	size_t at;       /* in b */
	size_t epochs;
};

static int next_rows(struct side *s, struct cvt_err *e)
{
	static const struct view_options lenient = {.common.allow_empty = true};
	if (s->b && ++s->at < s->b->rows)
		return CVT_OK;
	s->at = 0;
	return view_next(s->in, &lenient, &s->b, &s->epochs, e);
}

/* ---- HEAD -------------------------------------------------------------------------- */

static bool same_shape(const struct head_field *f, const struct head_field *g)
{
	for (int i = 0; i < f->ndim; i++)
		if (f->dims[i] != g->dims[i] && f->dims[i] != HEAD_VARIES
			&& g->dims[i] != HEAD_VARIES)
			return false;
	return true;
}

static int compare_fields(
	const struct head *a, const struct head *b, struct str *text, struct cvt_err *e)
{
	for (size_t i = 0; i < a->nfields && text->n == 0; i++) {
		const struct head_field *f = &a->field[i], *g = head_field(b, f->name);
		if (!g)
			TRY(str_printf(text, e, "field %s: only in the first\n", f->name));
		else if (f->dtype != g->dtype || f->flags != g->flags || f->ndim != g->ndim
			 || !same_shape(f, g))
			TRY(str_printf(text, e, "field %s: of another type or shape\n", f->name));
	}
	for (size_t i = 0; i < b->nfields && text->n == 0; i++)
		if (!head_field(a, b->field[i].name))
			TRY(str_printf(
				text, e, "field %s: only in the second\n", b->field[i].name));
	return CVT_OK;
}

static const char *class_name(const struct head_classes *c, size_t k)
{
	return c && k < c->n && c->name[k] ? c->name[k] : "(none)";
}

static int compare_class_lists(const char *field, const struct head_classes *a,
	const struct head_classes *b, struct str *text, struct cvt_err *e)
{
	const size_t n = a ? a->n : 0, m = b ? b->n : 0;
	char one[200], two[200];
	for (size_t k = 0; k < (n > m ? n : m) && text->n == 0; k++)
		if (strcmp(class_name(a, k), class_name(b, k)) != 0)
			TRY(str_printf(text, e, "class %s %zu: '%s' against '%s'\n", field, k,
				mem_printable(one, sizeof one, class_name(a, k)),
				mem_printable(two, sizeof two, class_name(b, k))));
	return CVT_OK;
}

static int compare_heads(
	const struct head *a, const struct head *b, struct str *text, struct cvt_err *e)
{
	TRY(compare_fields(a, b, text, e));
	for (size_t i = 0; i < a->nclasses; i++)
		TRY(compare_class_lists(a->classes[i].field, &a->classes[i],
			head_classes(b, a->classes[i].field), text, e));
	for (size_t i = 0; i < b->nclasses; i++)
		TRY(compare_class_lists(b->classes[i].field, head_classes(a, b->classes[i].field),
			&b->classes[i], text, e));
	return CVT_OK;
}

/* ---- rows -------------------------------------------------------------------------- */

/* The bytes of one row of a field, wherever they lie. */
struct cell {
	struct tensor row; /* its data is borrowed */
	bool padded, boxes;
};

static struct cell cell_of(const struct side *s, const struct head_field *f)
{
	const struct tensor *t = batch_get(s->b, f->name);
	struct cell c = {.row = *t,
		.padded = head_is_padded(f),
		.boxes = f->dtype == DT_F4 && field_is_boxes(f->name)};
	char name[FIELD_NAME + 4];
	const char *data = t->data;
	const size_t bytes = tensor_row_bytes(t);
	size_t first = s->at, n = 1;
	memcpy(name, f->name, FIELD_NAME);
	memcpy(name + strlen(f->name), ".at", 4);
	const struct tensor *at = batch_get(s->b, name);
	if (f->flags & FIELD_WHOLE) {
		const int64_t *o = at ? at->data : NULL;
		first = o ? (size_t)o[s->at] : 0;
		n = o ? (size_t)(o[s->at + 1] - o[s->at]) : t->dims[0];
	}
	c.row.data = NULL;
	memcpy(&c.row.data, &(const char *){data + first * bytes}, sizeof data);
	c.row.dims[0] = n;
	c.row.bytes = n * bytes;
	c.row.capacity = 0;
	return c;
}

/* Bytes of a padded row that count. */
static size_t used_bytes(const struct cell *c)
{
	const char *p = c->row.data;
	const size_t entry = c->row.dims[1] ? c->row.bytes / c->row.dims[1] : 1;
	size_t n = c->row.bytes;
	while (c->padded && n > 0) {
		const char *last = p + n - entry;
		float first = 0;
		if (c->boxes)
			memcpy(&first, last, sizeof first);
		if (c->boxes && first != -1.0f)
			return n;
		for (size_t k = 0; !c->boxes && k < entry; k++)
			if (last[k])
				return n;
		n -= entry;
	}
	return n;
}

static int tell_difference(const char *field, const struct side *s, const struct cell *a,
	const struct cell *b, uint64_t row, struct str *text, struct cvt_err *e)
{
	const size_t size = dtype_size(a->row.dtype), n = tensor_items(&a->row);
	const size_t m = tensor_items(&b->row);
	const struct tensor *index = batch_get(s->b, "index");
	const char *x = a->row.data, *y = b->row.data;
	size_t i = 0;
	while (i < n && i < m && memcmp(x + i * size, y + i * size, size) == 0)
		i++;
	TRY(str_printf(text, e, "row %llu", (unsigned long long)row));
	if (index)
		TRY(str_printf(text, e, " (index %lld)",
			(long long)((const int64_t *)index->data)[s->at]));
	if (i >= n || i >= m)
		return str_printf(text, e, ", field %s: of another length\n", field);
	TRY(str_printf(text, e, ", field %s, item %zu: ", field, i));
	TRY(view_number(text, &a->row, i, e));
	TRY(str_puts(text, " against ", e));
	TRY(view_number(text, &b->row, i, e));
	return str_puts(text, "\n", e);
}

static int compare_row(const struct side *a, const struct side *b, const struct head *h,
	uint64_t row, struct str *text, struct cvt_err *e)
{
	for (size_t i = 0; i < h->nfields && text->n == 0; i++) {
		const struct head_field *f = &h->field[i];
		if (head_is_offsets(h, f))
			continue; /* says no more than the rows */
		const struct cell x = cell_of(a, f), y = cell_of(b, f);
		const size_t n = used_bytes(&x), m = used_bytes(&y);
		if (n != m || (n && memcmp(x.row.data, y.row.data, n) != 0))
			TRY(tell_difference(f->name, a, &x, &y, row, text, e));
	}
	return CVT_OK;
}

static int compare_rows(struct side *a, struct side *b, struct str *text, struct cvt_err *e)
{
	const struct head *h = source_head(a->in->source);
	for (uint64_t row = 0; text->n == 0; row++) {
		TRY(next_rows(a, e));
		TRY(next_rows(b, e));
		if (!a->b && !b->b)
			break;
		if (!a->b || !b->b)
			return str_printf(text, e, "row %llu: only in the %s\n",
				(unsigned long long)row, a->b ? "first" : "second");
		if (a->epochs != b->epochs)
			return str_printf(text, e, "row %llu: epoch %zu against %zu\n",
				(unsigned long long)row, a->epochs, b->epochs);
		TRY(compare_row(a, b, h, row, text, e));
	}
	return CVT_OK;
}

int view_diff(struct view_input *a, struct view_input *b, const struct view_options *o,
	struct str *text, struct cvt_err *e)
{
	(void)o;
	if (!a->source != !b->source)
		return cvt_fail(e, CVT_USAGE,
			"%s: is a model, and %s is none; --diff needs two alike",
			a->source ? b->name : a->name, a->source ? a->name : b->name);
	if (!a->source)
		return view_model_diff(a, b, text, e);
	struct side one = {.in = a}, two = {.in = b};
	TRY(compare_heads(source_head(a->source), source_head(b->source), text, e));
	return text->n ? CVT_OK : compare_rows(&one, &two, text, e);
}
