/* safetensors: model files and checkpoints as state dicts (see safetensors.h). */
#include "safetensors.h"

#include "jsontext.h"
#include "output.h"
#include "safetensors_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH = HEADER_LENGTH, ALIGN = 64 };

/* ---- reading ----------------------------------------------------------------------- */

static int read_tensor(
	struct input *in, const struct told *t, struct state_dict *d, struct cvt_err *e)
{
	unsigned char *bytes = NULL;
	struct tensor *to;
	const size_t n = (size_t)(t->end - t->begin);
	int code = safetensors_bytes(in, &bytes, n, e);
	if (code == CVT_OK)
		code = state_add(d, t->name, t->type->dtype, t->ndim, t->dims, &to, e);
	if (code == CVT_OK && t->type->widen)
		t->type->widen(to->data, bytes, t->items);
	else if (code == CVT_OK && n)
		memcpy(to->data, bytes, n);
	free(bytes);
	return code;
}

static int read_tensors(struct input *in, const struct told *told, size_t n, struct state_dict *d,
	struct cvt_err *e)
{
	for (size_t i = 0; i < n; i++)
		TRY(read_tensor(in, &told[i], d, e));
	unsigned char more;
	size_t got;
	TRY(input_read(in, &more, 1, &got, e));
	if (got)
		return cvt_fail(e, CVT_INPUT, "there are bytes behind the last tensor");
	return state_sort(d, e);
}

static int read_all(struct input *in, struct state_dict *d, struct cvt_err *e)
{
	struct told_list l = {0};
	int code = safetensors_header(in, &l, d, e);
	if (code == CVT_OK)
		code = read_tensors(in, l.told, l.n, d, e);
	safetensors_header_free(&l);
	return code;
}

int safetensors_read_input(struct input *in, struct state_dict *d, struct cvt_err *e)
{
	const int code = read_all(in, d, e);
	/* what the system says of the file names it already */
	return code == CVT_OK || code == CVT_SYSTEM ? code : cvt_fail_at(e, "%s", input_name(in));
}

int safetensors_read(const char *path, struct state_dict *d, struct cvt_err *e)
{
	struct input *in;
	TRY(input_open(&in, path, e));
	const int code = safetensors_read_input(in, d, e);
	input_close(in);
	return code;
}

bool safetensors_probe(const unsigned char *start, size_t n)
{
	return n > LENGTH && start[LENGTH] == '{' && start[4] == 0 && start[5] == 0 && start[6] == 0
	       && start[7] == 0;
}

/* ---- writing ----------------------------------------------------------------------- */

static const char *type_name(enum dtype t)
{
	static const char *const name[DT_COUNT] = {
		[DT_U1] = "U8", [DT_I4] = "I32", [DT_I8] = "I64", [DT_F4] = "F32"};
	return name[t];
}

/* JSON takes UTF-8 only; what is none (a file name in the history) becomes \ooo. */
static json_t *text_value(const char *text)
{
	json_t *v = json_string(text);
	if (v)
		return v;
	struct str s = {0};
	int code = CVT_OK;
	for (const unsigned char *p = (const unsigned char *)text; *p && code == CVT_OK; p++)
		code = str_printf(&s, NULL, *p < 0x80 ? "%c" : "\\%03o", *p);
	if (code == CVT_OK)
		v = json_string(s.p);
	free(s.p);
	return v;
}

static json_t *describe(const struct tensor *t, uint64_t begin)
{
	json_t *shape = json_array();
	for (int i = 0; i < t->ndim; i++)
		json_array_append_new(shape, json_integer((json_int_t)t->dims[i]));
	if (json_array_size(shape) != (size_t)t->ndim) { /* without memory they are left out */
		json_decref(shape);
		return NULL;
	}
	return json_pack("{s:s, s:o, s:[I,I]}", "dtype", type_name(t->dtype), "shape", shape,
		"data_offsets", (json_int_t)begin, (json_int_t)begin + (json_int_t)t->bytes);
}

/* The header, padded with blanks so that the data is aligned. Caller frees. */
static char *make_header(const struct state_dict *d, size_t *length)
{
	jsontext_begin();
	json_t *root = json_object(), *meta = json_object();
	uint64_t at = 0;
	for (size_t i = 0; i < d->nmeta; i++)
		json_object_set_new(meta, d->meta[i].key, text_value(d->meta[i].value));
	if (d->nmeta)
		json_object_set(root, "__metadata__", meta);
	for (size_t i = 0; i < d->n; i++) {
		json_object_set_new(root, d->entry[i].name, describe(&d->entry[i].t, at));
		at += d->entry[i].t.bytes;
	}
	char *text = jsontext_dump(root), *padded = NULL;
	if (text && json_object_size(root) == d->n + (d->nmeta ? 1 : 0)
		&& json_object_size(meta) == d->nmeta) {
		const size_t n = strlen(text);
		*length = (n + LENGTH + ALIGN - 1) / ALIGN * ALIGN - LENGTH;
		padded = malloc(*length);
		if (padded) {
			memset(padded, ' ', *length);
			memcpy(padded, text, n);
		}
	}
	free(text);
	json_decref(meta);
	json_decref(root);
	return padded;
}

static int write_all(struct output *o, const struct state_dict *d, struct cvt_err *e)
{
	size_t n = 0;
	char *header = make_header(d, &n);
	if (!header)
		return cvt_fail(e, CVT_SYSTEM, "%s: no memory for the header", output_name(o));
	if (n > HEADER_BYTES || d->n > HEADER_NAMES) {
		free(header);
		return cvt_fail(e, CVT_LIMIT,
			"%s: names and texts of the model take more than the %d MiB that a reader "
			"takes; --no-history leaves out what made it",
			output_name(o), HEADER_BYTES >> 20);
	}
	unsigned char length[LENGTH];
	for (size_t i = 0; i < LENGTH; i++)
		length[i] = (unsigned char)((uint64_t)n >> 8 * i);
	int code = output_write(o, length, LENGTH, e);
	if (code == CVT_OK)
		code = output_write(o, header, n, e);
	free(header);
	for (size_t i = 0; i < d->n && code == CVT_OK; i++)
		code = output_write(o, d->entry[i].t.data, d->entry[i].t.bytes, e);
	return code;
}

int safetensors_write(const char *path, const struct state_dict *d, struct cvt_err *e)
{
	struct output *o;
	TRY(output_open(&o, path, e));
	const int code = write_all(o, d, e);
	if (code != CVT_OK) {
		output_abandon(o);
		return code;
	}
	return output_commit(o, e);
}
