/*
 * view_tsv: rows as tab-separated text. A number is a column, a short vector one column an item
 * (`logits.3`), text a column, whatever varies in length a comma list; pictures are left out. A
 * label with class names gets a column `label.class`.
 */
#include "view.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ITEMS = 4096, ENOUGH = 64 << 10 };

enum how { LEFT_OUT, NUMBERS, LIST, TEXT };

static enum how how_to_show(const struct head_field *f)
{
	size_t items = 1;
	if (view_is_text(f))
		return TEXT;
	if (f->flags & FIELD_WHOLE || (f->dtype == DT_U1 && f->ndim > 1))
		return LEFT_OUT;
	for (int i = 0; i < f->ndim; i++) {
		if (f->dims[i] == HEAD_VARIES)
			return head_is_padded(f) ? LIST : LEFT_OUT;
		if (!mem_mul(items, f->dims[i], &items) || items > MOST_ITEMS)
			return LEFT_OUT;
	}
	return NUMBERS;
}

static bool has_class(const struct head *h, const struct head_field *f)
{
	return f->dtype == DT_I4 && f->ndim == 0 && head_classes(h, f->name);
}

static int put_names(
	struct str *text, const struct head *h, const struct head_field *f, struct cvt_err *e)
{
	const enum how how = how_to_show(f);
	size_t items = 1;
	for (int i = 0; i < f->ndim; i++)
		items *= f->dims[i];
	if (how == LEFT_OUT)
		return CVT_OK;
	if (how != NUMBERS || f->ndim == 0)
		TRY(str_printf(text, e, "\t%s", f->name));
	else
		for (size_t k = 0; k < items; k++)
			TRY(str_printf(text, e, "\t%s.%zu", f->name, k));
	return has_class(h, f) ? str_printf(text, e, "\t%s.class", f->name) : CVT_OK;
}

static int put_items(struct str *text, const struct tensor *t, size_t row, const char *between,
	struct cvt_err *e)
{
	const size_t n = tensor_row_items(t);
	for (size_t k = 0; k < n; k++) {
		TRY(str_puts(text, k ? between : "", e));
		TRY(view_number(text, t, row * n + k, e));
	}
	return CVT_OK;
}

static int put_class(struct str *text, const struct head *h, const char *field,
	const struct tensor *t, size_t row, struct cvt_err *e)
{
	char shown[200];
	const char *name = view_class(h, field, ((const int32_t *)t->data)[row]);
	TRY(str_puts(text, "\t", e));
	return name ? str_puts(text, mem_printable(shown, sizeof shown, name), e) : CVT_OK;
}

static int put_cell(struct str *text, const struct head *h, const struct head_field *f,
	const struct tensor *t, size_t row, struct cvt_err *e)
{
	const enum how how = how_to_show(f);
	if (how == LEFT_OUT)
		return CVT_OK;
	TRY(str_puts(text, "\t", e));
	if (how == TEXT)
		TRY(view_text(text, t, row, e));
	else
		TRY(put_items(text, t, row, how == LIST ? "," : "\t", e));
	return has_class(h, f) ? put_class(text, h, f->name, t, row, e) : CVT_OK;
}

static int put_row(struct str *text, const struct head *h, const struct batch *b, size_t row,
	struct cvt_err *e)
{
	const size_t start = text->n;
	for (size_t i = 0; i < h->nfields; i++)
		TRY(put_cell(text, h, &h->field[i], batch_get(b, h->field[i].name), row, e));
	if (text->n > start) { /* the tab before the first cell */
		memmove(text->p + start, text->p + start + 1, text->n - start);
		text->n--;
	}
	return str_puts(text, "\n", e);
}

static int put_rows(struct view_input *in, const struct view_options *o, struct str *text,
	struct output *out, struct cvt_err *e)
{
	const struct head *h = source_head(in->source);
	struct batch *b;
	for (size_t left = o->count ? o->count : SIZE_MAX; left > 0;) {
		TRY(view_next(in, o, &b, NULL, e));
		if (!b)
			break;
		for (size_t r = 0; r < b->rows && left > 0; r++, left--) {
			TRY(put_row(text, h, b, r, e));
			if (text->n > ENOUGH)
				TRY(view_flush(text, out, e));
		}
	}
	return view_flush(text, out, e);
}

int view_tsv(
	struct view_input *in, const struct view_options *o, struct output *out, struct cvt_err *e)
{
	const struct head *h = source_head(in->source);
	struct str text = {0};
	int code = CVT_OK;
	for (size_t i = 0; i < h->nfields && code == CVT_OK; i++)
		code = put_names(&text, h, &h->field[i], e);
	if (code == CVT_OK && text.n > 0) {
		memmove(text.p, text.p + 1, text.n);
		text.n--;
	}
	if (code == CVT_OK)
		code = str_puts(&text, "\n", e);
	if (code == CVT_OK)
		code = put_rows(in, o, &text, out, e);
	free(text.p);
	return code;
}
