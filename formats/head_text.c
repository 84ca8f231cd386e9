/*
 * head_text: the text of a HEAD frame, `key value` lines (cv-stream.5), to struct head and back.
 * One table of keys; a line whose key it lacks is kept as it came.
 */
#include "head.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TEXT = 16 << 20, FREE_CLASSES = 65536, MOST_DEPTH = 1000 };

/* ---- reading ----------------------------------------------------------------------- */

/* What a line's parser may look at besides its value. */
struct line {
	char *key, *value; /* NUL-terminated; the value may be cut in place */
	size_t text_bytes; /* of the whole HEAD */
	bool has_format;
	unsigned seen; /* bit i: keys[i] was met */
};

/* Cuts the next word off *s; NULL at the end. */
static char *next_word(char **s)
{
	char *word = *s + strspn(*s, " \t");
	if (!*word)
		return NULL;
	char *end = word + strcspn(word, " \t");
	*s = end;
	if (*end) {
		*end = '\0';
		*s = end + 1;
	}
	return word;
}

static bool parse_u64(const char *text, uint64_t *to)
{
	char *end;
	errno = 0;
	const unsigned long long v = strtoull(text, &end, 10);
	*to = v;
	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

static int parse_number(const struct line *l, uint64_t *to, struct cvt_err *e)
{
	char shown[100];
	if (!parse_u64(l->value, to))
		return cvt_fail(e, CVT_INPUT, "%s '%s' is no whole number", l->key,
			mem_printable(shown, sizeof shown, l->value));
	return CVT_OK;
}

/* A count stays below 2^62, so that sums and products with small factors are safe. */
static int parse_count(const struct line *l, size_t *to, struct cvt_err *e)
{
	uint64_t v;
	TRY(parse_number(l, &v, e));
	if (v >> 62)
		return cvt_fail(e, CVT_INPUT, "%s is too large", l->key);
	*to = (size_t)v;
	return CVT_OK;
}

static int parse_rows(struct head *h, struct line *l, struct cvt_err *e)
{
	return parse_count(l, &h->rows, e);
}

static int parse_val(struct head *h, struct line *l, struct cvt_err *e)
{
	return parse_count(l, &h->val, e);
}

static int parse_epochs(struct head *h, struct line *l, struct cvt_err *e)
{
	return parse_count(l, &h->epochs, e);
}

static int parse_index(struct head *h, struct line *l, struct cvt_err *e)
{
	return parse_count(l, &h->index, e);
}

static int parse_draws(struct head *h, struct line *l, struct cvt_err *e)
{
	return parse_number(l, &h->draws, e);
}

static int parse_seed(struct head *h, struct line *l, struct cvt_err *e)
{
	h->has_seed = true;
	return parse_number(l, &h->seed, e);
}

static int parse_format(struct head *h, struct line *l, struct cvt_err *e)
{
	char shown[100];
	(void)h;
	l->has_format = strcmp(l->value, "cvt 1") == 0;
	if (!l->has_format)
		return cvt_fail(e, CVT_INPUT, "format '%s' is not known here, only 'cvt 1' is",
			mem_printable(shown, sizeof shown, l->value));
	return CVT_OK;
}

/* One word of DIMS: a number above 0, `*` (first only), or a word for a dimension that varies. */
static int parse_dim(struct head_field *f, const char *word, struct cvt_err *e)
{
	char shown[100];
	uint64_t v = 0;
	const bool letter = (*word >= 'A' && *word <= 'Z') || (*word >= 'a' && *word <= 'z');
	const bool number = parse_u64(word, &v), star = strcmp(word, "*") == 0 && f->ndim == 0;
	if (f->ndim == TENSOR_DIMS)
		return cvt_fail(e, CVT_INPUT,
			"field %s has too many dimensions; at most %d are allowed", f->name,
			TENSOR_DIMS);
	if (!star && !letter && (!number || v == 0 || v >= SIZE_MAX))
		return cvt_fail(e, CVT_INPUT, "field %s: '%s' is no dimension", f->name,
			mem_printable(shown, sizeof shown, word));
	if (star)
		f->flags |= FIELD_WHOLE;
	f->dims[f->ndim++] = number ? (size_t)v : HEAD_VARIES;
	return CVT_OK;
}

/* The known dimensions together fit a size. */
static int check_dims(const struct head_field *f, struct cvt_err *e)
{
	size_t bytes = dtype_size(f->dtype);
	for (int i = 0; i < f->ndim; i++)
		if (f->dims[i] != HEAD_VARIES && !mem_mul(bytes, f->dims[i], &bytes))
			return cvt_fail(e, CVT_INPUT,
				"field %s: a row of that shape does not fit in memory", f->name);
	return CVT_OK;
}

static int parse_field(struct head *h, struct line *l, struct cvt_err *e)
{
	char shown[100];
	char *rest = l->value;
	const char *name = next_word(&rest), *type = next_word(&rest);
	struct head_field f = {0};
	if (!name || !type || !field_name_ok(name))
		return cvt_fail(e, CVT_INPUT, "a field needs a name, a type and its dimensions");
	if (head_field(h, name))
		return cvt_fail(e, CVT_INPUT, "field %s stands there twice", name);
	if (!dtype_parse(type, &f.dtype))
		return cvt_fail(e, CVT_INPUT, "field %s: type '%s' is none of |u1 <i4 <i8 <f4",
			name, mem_printable(shown, sizeof shown, type));
	memcpy(f.name, name, strlen(name) + 1);
	for (const char *word; (word = next_word(&rest));)
		TRY(parse_dim(&f, word, e));
	TRY(check_dims(&f, e));
	return head_add_field(h, f.name, f.dtype, f.flags, f.ndim, f.dims, e);
}

/* `class K NAME` and `class.FIELD K NAME`. A sparse list may not cost more than a dense one. */
static int parse_class(struct head *h, struct line *l, struct cvt_err *e)
{
	const char *field = l->key[5] == '.' ? l->key + 6 : "label";
	char *name = l->value;
	const char *word = next_word(&name);
	uint64_t k = 0;
	if (!word || !*name || !parse_u64(word, &k) || !field_name_ok(field))
		return cvt_fail(e, CVT_INPUT, "a class needs a number and a name");
	if (k >= FREE_CLASSES && k >= l->text_bytes)
		return cvt_fail(e, CVT_INPUT, "class number %s is too large", word);
	const struct head_classes *c = head_classes(h, field);
	if (c && k < c->n && c->name[k])
		return cvt_fail(e, CVT_INPUT, "class %s of %s stands there twice", word, field);
	return head_set_class(h, field, (size_t)k, name, e);
}

static int parse_reals(const struct line *l, double *to, size_t *channels, struct cvt_err *e)
{
	size_t n = 0;
	for (const char *s = l->value; *s && n < 4; n++) {
		char *end;
		to[n] = strtod(s, &end);
		if (end == s || !(to[n] > -1e30 && to[n] < 1e30))
			break;
		s = end + strspn(end, " \t,");
		if (!*s) {
			*channels = n + 1;
			return CVT_OK;
		}
	}
	return cvt_fail(e, CVT_INPUT, "%s needs one to four numbers", l->key);
}

static int parse_moments(
	struct head *h, const struct line *l, double *to, unsigned other, struct cvt_err *e)
{
	size_t n = 0;
	TRY(parse_reals(l, to, &n, e));
	if ((l->seen & other) && n != h->channels)
		return cvt_fail(e, CVT_INPUT, "mean and std differ in the number of channels");
	h->channels = n;
	return CVT_OK;
}

static int parse_target(struct head *h, struct line *l, struct cvt_err *e)
{
	char *rest = l->value;
	const char *field = next_word(&rest), *loss = next_word(&rest);
	if (!field || !loss || next_word(&rest))
		return cvt_fail(e, CVT_INPUT, "a target needs a field and a loss");
	return head_add_target(h, field, loss, e);
}

static int add_prog_line(struct head *h, char *value, struct cvt_err *e)
{
	struct head one = {0};
	struct head_prog prog;
	uint64_t depth = 0;
	const char *word = next_word(&value);
	if (!word || !parse_u64(word, &depth) || depth > MOST_DEPTH || !*value)
		return cvt_fail(e, CVT_INPUT, "a prog line needs its depth, a name and a command");
	prog = (struct head_prog){(unsigned)depth, value};
	one.prog = &prog;
	one.nprogs = 1;
	return head_add_history(h, &one, 0, e);
}

static int parse_prog(struct head *h, struct line *l, struct cvt_err *e)
{
	return add_prog_line(h, l->value, e);
}

enum { SEEN_MEAN = 1, SEEN_STD = 2, ONCE = 4 };

static int parse_mean(struct head *h, struct line *l, struct cvt_err *e)
{
	return parse_moments(h, l, h->mean, SEEN_STD, e);
}

static int parse_std(struct head *h, struct line *l, struct cvt_err *e)
{
	return parse_moments(h, l, h->std, SEEN_MEAN, e);
}

static const struct key {
	const char *name;
	unsigned once; /* its bit in line.seen; 0 = any number of times */
	int (*parse)(struct head *h, struct line *l, struct cvt_err *e);
} keys[] = {
	{"mean", SEEN_MEAN, parse_mean},
	{"std", SEEN_STD, parse_std},
	{"format", ONCE << 0, parse_format},
	{"rows", ONCE << 1, parse_rows},
	{"val", ONCE << 2, parse_val},
	{"epochs", ONCE << 3, parse_epochs},
	{"index", ONCE << 4, parse_index},
	{"seed", ONCE << 5, parse_seed},
	{"draws", ONCE << 6, parse_draws},
	{"field", 0, parse_field},
	{"class", 0, parse_class},
	{"target", 0, parse_target},
	{"prog", 0, parse_prog},
};

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return strncmp(name, "class.", 6) == 0 ? find_key("class") : NULL;
}

