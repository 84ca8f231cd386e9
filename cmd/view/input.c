/* view_input: opens what cv-view looks at, and says numbers and texts the way all its tables do. */
#include "view.h"

#include "../../formats/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBE_BYTES = 64 };

static int refuse_split(const struct view_input *v, const struct view_options *o, struct cvt_err *e)
{
	return o->split ? cvt_fail(e, CVT_USAGE, "%s: has no splits; leave out --split", v->name)
			: CVT_OK;
}

static int open_input(
	struct view_input *v, struct input *in, const struct view_options *o, struct cvt_err *e)
{
	const struct dataset_options reading = {
		.format = o->format, .split = o->split, .max_memory = o->common.max_memory};
	const unsigned char *start = NULL;
	size_t n = 0;
	if (!input_is_folder(in) && input_peek(in, PROBE_BYTES, &start, &n, e) != CVT_OK) {
		input_close(in);
		return e->code;
	}
	if (o->format || !safetensors_probe(start, n)) {
		TRY(source_open_input(&v->source, in, &reading, e));
		return source_is_stream(v->source) ? refuse_split(v, o, e) : CVT_OK;
	}
	int code = refuse_split(v, o, e);
	if (code == CVT_OK)
		code = safetensors_read_input(in, &v->model, e);
	input_close(in);
	return code;
}

int view_open(
	struct view_input *v, const char *path, const struct view_options *o, struct cvt_err *e)
{
	char shown[600];
	struct input *in;
	*v = (struct view_input){0};
	TRY(input_open(&in, path, e));
	v->name = mem_strdup(mem_printable(shown, sizeof shown, input_name(in)), e);
	if (!v->name) {
		input_close(in);
		return CVT_SYSTEM;
	}
	return open_input(v, in, o, e);
}

void view_close(struct view_input *v)
{
	rate_stop(&v->rate);
	source_close(v->source);
	state_free(&v->model);
	free(v->name);
	*v = (struct view_input){0};
}

int view_check_rows(const struct view_input *v, const struct view_options *o, struct cvt_err *e)
{
	return v->rate.rows || o->common.allow_empty
		       ? CVT_OK
		       : cvt_fail(e, CVT_INPUT, "%s: has no rows; --allow-empty lets that pass",
			       v->name);
}

int view_next(struct view_input *v, const struct view_options *o, struct batch **b, size_t *epochs,
	struct cvt_err *e)
{
	enum stream_event event = STREAM_OTHER;
	while (event != STREAM_DONE) {
		TRY(source_next(v->source, b, &event, e));
		if (event == STREAM_BATCH) {
			rate_add(&v->rate, (*b)->rows);
			return CVT_OK;
		}
		if (event == STREAM_EPOCH && epochs)
			++*epochs;
	}
	*b = NULL;
	return view_check_rows(v, o, e);
}

int view_flush(struct str *text, struct output *out, struct cvt_err *e)
{
	const size_t n = text->n;
	text->n = 0;
	return n ? output_write(out, text->p, n, e) : CVT_OK;
}

int view_shape(struct str *text, const struct head_field *f, struct cvt_err *e)
{
	if (f->ndim == 0)
		return str_puts(text, "-", e);
	for (int i = 0; i < f->ndim; i++) {
		if (i > 0)
			TRY(str_puts(text, "x", e));
		if (i == 0 && (f->flags & FIELD_WHOLE))
			TRY(str_puts(text, "*", e));
		else if (f->dims[i] == HEAD_VARIES)
			TRY(str_puts(text, f->dtype == DT_U1 ? "L" : "M", e));
		else
			TRY(str_printf(text, e, "%zu", f->dims[i]));
	}
	return CVT_OK;
}

static int put_f4(struct str *text, float v, struct cvt_err *e)
{
	char number[40];
	for (int digits = 6; digits <= 9; digits += 3) {
		(void)snprintf(number, sizeof number, "%.*g", digits, (double)v);
		if (strtof(number, NULL) == v)
			break;
	}
	return str_puts(text, number, e);
}

int view_number(struct str *text, const struct tensor *t, size_t item, struct cvt_err *e)
{
	switch (t->dtype) {
	case DT_U1:
		return str_printf(text, e, "%u", ((const unsigned char *)t->data)[item]);
	case DT_I4:
		return str_printf(text, e, "%ld", (long)((const int32_t *)t->data)[item]);
	case DT_I8:
		return str_printf(text, e, "%lld", (long long)((const int64_t *)t->data)[item]);
	default:
		return put_f4(text, ((const float *)t->data)[item], e);
	}
}

int view_text(struct str *text, const struct tensor *t, size_t row, struct cvt_err *e)
{
	const size_t n = tensor_row_bytes(t);
	const char *s = (const char *)t->data + row * n;
	for (size_t i = 0, k; i < n && s[i]; i += k) {
		k = s[i] == '\\' ? 0 : mem_visible(s + i, n - i);
		TRY(k ? str_add(text, s + i, k, e)
		      : str_printf(text, e, "\\%03o", (unsigned char)s[i]));
		k = k ? k : 1;
	}
	return CVT_OK;
}

int view_lines(struct str *text, const char *lines, size_t n, const char *end, struct cvt_err *e)
{
	for (size_t i = 0, k; i < n; i += k + 1) {
		for (k = 0; i + k < n && lines[i + k] != '\n' && lines[i + k] != '\t';)
			k++;
		TRY(str_text(text, lines + i, k, true, e));
		if (i + k < n)
			TRY(str_puts(text, lines[i + k] == '\n' ? end : "\t", e));
	}
	return CVT_OK;
}

bool view_is_text(const struct head_field *f)
{
	return head_is_text(f) || (f->dtype == DT_U1 && f->ndim == 1 && head_is_padded(f));
}

const char *view_class(const struct head *h, const char *field, long long number)
{
	const struct head_classes *c = head_classes(h, field);
	return c && number >= 0 && (size_t)number < c->n ? c->name[number] : NULL;
}
