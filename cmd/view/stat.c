/* view_stat: what a stream holds, in numbers. Sums run over the rows in their order, so that the
 * result does not depend on frames. */
#include "view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COUNTED = 1 << 16 }; /* values of a label that are counted one by one */

/* One field, over all rows. */
struct column {
	double low, high, sum;
	uint64_t items, bad; /* bad: infinite or no number */
	size_t longest;      /* text, boxes */
	uint64_t *count;     /* of value k - 1; NULL = not counted */
	size_t counted, capacity;
};

static double item(const struct tensor *t, size_t i)
{
	switch (t->dtype) {
	case DT_U1:
		return ((const unsigned char *)t->data)[i];
	case DT_I4:
		return ((const int32_t *)t->data)[i];
	case DT_I8:
		return (double)((const int64_t *)t->data)[i];
	default:
		return (double)((const float *)t->data)[i];
	}
}

static void add_item(struct column *c, double v)
{
	if (!isfinite(v)) {
		c->bad++;
		return;
	}
	if (c->items++ == 0)
		c->low = c->high = v;
	c->low = v < c->low ? v : c->low;
	c->high = v > c->high ? v : c->high;
	c->sum += v;
}

/* The same for many bytes at once. */
static void add_bytes(struct column *c, const unsigned char *p, size_t n)
{
	unsigned low = 255, high = 0;
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		low = p[i] < low ? p[i] : low;
		high = p[i] > high ? p[i] : high;
		sum += p[i];
	}
	if (n == 0)
		return;
	c->low = c->items && c->low < low ? c->low : low;
	c->high = c->items && c->high > high ? c->high : high;
	c->sum += (double)sum; /* whole numbers below 2^53: exact */
	c->items += n;
}

static int count_values(struct column *c, int64_t v, uint64_t times, struct cvt_err *e)
{
	if (v < -1 || v >= MOST_COUNTED)
		return CVT_OK;
	const size_t at = (size_t)(v + 1), old = c->capacity;
	void *p = c->count;
	TRY(mem_grow(&p, &c->capacity, at + 1, sizeof *c->count, e));
	c->count = p;
	if (c->capacity > old)
		memset(c->count + old, 0, (c->capacity - old) * sizeof *c->count);
	c->count[at] += times;
	c->counted = c->counted > at ? c->counted : at + 1;
	return CVT_OK;
}

static int count_value(struct column *c, int64_t v, struct cvt_err *e)
{
	return count_values(c, v, 1, e);
}

/* Pixels of a mask. */
static int count_bytes(struct column *c, const unsigned char *p, size_t n, struct cvt_err *e)
{
	uint64_t times[256] = {0};
	for (size_t i = 0; i < n; i++)
		times[p[i]]++;
	for (int v = 0; v < 256; v++)
		if (times[v])
			TRY(count_values(c, v, times[v], e));
	return CVT_OK;
}

static bool is_counted(const struct head *h, const struct head_field *f)
{
	return f->dtype == DT_I4 && f->ndim == 0
	       && (strcmp(f->name, "label") == 0 || head_classes(h, f->name));
}

static bool is_boxes(const struct head_field *f)
{
	return f->dtype == DT_F4 && f->ndim == 2 && field_is_boxes(f->name);
}

static int add_boxes(
	struct column *c, const struct head_field *f, const struct tensor *t, struct cvt_err *e)
{
	const size_t step = t->dims[2], n = tensor_items(t) / step;
	const bool classed = strncmp(f->name, "boxes", 5) == 0;
	for (size_t i = 0; i < n; i++) {
		const double first = item(t, i * step);
		if (first == -1)
			continue;
		if (classed && first >= 0 && first < MOST_COUNTED)
			TRY(count_value(c, (int64_t)first, e));
		for (size_t k = 0; k < step; k++)
			add_item(c, item(t, i * step + k));
	}
	return CVT_OK;
}

static void add_text(struct column *c, const struct tensor *t)
{
	const size_t n = tensor_row_bytes(t);
	for (size_t r = 0; r < t->dims[0]; r++) {
		const char *s = (const char *)t->data + r * n;
		const char *end = memchr(s, '\0', n);
		const size_t length = end ? (size_t)(end - s) : n;
		c->longest = length > c->longest ? length : c->longest;
	}
}

static int add_tensor(struct column *c, const struct head *h, const struct head_field *f,
	const struct tensor *t, struct cvt_err *e)
{
	const size_t n = tensor_items(t);
	if (view_is_text(f)) {
		add_text(c, t);
		return CVT_OK;
	}
	if (is_boxes(f))
		return add_boxes(c, f, t, e);
	if (t->dtype == DT_U1) {
		add_bytes(c, t->data, n);
		return head_classes(h, f->name) ? count_bytes(c, t->data, n, e) : CVT_OK;
	}
	for (size_t i = 0; i < n; i++)
		add_item(c, item(t, i));
	for (size_t i = 0; i < n && is_counted(h, f); i++)
		TRY(count_value(c, ((const int32_t *)t->data)[i], e));
	return CVT_OK;
}

