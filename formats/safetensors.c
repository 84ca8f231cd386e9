/* safetensors: model files and checkpoints as state dicts (see safetensors.h). */
#include "safetensors.h"

#include "jsontext.h"
#include "output.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH = 8, ALIGN = 64 };
static const uint64_t most_header = 100u << 20; /* as the reference reader */

/* How a file's type becomes one of ours. */
struct stored_type {
	const char *name;
	size_t size;
	enum dtype dtype;
	void (*widen)(void *to, const unsigned char *from, size_t n); /* NULL = the same bytes */
};

static float from_bits(uint32_t bits)
{
	float f;
	memcpy(&f, &bits, sizeof f);
	return f;
}

static void widen_bf16(void *to, const unsigned char *from, size_t n)
{
	float *f = to;
	for (size_t i = 0; i < n; i++)
		f[i] = from_bits((uint32_t)from[2 * i] << 16 | (uint32_t)from[2 * i + 1] << 24);
}

/* IEEE half: 1 sign, 5 exponent, 10 fraction bits. Subnormals are fraction x 2^-24. */
static float half_to_float(unsigned h)
{
	const uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = h >> 10 & 31,
		       fraction = h & 1023;
	if (exponent == 0) {
		const float v = (float)fraction * 0x1p-24f;
		return sign ? -v : v;
	}
	const uint32_t e = exponent == 31 ? 255 : exponent + 112;
	return from_bits(sign | e << 23 | fraction << 13);
}

static void widen_f16(void *to, const unsigned char *from, size_t n)
{
	float *f = to;
	for (size_t i = 0; i < n; i++)
		f[i] = half_to_float((unsigned)from[2 * i] | (unsigned)from[2 * i + 1] << 8);
}

static const struct stored_type types[] = {
	{"F32", 4, DT_F4, NULL},
	{"F16", 2, DT_F4, widen_f16},
	{"BF16", 2, DT_F4, widen_bf16},
	{"I32", 4, DT_I4, NULL},
	{"I64", 8, DT_I8, NULL},
	{"U8", 1, DT_U1, NULL},
	{"BOOL", 1, DT_U1, NULL},
};

static const struct stored_type *find_type(const char *name)
{
	for (size_t i = 0; name && i < sizeof types / sizeof *types; i++)
		if (strcmp(name, types[i].name) == 0)
			return &types[i];
	return NULL;
}

/* ---- reading ----------------------------------------------------------------------- */

/* One tensor as the header tells it. */
struct told {
	const char *name;
	const struct stored_type *type;
	int ndim;
	size_t dims[TENSOR_DIMS], items;
	uint64_t begin, end;
};

static int damaged(const char *what, const char *name, struct cvt_err *e)
{
	char shown[200];
	return cvt_fail(e, CVT_INPUT, "tensor '%s': %s; the file is damaged or no model",
		mem_printable(shown, sizeof shown, name), what);
}

/* A type that the format has and we do not read: nothing is damaged then. */
static int wrong_type(const char *type, const char *name, struct cvt_err *e)
{
	static const char *const others[] = {"F64", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F6_E2M3",
		"F6_E3M2", "F4", "I8", "I16", "U16", "U32", "U64", "C64"};
	char shown[200];
	for (size_t i = 0; type && i < sizeof others / sizeof *others; i++)
		if (strcmp(type, others[i]) == 0)
			return cvt_fail(e, CVT_INPUT,
				"tensor '%s': its type %s is not read; save it as F32 (in PyTorch "
				"tensor.float()), F16, BF16, I32, I64, U8 or BOOL",
				mem_printable(shown, sizeof shown, name), others[i]);
	return damaged("its type is none of F32 F16 BF16 I32 I64 U8 BOOL", name, e);
}

static bool whole_number(const json_t *v, uint64_t *to)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*to = (uint64_t)json_integer_value(v);
	return true;
}

static int read_shape(struct told *t, const json_t *shape, struct cvt_err *e)
{
	const size_t n = json_array_size(shape);
	if (!json_is_array(shape) || n > TENSOR_DIMS)
		return damaged("no shape of at most 7 dimensions", t->name, e);
	t->ndim = (int)n;
	for (size_t i = 0; i < n; i++) {
		uint64_t d;
		if (!whole_number(json_array_get(shape, i), &d) || d > SIZE_MAX)
			return damaged("a dimension is no whole number", t->name, e);
		t->dims[i] = (size_t)d;
	}
	if (tensor_count(t->ndim, t->dims, &t->items, NULL) != CVT_OK)
		return damaged("its size does not fit in memory", t->name, e);
	return CVT_OK;
}

