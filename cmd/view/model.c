/* view_model: model files: what they say of themselves, and a table of their tensors. */
#include "view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* "KEY VALUE"; the further lines of a long value are set in below. */
static int put_meta(struct str *text, const struct state_meta *m, struct cvt_err *e)
{
	size_t n = strlen(m->value);
	while (n > 0 && m->value[n - 1] == '\n')
		n--;
	TRY(str_text(text, m->key, strlen(m->key), true, e));
	TRY(str_puts(text, strchr(m->value, '\n') ? "\n    " : " ", e));
	TRY(view_lines(text, m->value, n, "\n    ", e));
	return str_puts(text, "\n", e);
}

static int put_numbers(struct str *text, const struct tensor *t, struct cvt_err *e)
{
	const float *x = t->data;
	const size_t n = tensor_items(t);
	double low = INFINITY, high = -INFINITY, sum = 0;
	if (t->dtype != DT_F4 || n == 0)
		return CVT_OK;
	for (size_t i = 0; i < n; i++) {
		const double v = (double)x[i];
		low = v < low ? v : low;
		high = v > high ? v : high;
		sum += v;
	}
	return str_printf(text, e, " min %.6g mean %.6g max %.6g", low, sum / (double)n, high);
}

int view_finite(const struct view_input *in, struct cvt_err *e)
{
	char shown[300];
	for (size_t i = 0; i < in->model.n; i++) {
		const struct state_entry *s = &in->model.entry[i];
		const float *x = s->t.data;
		const size_t n = s->t.dtype == DT_F4 ? tensor_items(&s->t) : 0;
		for (size_t k = 0; k < n; k++)
			if (!isfinite(x[k]))
				return cvt_fail(e, CVT_INPUT,
					"%s: tensor '%s': item %zu is %s, no finite number",
					in->name, mem_printable(shown, sizeof shown, s->name), k,
					isnan(x[k]) ? "nan" : "infinite");
	}
	return CVT_OK;
}

static int put_tensor(
	struct str *text, const struct state_entry *s, bool with_numbers, struct cvt_err *e)
{
	char shown[300];
	TRY(str_printf(text, e, "tensor %-32s %s ", mem_printable(shown, sizeof shown, s->name),
		dtype_name(s->t.dtype)));
	for (int i = 0; i < s->t.ndim; i++)
		TRY(str_printf(text, e, "%s%zu", i ? "x" : "", s->t.dims[i]));
	TRY(str_puts(text, s->t.ndim ? "" : "-", e));
	if (with_numbers)
		TRY(put_numbers(text, &s->t, e));
	return str_puts(text, "\n", e);
}

static int put_all(
	struct str *text, const struct state_dict *d, bool with_numbers, struct cvt_err *e)
{
	size_t items = 0;
	for (size_t i = 0; i < d->nmeta; i++)
		TRY(put_meta(text, &d->meta[i], e));
	for (size_t i = 0; i < d->n; i++) {
		TRY(put_tensor(text, &d->entry[i], with_numbers, e));
		items += tensor_items(&d->entry[i].t);
	}
	return str_printf(text, e, "tensors %zu\nnumbers %zu\n", d->n, items);
}

int view_model_head(
	const struct view_input *in, bool with_numbers, struct output *out, struct cvt_err *e)
{
	struct str text = {0};
	int code = put_all(&text, &in->model, with_numbers, e);
	if (code == CVT_OK)
		code = view_flush(&text, out, e);
	free(text.p);
	return code;
}

/* ---- difference -------------------------------------------------------------------- */

static int differ_in_numbers(
	const struct state_entry *a, const struct tensor *b, struct str *text, struct cvt_err *e)
{
	const size_t n = tensor_items(&a->t), size = dtype_size(a->t.dtype);
	const char *x = a->t.data, *y = b->data;
	char shown[300];
	size_t first = n, count = 0;
	for (size_t i = n; i-- > 0;)
		if (memcmp(x + i * size, y + i * size, size) != 0) {
			first = i;
			count++;
		}
	TRY(str_printf(text, e, "tensor %s: %zu of %zu numbers differ, first item %zu: ",
		mem_printable(shown, sizeof shown, a->name), count, n, first));
	TRY(view_number(text, &a->t, first, e));
	TRY(str_puts(text, " against ", e));
	TRY(view_number(text, b, first, e));
	return str_puts(text, "\n", e);
}

static int compare_tensor(
	const struct state_entry *a, const struct tensor *b, struct str *text, struct cvt_err *e)
{
	char shown[300];
	mem_printable(shown, sizeof shown, a->name);
	if (!b)
		return str_printf(text, e, "tensor %s: only in the first\n", shown);
	bool same = a->t.dtype == b->dtype && a->t.ndim == b->ndim;
	for (int i = 0; same && i < b->ndim; i++)
		same = a->t.dims[i] == b->dims[i];
	if (!same)
		return str_printf(text, e, "tensor %s: of another type or shape\n", shown);
	if (b->bytes && memcmp(a->t.data, b->data, b->bytes) != 0)
		return differ_in_numbers(a, b, text, e);
	return CVT_OK;
}

/* What a model says of itself counts, but for how it was made. */
static int compare_meta(
	const struct state_dict *a, const struct state_dict *b, struct str *text, struct cvt_err *e)
{
	char shown[300];
	for (size_t i = 0; i < a->nmeta && text->n == 0; i++) {
		const char *key = a->meta[i].key, *other = state_meta(b, key);
		if (strcmp(key, "cv.history") == 0)
			continue;
		mem_printable(shown, sizeof shown, key);
		if (!other)
			TRY(str_printf(text, e, "%s: only in one of them\n", shown));
		else if (strcmp(other, a->meta[i].value) != 0)
			TRY(str_printf(text, e, "%s: differs\n", shown));
	}
	return CVT_OK;
}

int view_model_diff(
	const struct view_input *a, const struct view_input *b, struct str *text, struct cvt_err *e)
{
	char shown[300];
	TRY(compare_meta(&a->model, &b->model, text, e));
	TRY(compare_meta(&b->model, &a->model, text, e));
	for (size_t i = 0; i < a->model.n && text->n == 0; i++)
		TRY(compare_tensor(
			&a->model.entry[i], state_get(&b->model, a->model.entry[i].name), text, e));
	for (size_t i = 0; i < b->model.n && text->n == 0; i++)
		if (!state_get(&a->model, b->model.entry[i].name))
			TRY(str_printf(text, e, "tensor %s: only in the second\n",
				mem_printable(shown, sizeof shown, b->model.entry[i].name)));
	return CVT_OK;
}