/* One line, NUL-terminated, without its newline; it is cut up. */
static int parse_line(struct head *h, struct line *l, char *text, struct cvt_err *e)
{
	const size_t n = strlen(text), key_bytes = strcspn(text, " \t");
	const char tail = text[key_bytes];
	l->key = text;
	l->value = text + key_bytes + strspn(text + key_bytes, " \t");
	text[key_bytes] = '\0';
	const struct key *key = find_key(l->key);
	if (!key) {
		text[key_bytes] = tail;
		TRY(str_add(&h->other, text, n, e));
		return str_puts(&h->other, "\n", e);
	}
	if (key->once & l->seen)
		return cvt_fail(e, CVT_INPUT, "%s stands there twice", l->key);
	TRY(key->parse(h, l, e));
	l->seen |= key->once;
	return CVT_OK;
}

static int check(struct head *h, const struct line *l, struct cvt_err *e)
{
	if (!l->has_format)
		return cvt_fail(e, CVT_INPUT, "HEAD lacks the line 'format cvt 1'");
	const struct head_field *index = head_field(h, "index");
	if (index && (index->dtype != DT_I8 || index->ndim != 0 || (index->flags & FIELD_WHOLE)))
		return cvt_fail(e, CVT_INPUT, "HEAD: field index must be one <i8 a row");
	const unsigned moments = l->seen & (SEEN_MEAN | SEEN_STD);
	if (moments == SEEN_MEAN || moments == SEEN_STD)
		return cvt_fail(e, CVT_INPUT, "HEAD: mean and std come together");
	for (size_t c = 0; c < h->channels; c++)
		if (h->std[c] <= 0)
			return cvt_fail(e, CVT_INPUT, "HEAD: std must be above 0");
	if (h->rows != HEAD_UNKNOWN && h->val != HEAD_UNKNOWN && h->val > h->rows)
		return cvt_fail(
			e, CVT_INPUT, "HEAD: val %zu is more than rows %zu", h->val, h->rows);
	if (head_settle_ragged(h, e) != CVT_OK)
		return cvt_fail_at(e, "HEAD");
	for (size_t i = 0; i < h->nfields; i++)
		if (!head_has_rows(h, &h->field[i]))
			return cvt_fail(e, CVT_INPUT, "HEAD: field %s must have one entry a row",
				h->field[i].name);
	return CVT_OK;
}

