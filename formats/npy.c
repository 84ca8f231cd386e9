/*
 * npy: numpy's array files as data sets, and their header for those who write them (see npy.h).
 *
 * Rows are the first dimension. Whole numbers of one dimension are `label`; u1 (N,H,W) and
 * (N,H,W,C) are `image`, f4 (N,H,W,C) too; (N,D) of real numbers is `embedding`; all else is
 * `data`. Types that the stream does not have go to the next wider one that it has (f8 to f4).
 */
#include "npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset.h"

enum { HEADER_BYTES = 65536, MAGIC = 6, LABELS_AT_MOST = 65536 };

enum kind { KIND_UNSIGNED, KIND_SIGNED, KIND_REAL };

struct npy {
	struct input *in;
	uint64_t data;
	enum kind kind;
	size_t item; /* bytes of one in the file */
	bool big;
	int ndim;
	size_t dims[TENSOR_DIMS], row_items;
	enum dtype dtype;
	char field[FIELD_NAME];
	unsigned char *raw; /* a row as it lies in the file */
};

int npy_header(struct str *out, enum dtype dtype, int ndim, const size_t *dims, struct cvt_err *e)
{
	struct str text = {0};
	int code = str_printf(
		&text, e, "{'descr': '%s', 'fortran_order': False, 'shape': (", dtype_name(dtype));
	for (int i = 0; i < ndim && code == CVT_OK; i++)
		code = str_printf(&text, e, "%zu%s", dims[i],
			i + 1 < ndim ? ", "
			: ndim == 1  ? ","
				     : "");
	if (code == CVT_OK)
		code = str_puts(&text, "), }", e);
	const size_t padding = 63 - (10 + text.n) % 64, n = text.n + padding + 1;
	const unsigned char start[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0,
		(unsigned char)(n & 255), (unsigned char)(n >> 8)};
	if (code == CVT_OK)
		code = str_add(out, start, sizeof start, e);
	if (code == CVT_OK)
		code = str_printf(out, e, "%s%*s\n", text.p, (int)padding, "");
	free(text.p);
	return code;
}

/* ---- the header's line of Python --------------------------------------------------- */

/* What follows 'KEY': in the line, NULL when it is not there. */
static const char *value_of(const char *line, const char *key)
{
	char quoted[32];
	(void)snprintf(quoted, sizeof quoted, "'%s':", key);
	const char *s = strstr(line, quoted);
	return s ? s + strlen(quoted) + strspn(s + strlen(quoted), " ") : NULL;
}

static bool parse_descr(struct npy *x, const char *s)
{
	if (!s || s[0] != '\'' || !strchr("|<>=", s[1]) || !s[1])
		return false;
	const char *kinds = "uifb", *kind = s[2] ? strchr(kinds, s[2]) : NULL;
	x->big = s[1] == '>';
	x->item = s[3] >= '1' && s[3] <= '8' ? (size_t)(s[3] - '0') : 0;
	if (!kind || s[4] != '\'' || (x->item & (x->item - 1)) || x->item == 0)
		return false;
	x->kind = *kind == 'f' ? KIND_REAL : *kind == 'i' ? KIND_SIGNED : KIND_UNSIGNED;
	return x->kind != KIND_REAL || x->item >= 2;
}

static bool parse_shape(struct npy *x, const char *s)
{
	if (!s || *s++ != '(')
		return false;
	for (x->ndim = 0; *s && *s != ')'; x->ndim++) {
		char *end;
		if (x->ndim == TENSOR_DIMS || *s < '0' || *s > '9')
			return false;
		const unsigned long long v = strtoull(s, &end, 10);
		if (v > SIZE_MAX / 2)
			return false;
		x->dims[x->ndim] = (size_t)v;
		s = end + strspn(end, ", ");
	}
	return *s == ')' && x->ndim >= 1;
}

static int parse_line(struct npy *x, const char *line, struct cvt_err *e)
{
	const char *order = value_of(line, "fortran_order");
	const char *name = input_name(x->in);
	if (!parse_descr(x, value_of(line, "descr")))
		return cvt_fail(e, CVT_INPUT,
			"%s: holds items of a type that we do not read; make it "
			"uint8, int32, int64 or float32",
			name);
	if (!order || strncmp(order, "False", 5) != 0)
		return cvt_fail(e, CVT_INPUT,
			"%s: lies in Fortran order; save numpy.ascontiguousarray(x)", name);
	if (!parse_shape(x, value_of(line, "shape")))
		return cvt_fail(e, CVT_INPUT, "%s: has no rows, or more than %d dimensions", name,
			TENSOR_DIMS);
	return CVT_OK;
}