/* ---- the table --------------------------------------------------------------------- */

static int put_column(
	struct str *text, const struct head_field *f, const struct column *c, struct cvt_err *e)
{
	struct str shape = {0};
	int code = view_shape(&shape, f, e);
	if (code == CVT_OK)
		code = str_printf(
			text, e, "field %-20s %s %-12s", f->name, dtype_name(f->dtype), shape.p);
	free(shape.p);
	TRY(code);
	if (view_is_text(f))
		return str_printf(text, e, " longest %zu\n", c->longest);
	if (c->items)
		TRY(str_printf(text, e, " min %.6g mean %.6g max %.6g", c->low,
			c->sum / (double)c->items, c->high));
	if (c->bad)
		TRY(str_printf(text, e, " not-finite %llu", (unsigned long long)c->bad));
	return str_puts(text, "\n", e);
}

static int put_classes(struct str *text, const struct head *h, const char *field,
	const struct column *c, struct cvt_err *e)
{
	const struct head_classes *names = head_classes(h, field);
	const size_t named = names ? names->n + 1 : 0, n = c->counted > named ? c->counted : named;
	char shown[200];
	for (size_t at = 0; at < n; at++) {
		const uint64_t count = c->count && at < c->counted ? c->count[at] : 0;
		const long long k = (long long)at - 1;
		const char *name = k < 0 ? "(unknown)" : view_class(h, names ? field : "label", k);
		if (count == 0 && (k < 0 || !name))
			continue;
		TRY(str_printf(text, e, "class %s %lld %s %llu\n", field, k,
			name ? mem_printable(shown, sizeof shown, name) : "-",
			(unsigned long long)count));
	}
	return CVT_OK;
}

static int put_table(
	struct str *text, const struct head *h, const struct column *column, struct cvt_err *e)
{
	for (size_t i = 0; i < h->nfields; i++)
		TRY(put_column(text, &h->field[i], &column[i], e));
	for (size_t i = 0; i < h->nfields; i++)
		if (column[i].count || head_classes(h, h->field[i].name))
			TRY(put_classes(text, h, h->field[i].name, &column[i], e));
	return CVT_OK;
}

/* The first n rows of a batch, or all of them. */
static int add_rows(struct column *column, const struct head *h, const struct batch *b, size_t n,
	struct cvt_err *e)
{
	struct batch first = {0};
	int code = n < b->rows ? batch_slice(&first, b, 0, n, e) : CVT_OK;
	for (size_t i = 0; i < h->nfields && code == CVT_OK; i++)
		code = add_tensor(&column[i], h, &h->field[i],
			batch_get(n < b->rows ? &first : b, h->field[i].name), e);
	batch_free(&first);
	return code;
}

static int read_rows(struct view_input *in, const struct view_options *o, struct column *column,
	struct str *text, struct cvt_err *e)
{
	const struct head *h = source_head(in->source);
	const size_t most = o->count ? o->count : SIZE_MAX;
	struct batch *b;
	size_t rows = 0, epochs = 0, batches = 0;
	const struct view_options lenient = {.common.allow_empty = true};
	while (rows < most) {
		TRY(view_next(in, &lenient, &b, &epochs, e));
		if (!b)
			break;
		const size_t n = b->rows < most - rows ? b->rows : most - rows;
		TRY(add_rows(column, h, b, n, e));
		rows += n;
		batches++;
	}
	return str_printf(text, e, "rows %zu\nepochs %zu\nparts %zu\nbatches %zu\n", rows, epochs,
		source_parts(in->source), batches);
}

int view_stat(
	struct view_input *in, const struct view_options *o, struct output *out, struct cvt_err *e)
{
	if (!in->source)
		return view_model_head(in, true, out, e);
	const struct head *h = source_head(in->source);
	struct str text = {0};
	struct column *column = mem_alloc(h->nfields, sizeof *column, e);
	int code = column ? read_rows(in, o, column, &text, e) : CVT_SYSTEM;
	if (code == CVT_OK)
		code = put_table(&text, h, column, e);
	if (code == CVT_OK)
		code = view_flush(&text, out, e);
	if (code == CVT_OK)
		code = view_check_rows(in, o, e);
	for (size_t i = 0; column && i < h->nfields; i++)
		free(column[i].count);
	free(column);
	free(text.p);
	return code;
}