static int parse_lines(struct head *h, struct line *l, char *text, struct cvt_err *e)
{
	size_t number = 1;
	for (char *s = text; *s; number++) {
		char *end = s + strcspn(s, "\n");
		const bool last = *end == '\0';
		*end = '\0';
		if (*s && parse_line(h, l, s, e) != CVT_OK)
			return cvt_fail_at(e, "HEAD line %zu", number);
		s = last ? end : end + 1;
	}
	return CVT_OK;
}

int head_parse(struct head *h, const char *text, size_t n, struct cvt_err *e)
{
	struct line l = {.text_bytes = n};
	head_init(h);
	if (n > MOST_TEXT)
		return cvt_fail(e, CVT_INPUT, "HEAD is larger than 16 MiB");
	if (n > 0 && memchr(text, '\0', n))
		return cvt_fail(e, CVT_INPUT, "HEAD is no text");
	struct str copy = {0};
	int code = str_add(&copy, text, n, e);
	if (code == CVT_OK)
		code = parse_lines(h, &l, copy.p, e);
	if (code == CVT_OK)
		code = check(h, &l, e);
	free(copy.p);
	if (code != CVT_OK)
		head_free(h);
	return code;
}

int head_parse_history(struct head *h, const char *text, size_t n, struct cvt_err *e)
{
	struct str copy = {0};
	TRY(str_add(&copy, text, n, e));
	int code = CVT_OK;
	for (char *s = copy.p; *s && code == CVT_OK;) {
		char *end = s + strcspn(s, "\n");
		const bool last = *end == '\0';
		*end = '\0';
		if (*s)
			code = add_prog_line(h, strncmp(s, "prog ", 5) == 0 ? s + 5 : s, e);
		s = last ? end : end + 1;
	}
	free(copy.p);
	return code;
}