static int parse_header(struct npy *x, struct cvt_err *e)
{
	unsigned char start[12];
	TRY(input_pread(x->in, start, 10, 0, e));
	const size_t wide = start[6] == 1 ? 2 : 4;
	TRY(input_pread(x->in, start, 8 + wide, 0, e));
	size_t n = 0;
	for (size_t i = wide; i-- > 0;)
		n = n << 8 | start[8 + i];
	if (start[6] < 1 || start[6] > 3 || n >= HEADER_BYTES)
		return cvt_fail(e, CVT_INPUT, "%s: its header is of an unknown version or too long",
			input_name(x->in));
	char *line = mem_alloc(n + 1, 1, e);
	if (!line)
		return CVT_SYSTEM;
	x->data = 8 + wide + n;
	int code = input_pread(x->in, line, n, 8 + wide, e);
	if (code == CVT_OK)
		code = parse_line(x, line, e);
	free(line);
	return code;
}

/* ---- what it is -------------------------------------------------------------------- */

static enum dtype dtype_of(const struct npy *x)
{
	if (x->kind == KIND_REAL)
		return DT_F4;
	if (x->item == 1 && x->kind == KIND_UNSIGNED)
		return x->ndim == 1 ? DT_I4 : DT_U1;
	return x->item < 4 || (x->item == 4 && x->kind == KIND_SIGNED) || x->ndim == 1 ? DT_I4
										       : DT_I8;
}

static int check_size(struct npy *x, struct cvt_err *e)
{
	size_t items, bytes, row;
	x->row_items = 1;
	TRY(tensor_count(x->ndim, x->dims, &items, e));
	TRY(tensor_count(x->ndim - 1, x->dims + 1, &x->row_items, e));
	if (!mem_mul(items, x->item, &bytes) || !mem_add(bytes, (size_t)x->data, &bytes)
		|| bytes != input_size(x->in) || !mem_mul(x->row_items, 8, &row))
		return cvt_fail(e, CVT_INPUT,
			"%s: has %zu bytes, and its header promises other; is it cut?",
			input_name(x->in), input_size(x->in));
	return CVT_OK;
}

static int describe(struct dataset *d, struct npy *x, struct cvt_err *e)
{
	size_t dims[TENSOR_DIMS];
	int n = x->ndim - 1;
	memcpy(dims, x->dims + 1, sizeof dims - sizeof *dims);
	x->dtype = dtype_of(x);
	const bool last = n == 3 && (dims[2] == 1 || dims[2] == 3);
	const char *name = "data";
	if (n == 0 && x->kind != KIND_REAL)
		name = "label";
	else if (n == 1 && x->kind == KIND_REAL)
		name = "embedding";
	else if ((x->dtype == DT_U1 && (n == 2 || last)) || (x->dtype == DT_F4 && last))
		name = "image";
	if (strcmp(name, "image") == 0 && n == 2)
		dims[n++] = 1;
	(void)snprintf(x->field, sizeof x->field, "%s", name);
	d->rows = x->dims[0];
	TRY(head_add_field(&d->head, name, x->dtype, 0, n, dims, e));
	return dataset_add_number(d, "index", DT_I8, e);
}

/* ---- items ------------------------------------------------------------------------- */

static float half_to_float(unsigned h)
{
	const unsigned sign = (h & 0x8000u) << 16, mantissa = h & 0x3ffu;
	const unsigned power = h >> 10 & 31u;
	uint32_t bits;
	float f;
	if (power == 31)
		bits = sign | 0x7f800000u | mantissa << 13;
	else if (power > 0)
		bits = sign | (power + 112) << 23 | mantissa << 13;
	else {
		f = (float)mantissa * 0x1p-24f;
		return sign ? -f : f;
	}
	memcpy(&f, &bits, sizeof f);
	return f;
}

/* The item's bits as a number, sign and all, low byte first. */
static uint64_t bits_of(const struct npy *x, const unsigned char *p)
{
	uint64_t v = 0;
	for (size_t i = 0; i < x->item; i++)
		v = v << 8 | p[x->big ? i : x->item - 1 - i];
	const uint64_t sign = x->item ? (uint64_t)1 << (8 * x->item - 1) : 0;
	return x->kind == KIND_SIGNED ? (v ^ sign) - sign : v; /* two's complement, widened */
}

static float real_of(const struct npy *x, uint64_t v)
{
	const uint32_t low = (uint32_t)v;
	float f;
	double d;
	if (x->item == 2)
		return half_to_float((unsigned)v);
	memcpy(&f, &low, sizeof f);
	memcpy(&d, &v, sizeof d);
	return x->item == 4 ? f : (float)d;
}

