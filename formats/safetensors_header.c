/* safetensors_header: the header of a model file (see safetensors_header.h). */
#include "safetensors_header.h"

#include "jsontext.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- types ------------------------------------------------------------------------- */

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

/* ---- one tensor -------------------------------------------------------------------- */

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

static int read_told(struct told *t, const json_t *v, struct cvt_err *e)
{
	const json_t *offsets = json_object_get(v, "data_offsets");
	const char *name = t->name;
	size_t bytes;
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

/* ---- the header's members ---------------------------------------------------------- */

static int no_json(int code, struct cvt_err *e)
{
	return code == CVT_INPUT ? cvt_fail_at(e, "its header is no JSON object") : code;
}

/* A name or a text; the caller frees it. */
static int read_string(
	char **to, const struct jsontext_piece *piece, size_t most, struct cvt_err *e)
{
	json_t *v = NULL;
	if (piece->n > most)
		return cvt_fail(e, CVT_INPUT,
			"a name in its header is longer than %zu bytes; no model has such", most);
	TRY(no_json(jsontext_parse(&v, piece->text, piece->n, JSON_DECODE_ANY, e), e));
	*to = mem_strdup(json_string_value(v), e);
	json_decref(v);
	return *to ? CVT_OK : CVT_SYSTEM;
}

/* Takes the name. */
static int add_told(struct told_list *l, char *name, struct cvt_err *e)
{
	void *p = l->told;
	const int code = l->n < HEADER_NAMES
				 ? mem_grow(&p, &l->capacity, l->n + 1, sizeof *l->told, e)
				 : cvt_fail(e, CVT_INPUT,
					 "its header has more than %d tensors; no model has",
					 (int)HEADER_NAMES);
	if (code != CVT_OK) {
		free(name);
		return code;
	}
	l->told = p;
	l->told[l->n++] = (struct told){.name = name};
	return CVT_OK;
}

static int read_entry(
	struct told_list *l, char *name, const struct jsontext_piece *value, struct cvt_err *e)
{
	json_t *v = NULL;
	TRY(add_told(l, name, e));
	if (value->n > HEADER_ENTRY)
		return damaged("its entry is longer than any can be", name, e);
	TRY(no_json(jsontext_parse(
			    &v, value->text, value->n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, e),
		e));
	const int code = read_told(&l->told[l->n - 1], v, e);
	json_decref(v);
	return code;
}

static int read_pair(struct state_dict *d, const char *name, const struct jsontext_piece *value,
	struct cvt_err *e)
{
	char *text = NULL, shown[200];
	if (d->nmeta == HEADER_NAMES)
		return cvt_fail(e, CVT_INPUT,
			"its __metadata__ has more than %d keys; no model has", (int)HEADER_NAMES);
	if (*value->text != '"')
		return cvt_fail(e, CVT_INPUT, "__metadata__ '%s' is no text",
			mem_printable(shown, sizeof shown, name));
	TRY(read_string(&text, value, SIZE_MAX, e));
	const int code = state_add_meta(d, name, text, e);
	free(text);
	return code;
}

static int read_meta(struct state_dict *d, const struct jsontext_piece *object, struct cvt_err *e)
{
	struct jsontext_walk w;
	struct jsontext_piece key, value;
	bool more = true;
	if (*object->text != '{')
		return cvt_fail(e, CVT_INPUT, "__metadata__ is no object");
	TRY(no_json(jsontext_walk(&w, object->text, object->n, e), e));
	for (;;) {
		char *name;
		TRY(no_json(jsontext_member(&w, &key, &value, &more, e), e));
		if (!more)
			return CVT_OK;
		TRY(read_string(&name, &key, HEADER_ENTRY, e));
		const int code = read_pair(d, name, &value, e);
		free(name);
		TRY(code);
	}
}

static int read_members(
	const char *text, size_t n, struct told_list *l, struct state_dict *d, struct cvt_err *e)
{
	struct jsontext_walk w;
	struct jsontext_piece key, value;
	bool more = true, meta = false;
	TRY(no_json(jsontext_walk(&w, text, n, e), e));
	for (;;) {
		char *name;
		TRY(no_json(jsontext_member(&w, &key, &value, &more, e), e));
		if (!more)
			return CVT_OK;
		TRY(read_string(&name, &key, HEADER_ENTRY, e));
		if (strcmp(name, "__metadata__") != 0) {
			TRY(read_entry(l, name, &value, e));
			continue;
		}
		free(name);
		if (meta)
			return cvt_fail(e, CVT_INPUT, "its header has __metadata__ twice");
		meta = true;
		TRY(read_meta(d, &value, e));
	}
}

/* ---- the whole --------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const struct told *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static int twice(const char *name, struct cvt_err *e)
{
	char shown[200];
	return cvt_fail(e, CVT_INPUT, "its header has '%s' twice",
		mem_printable(shown, sizeof shown, name));
}

static int refuse_equal_keys(struct state_dict *d, struct cvt_err *e)
{
	const struct state_names *keys = &d->meta_sorted;
	TRY(state_sort(d, e));
	for (size_t i = 1; i < keys->n; i++)
		if (strcmp(keys->by_name[i - 1].name, keys->by_name[i].name) == 0)
			return twice(keys->by_name[i].name, e);
	return CVT_OK;
}

/* No name twice, and the tensors tile the data without gap or overlap. */
static int check_told(struct told_list *l, struct cvt_err *e)
{
	if (l->n)
		qsort(l->told, l->n, sizeof *l->told, by_name);
	for (size_t i = 1; i < l->n; i++)
		if (strcmp(l->told[i - 1].name, l->told[i].name) == 0)
			return twice(l->told[i].name, e);
	if (l->n)
		qsort(l->told, l->n, sizeof *l->told, by_place);
	uint64_t expected = 0;
	for (size_t i = 0; i < l->n; i++) {
		if (l->told[i].begin != expected)
			return damaged("its data does not begin where the one before ends",
				l->told[i].name, e);
		expected = l->told[i].end;
	}
	return CVT_OK;
}

int safetensors_bytes(struct input *in, unsigned char **bytes, size_t want, struct cvt_err *e)
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

static int read_length(struct input *in, size_t *n, struct cvt_err *e)
{
	unsigned char bytes[HEADER_LENGTH];
	size_t got;
	uint64_t v = 0;
	TRY(input_read(in, bytes, sizeof bytes, &got, e));
	for (size_t i = 0; i < sizeof bytes && got == sizeof bytes; i++)
		v |= (uint64_t)bytes[i] << 8 * i;
	if (got < sizeof bytes || v < 2 || v > 100u << 20) /* what the reference reader takes */
		return cvt_fail(e, CVT_INPUT, "this is no safetensors file");
	if (v > HEADER_BYTES)
		return cvt_fail(e, CVT_INPUT,
			"its header takes more than %d MiB; the file is damaged or no model",
			HEADER_BYTES >> 20);
	*n = (size_t)v;
	return CVT_OK;
}

static int read_json(struct input *in, struct told_list *l, struct state_dict *d, struct cvt_err *e)
{
	unsigned char *text = NULL;
	size_t n = 0;
	TRY(read_length(in, &n, e));
	int code = safetensors_bytes(in, &text, n, e);
	if (code == CVT_OK)
		code = read_members((const char *)text, n, l, d, e);
	free(text);
	return code;
}

int safetensors_header(
	struct input *in, struct told_list *l, struct state_dict *d, struct cvt_err *e)
{
	TRY(read_json(in, l, d, e));
	TRY(refuse_equal_keys(d, e));
	return check_told(l, e);
}

void safetensors_header_free(struct told_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->told[i].name);
	free(l->told);
	*l = (struct told_list){0};
}