/* ---- writing ----------------------------------------------------------------------- */

static int put_value(struct str *out, const char *text, struct cvt_err *e)
{
	TRY(str_text(out, text, strlen(text), true, e));
	return str_puts(out, "\n", e);
}

static int put_count(struct str *out, const char *key, size_t n, struct cvt_err *e)
{
	return n == HEAD_UNKNOWN ? CVT_OK : str_printf(out, e, "%s %zu\n", key, n);
}

static int put_field(struct str *out, const struct head_field *f, struct cvt_err *e)
{
	TRY(str_printf(out, e, "field %s %s", f->name, dtype_name(f->dtype)));
	for (int i = 0; i < f->ndim; i++)
		if (i == 0 && (f->flags & FIELD_WHOLE))
			TRY(str_puts(out, " *", e));
		else if (f->dims[i] == HEAD_VARIES)
			TRY(str_puts(out, f->dtype == DT_U1 ? " L" : " M", e));
		else
			TRY(str_printf(out, e, " %zu", f->dims[i]));
	return str_puts(out, "\n", e);
}

static int put_classes(struct str *out, const struct head_classes *c, struct cvt_err *e)
{
	const bool label = strcmp(c->field, "label") == 0;
	for (size_t k = 0; k < c->n; k++) {
		if (!c->name[k])
			continue;
		TRY(str_printf(
			out, e, "class%s%s %zu ", label ? "" : ".", label ? "" : c->field, k));
		TRY(put_value(out, c->name[k], e));
	}
	return CVT_OK;
}

/* The shortest of three texts that is read back as the same number. */
static int put_real(struct str *out, double v, struct cvt_err *e)
{
	char text[40];
	for (int digits = 6; digits <= 17; digits += digits == 6 ? 3 : 8) {
		(void)snprintf(text, sizeof text, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	return str_printf(out, e, " %s", text);
}

static int put_reals(struct str *out, const char *key, const double *v, size_t n, struct cvt_err *e)
{
	if (n == 0)
		return CVT_OK;
	TRY(str_puts(out, key, e));
	for (size_t i = 0; i < n; i++)
		TRY(put_real(out, v[i], e));
	return str_puts(out, "\n", e);
}

int head_format_history(const struct head *h, struct str *out, struct cvt_err *e)
{
	for (size_t i = 0; i < h->nprogs; i++) {
		TRY(str_printf(out, e, "prog %u ", h->prog[i].depth));
		TRY(put_value(out, h->prog[i].text, e));
	}
	return CVT_OK;
}

static int put_numbers(struct str *out, const struct head *h, struct cvt_err *e)
{
	TRY(put_count(out, "rows", h->rows, e));
	TRY(put_count(out, "val", h->val, e));
	TRY(put_count(out, "epochs", h->epochs, e));
	TRY(put_count(out, "index", h->index, e));
	if (h->has_seed)
		TRY(str_printf(out, e, "seed %llu\n", (unsigned long long)h->seed));
	if (h->draws)
		TRY(str_printf(out, e, "draws %llu\n", (unsigned long long)h->draws));
	TRY(put_reals(out, "mean", h->mean, h->channels, e));
	return put_reals(out, "std", h->std, h->channels, e);
}

int head_format(const struct head *h, struct str *out, struct cvt_err *e)
{
	TRY(str_puts(out, "format cvt 1\n", e));
	for (size_t i = 0; i < h->nfields; i++)
		TRY(put_field(out, &h->field[i], e));
	TRY(put_numbers(out, h, e));
	for (size_t i = 0; i < h->nclasses; i++)
		TRY(put_classes(out, &h->classes[i], e));
	for (size_t i = 0; i < h->ntargets; i++)
		TRY(str_printf(out, e, "target %s %s\n", h->target[i].field, h->target[i].loss));
	if (h->other.n)
		TRY(str_add(out, h->other.p, h->other.n, e));
	TRY(head_format_history(h, out, e));
	if (out->n > MOST_TEXT)
		return cvt_fail(e, CVT_INPUT,
			"HEAD would be larger than 16 MiB; leave out the history with "
			"--no-history");
	return CVT_OK;
}