static int read_told(struct told *t, const char *name, const json_t *v, struct cvt_err *e)
{
	const json_t *offsets = json_object_get(v, "data_offsets");
	size_t bytes;
	*t = (struct told){.name = name};
	if (!json_is_object(v) || json_array_size(offsets) != 2
		|| !whole_number(json_array_get(offsets, 0), &t->begin)
		|| !whole_number(json_array_get(offsets, 1), &t->end))
		return damaged("its entry lacks dtype, shape or data_offsets", name, e);
	const char *type = json_string_value(json_object_get(v, "dtype"));
	t->type = find_type(type);
	if (!t->type)
		return wrong_type(type, name, e);
	TRY(read_shape(t, json_object_get(v, "shape"), e));
	if (!mem_mul(t->items, t->type->size, &bytes) || t->end < t->begin
		|| t->end - t->begin != bytes)
		return damaged("its data_offsets and its shape disagree", name, e);
	return CVT_OK;
}

static int by_place(const void *a, const void *b)
{
	const struct told *x = a, *y = b;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

static int read_meta(struct state_dict *d, json_t *v, struct cvt_err *e)
{
	if (!json_is_object(v))
		return cvt_fail(e, CVT_INPUT, "__metadata__ is no object");
	for (void *at = json_object_iter(v); at; at = json_object_iter_next(v, at)) {
		const char *key = json_object_iter_key(at);
		const json_t *text = json_object_iter_value(at);
		if (!json_is_string(text)
			|| strlen(json_string_value(text)) != json_string_length(text))
			return cvt_fail(e, CVT_INPUT, "__metadata__ '%.60s' is no text", key);
		TRY(state_set_meta(d, key, json_string_value(text), e));
	}
	return CVT_OK;
}

/* All entries of the header, sorted by place; they must tile the data without gap or overlap. */
static int read_header(
	json_t *root, struct told *told, size_t *n, struct state_dict *d, struct cvt_err *e)
{
	*n = 0;
	for (void *at = json_object_iter(root); at; at = json_object_iter_next(root, at)) {
		const char *name = json_object_iter_key(at);
		if (strcmp(name, "__metadata__") == 0)
			TRY(read_meta(d, json_object_iter_value(at), e));
		else
			TRY(read_told(&told[(*n)++], name, json_object_iter_value(at), e));
	}
	qsort(told, *n, sizeof *told, by_place);
	uint64_t expected = 0;
	for (size_t i = 0; i < *n; i++) {
		if (told[i].begin != expected)
			return damaged("its data does not begin where the one before ends",
				told[i].name, e);
		expected = told[i].end;
	}
	return CVT_OK;
}

/* Reads in pieces, so that a header that lies about a size allocates no more than the file has. */
static int read_growing(struct input *in, unsigned char **bytes, size_t want, struct cvt_err *e)
{
	enum { PIECE = 1 << 24 };
	size_t have = 0, capacity = 0;
	void *p = NULL;
	*bytes = NULL;
	while (have < want) {
		size_t got;
		const size_t piece = want - have < PIECE ? want - have : PIECE;
		TRY(mem_grow(&p, &capacity, have + piece, 1, e));
		*bytes = p;
		TRY(input_read(in, *bytes + have, piece, &got, e));
		have += got;
		if (got < piece)
			return cvt_fail(e, CVT_INPUT,
				"the file ends at byte %" PRIu64 ", too early", input_offset(in));
	}
	return CVT_OK;
}

static int read_tensor(
	struct input *in, const struct told *t, struct state_dict *d, struct cvt_err *e)
{
	unsigned char *bytes = NULL;
	struct tensor *to;
	const size_t n = (size_t)(t->end - t->begin);
	int code = read_growing(in, &bytes, n, e);
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
	return CVT_OK;
}

static int read_json(struct input *in, json_t **root, struct cvt_err *e)
{
	unsigned char length[LENGTH];
	unsigned char *text;
	size_t got;
	uint64_t n = 0;
	TRY(input_read(in, length, LENGTH, &got, e));
	for (size_t i = 0; i < LENGTH && got == LENGTH; i++)
		n |= (uint64_t)length[i] << 8 * i;
	if (got < LENGTH || n < 2 || n > most_header)
		return cvt_fail(e, CVT_INPUT, "this is no safetensors file");
	int code = read_growing(in, &text, (size_t)n, e);
	if (code == CVT_OK)
		code = jsontext_parse(
			root, (const char *)text, (size_t)n, JSON_REJECT_DUPLICATES, e);
	if (code == CVT_INPUT || (code == CVT_OK && !json_is_object(*root)))
		code = *root ? cvt_fail(e, CVT_INPUT, "its header is no JSON object")
			     : cvt_fail_at(e, "its header is no JSON object");
	free(text);
	return code;
}

static int read_all(struct input *in, struct state_dict *d, struct cvt_err *e)
{
	json_t *root = NULL;
	size_t n = 0;
	int code = read_json(in, &root, e);
	struct told *told = NULL;
	if (code == CVT_OK) {
		told = mem_alloc(json_object_size(root), sizeof *told, e);
		code = told ? read_header(root, told, &n, d, e) : CVT_SYSTEM;
	}
	if (code == CVT_OK)
		code = read_tensors(in, told, n, d, e);
	free(told);
	json_decref(root);
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