static int convert(const struct npy *x, size_t row, unsigned char *to, struct cvt_err *e)
{
	const size_t size = dtype_size(x->dtype);
	for (size_t i = 0; i < x->row_items; i++, to += size) {
		const uint64_t v = bits_of(x, x->raw + i * x->item);
		const int64_t whole = (int64_t)v;
		const int32_t narrow = (int32_t)whole;
		const float real = x->kind == KIND_REAL ? real_of(x, v) : 0;
		if (x->dtype == DT_I4 && narrow != whole)
			return cvt_fail(e, CVT_INPUT, "%s: row %zu: a number does not fit 32 bits",
				input_name(x->in), row);
		if (x->dtype == DT_F4)
			memcpy(to, &real, size);
		else if (x->dtype == DT_I4)
			memcpy(to, &narrow, size);
		else
			memcpy(to, &whole, size); /* bytes lie as they are wanted: is_straight */
	}
	return CVT_OK;
}

/* Items that lie in the file as in memory. */
static bool is_straight(const struct npy *x)
{
	return x->item == dtype_size(x->dtype) && (!x->big || x->item == 1)
	       && (x->kind == KIND_REAL) == (x->dtype == DT_F4);
}

static int read_row(const struct npy *x, size_t row, unsigned char *to, struct cvt_err *e)
{
	const size_t bytes = x->row_items * x->item;
	TRY(input_pread(x->in, x->raw, bytes, x->data + (uint64_t)row * bytes, e));
	return convert(x, row, to, e);
}

static int npy_read(
	struct dataset *d, const size_t *pick, size_t n, struct batch *out, struct cvt_err *e)
{
	const struct npy *x = d->state;
	TRY(dataset_start(d, pick, n, out, e));
	const struct tensor *t = batch_get(out, x->field);
	const size_t row = tensor_row_bytes(t);
	unsigned char *to = t->data;
	for (size_t i = 0, run; i < n; i += run, to += run * row) {
		run = 1;
		if (!is_straight(x)) {
			TRY(read_row(x, pick[i], to, e));
			continue;
		}
		while (i + run < n && pick[i + run] == pick[i + run - 1] + 1)
			run++;
		TRY(input_pread(x->in, to, run * row, x->data + (uint64_t)pick[i] * row, e));
	}
	return CVT_OK;
}

/* ---- the format -------------------------------------------------------------------- */

static int name_labels(struct dataset *d, struct cvt_err *e)
{
	const struct npy *x = d->state;
	int32_t v = 0, most = -1;
	for (size_t i = 0; i < d->rows; i++) {
		TRY(read_row(x, i, (unsigned char *)&v, e));
		most = v > most ? v : most;
	}
	if (most < 0 || most >= LABELS_AT_MOST)
		return CVT_OK;
	return dataset_name_classes(d, "label", (size_t)most + 1, NULL, 0, e);
}

static int npy_open(
	struct dataset *d, struct input *in, const struct dataset_options *o, struct cvt_err *e)
{
	struct npy *x = mem_alloc(1, sizeof *x, e);
	size_t chosen;
	d->state = x;
	if (!x) {
		input_close(in);
		return CVT_SYSTEM;
	}
	x->in = in;
	TRY(dataset_choose_split(input_name(in), NULL, 0, o, &chosen, e));
	TRY(input_hold(in, o->max_memory, e));
	d->held = input_held(in);
	TRY(parse_header(x, e));
	TRY(check_size(x, e));
	TRY(describe(d, x, e));
	TRY(dataset_check_row(d, o->max_memory, e));
	x->raw = mem_alloc(is_straight(x) ? 1 : x->row_items, x->item, e);
	if (!x->raw)
		return CVT_SYSTEM;
	return strcmp(x->field, "label") == 0 ? name_labels(d, e) : CVT_OK;
}

static void npy_close(struct dataset *d)
{
	struct npy *x = d->state;
	input_close(x->in);
	free(x->raw);
	free(x);
}

static int npy_probe(struct input *in, const unsigned char *start, size_t n)
{
	(void)in;
	return n >= MAGIC && memcmp(start, "\x93NUMPY", MAGIC) == 0 ? 2 : 0;
}

const struct format format_npy = {
	.name = "npy",
	.help = "numpy arrays; rows are the first dimension",
	.probe = npy_probe,
	.open = npy_open,
	.read = npy_read,
	.close = npy_close,
};
