/* relabel: class numbers in another list (see relabel.h). */
#include "relabel.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IGNORED = 255 }; /* of the pixels of a mask */

/* How a field speaks of classes: by their numbers, by a column for each, by boxes that begin with
 * the number, or otherwise (then its list cannot change). */
enum way { WAY_NUMBERS, WAY_COLUMNS, WAY_BOXES, WAY_OTHER };

struct relabel_field {
	char name[FIELD_NAME];
	enum way way;
	int32_t *to;    /* class k is to[k]; NULL = k */
	size_t n;       /* of them */
	size_t columns; /* there will be; 0 = no columns */
};

/* ---- which list -------------------------------------------------------------------- */

/* The name without the number of a view. */
static void base_of(const char *name, char base[FIELD_NAME])
{
	size_t n = strlen(name), digits = 0;
	while (digits < n && isdigit((unsigned char)name[n - 1 - digits]))
		digits++;
	if (digits > 0 && digits + 1 < n && name[n - 1 - digits] == '.')
		n -= digits + 1;
	(void)snprintf(base, FIELD_NAME, "%.*s", (int)n, name);
}

/* What stands behind `prediction`, `logits` or `probs`: ".FIELD" or nothing. NULL = no answer. */
static const char *answer_of(const char *base)
{
	static const char *const answers[] = {"prediction", "logits", "probs"};
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		const size_t n = strlen(answers[i]);
		if (strncmp(base, answers[i], n) == 0 && (base[n] == '\0' || base[n] == '.'))
			return base + n;
	}
	return NULL;
}

const struct head_classes *relabel_list(const struct head *h, const struct head_field *f)
{
	const struct head_classes *own = head_classes(h, f->name);
	char base[FIELD_NAME];
	base_of(f->name, base);
	if (!own)
		own = head_classes(h, base);
	if (own || strcmp(base, "proposals") == 0)
		return own;
	const struct head_classes *boxes = head_classes(h, "boxes");
	if (field_is_boxes(base))
		return boxes ? boxes : head_classes(h, "label");
	const char *of = answer_of(base);
	if (!of || *of)
		return of ? head_classes(h, of + 1) : NULL;
	const bool dense = f->ndim > (f->dtype == DT_F4 ? 1 : 0);
	return head_classes(h, dense ? "mask" : "label");
}

static enum way way_of(const struct head_field *f)
{
	char base[FIELD_NAME];
	base_of(f->name, base);
	if (field_is_boxes(base))
		return f->dtype == DT_F4 && f->ndim == 2 && f->dims[1] > 0 ? WAY_BOXES : WAY_OTHER;
	if (f->dtype != DT_F4)
		return WAY_NUMBERS;
	const bool named = strcmp(base, "label") == 0 || answer_of(base);
	return named && (f->ndim == 1 || f->ndim == 3) && !(f->flags & FIELD_WHOLE) ? WAY_COLUMNS
										    : WAY_OTHER;
}

/* ---- two lists --------------------------------------------------------------------- */

static bool is_equal(const struct head_classes *a, const struct head_classes *b)
{
	bool same = a->n == b->n;
	for (size_t k = 0; same && k < a->n; k++)
		same = a->name[k] && b->name[k] ? strcmp(a->name[k], b->name[k]) == 0
						: a->name[k] == b->name[k];
	return same;
}

/* Names that are the numbers: two such lists differ in length only. */
static bool is_numbered(const struct head_classes *c)
{
	char number[24];
	for (size_t k = 0; k < c->n; k++) {
		(void)snprintf(number, sizeof number, "%zu", k);
		if (!c->name[k] || strcmp(c->name[k], number) != 0)
			return false;
	}
	return true;
}

bool relabel_by_number(const struct head_classes *a, const struct head_classes *b, bool by_number)
{
	return by_number || is_equal(a, b) || (is_numbered(a) && is_numbered(b));
}

static bool can_grow(const struct head_field *f)
{
	return way_of(f) == WAY_COLUMNS && strncmp(f->name, "logits", 6) != 0;
}

static size_t columns_of(const struct head_field *f)
{
	return f->dims[f->ndim - 1];
}

size_t relabel_columns(const struct head *to, const struct head_field *t, const struct head *from,
	const struct head_field *f, bool by_number)
{
	const struct head_classes *a = relabel_list(from, f), *b = relabel_list(to, t);
	if (!a || !b || !can_grow(f) || !can_grow(t) || columns_of(f) == HEAD_VARIES
		|| columns_of(t) == HEAD_VARIES)
		return 0;
	size_t n = columns_of(t) > columns_of(f) ? columns_of(t) : columns_of(f);
	if (!relabel_by_number(a, b, by_number) && b->n > n)
		n = b->n;
	return n;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char **sorted_names(const struct head_classes *c, size_t *n, struct cvt_err *e)
{
	const char **name = mem_alloc(c ? c->n : 0, sizeof *name, e);
	*n = 0;
	for (size_t k = 0; name && c && k < c->n; k++)
		if (c->name[k])
			name[(*n)++] = c->name[k];
	if (name)
		qsort(name, *n, sizeof *name, compare_texts);
	return name;
}

static bool is_named(const char **sorted, size_t n, const char *name)
{
	return n > 0 && bsearch(&name, sorted, n, sizeof *sorted, compare_texts);
}

int relabel_grow(
	struct head *h, const char *field, const struct head_classes *from, struct cvt_err *e)
{
	const struct head_classes *have = head_classes(h, field);
	const size_t first = have ? have->n : 0;
	size_t ours, theirs;
	char number[24];
	if (first >= from->n)
		return CVT_OK;
	const char **a = sorted_names(have, &ours, e), **b = sorted_names(from, &theirs, e);
	int code = a && b ? CVT_OK : CVT_SYSTEM;
	for (size_t k = first; k < from->n && code == CVT_OK; k++) {
		const char *name = from->name[k];
		(void)snprintf(number, sizeof number, "%zu", k);
		if (name && is_named(a, ours, name)) {
			name = number;
			if (is_named(a, ours, name) || is_named(b, theirs, name))
				code = cvt_fail(e, CVT_INPUT,
					"class %zu of %s has a name that is another's in the first "
					"list; give both the same names",
					k, field);
		}
		if (name && code == CVT_OK)
			code = head_set_class(h, field, k, name, e);
	}
	free(a);
	free(b);
	return code;
}

/* ---- opening ----------------------------------------------------------------------- */

static int cannot(const struct head_field *f, const char *why, struct cvt_err *e)
{
	return cvt_fail(e, CVT_INPUT,
		"its field %s cannot be put into the order of the other classes: %s; leave it out "
		"first: cv-read --drop %s",
		f->name, why, f->name);
}

static int check_columns(
	const struct head_field *f, const struct relabel_field *r, struct cvt_err *e)
{
	if (columns_of(f) != r->n)
		return cannot(f, "it has not as many columns as its classes have names", e);
	for (size_t k = 0; k < r->n; k++)
		if (r->to[k] >= 0 ? (size_t)r->to[k] >= r->columns : !can_grow(f))
			return cannot(f, "there is no column for each", e);
	return can_grow(f) || r->n == r->columns ? CVT_OK : cannot(f, "there are more of them", e);
}

static int check_map(const struct head_field *f, const struct relabel_field *r, struct cvt_err *e)
{
	if (r->way == WAY_OTHER)
		return cannot(f, "it is not known where it has them", e);
	if (r->way == WAY_COLUMNS)
		return check_columns(f, r, e);
	for (size_t k = 0; f->dtype == DT_U1 && k < r->n; k++)
		if (r->to[k] >= IGNORED)
			return cannot(f, "a byte has no room for their numbers", e);
	return CVT_OK;
}

static int add_field(struct relabel *r, const struct head_field *f, const struct relabel_field *new,
	struct cvt_err *e)
{
	void *p = r->field;
	const int code = mem_grow(&p, &r->capacity, r->n + 1, sizeof *r->field, e);
	if (code != CVT_OK) {
		free(new->to);
		return code;
	}
	r->field = p;
	r->field[r->n] = *new;
	memcpy(r->field[r->n++].name, f->name, sizeof f->name);
	return CVT_OK;
}

int relabel_open(struct relabel *r, const struct head *from, const struct head *to, bool by_number,
	struct cvt_err *e)
{
	*r = (struct relabel){0};
	for (size_t i = 0; i < from->nfields; i++) {
		const struct head_field *f = &from->field[i], *t = head_field(to, f->name);
		if (!t)
			continue;
		const struct head_classes *a = relabel_list(from, f), *b = relabel_list(to, t);
		struct relabel_field new = {.way = way_of(f)};
		new.columns = new.way == WAY_COLUMNS && t->ndim == f->ndim ? columns_of(t) : 0;
		if (a && b && !relabel_by_number(a, b, by_number)) {
			new.n = a->n;
			TRY(head_match_classes(a, b, &new.to, e));
		}
		if (!new.to && (!new.columns || new.columns == columns_of(f)))
			continue;
		TRY(add_field(r, f, &new, e));
		if (new.to)
			TRY(check_map(f, &new, e));
	}
	return CVT_OK;
}

void relabel_close(struct relabel *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->field[i].to);
	free(r->field);
	*r = (struct relabel){0};
}

/* ---- rows -------------------------------------------------------------------------- */

/* The class k of `f` in the other list; below 0 when it has no name there. */
static int32_t number_of(const struct relabel_field *f, int64_t k)
{
	return k >= 0 && (uint64_t)k < f->n ? f->to[k] : -1;
}

static void turn_numbers(const struct relabel_field *f, struct tensor *t)
{
	const size_t n = tensor_items(t);
	int32_t *four = t->data;
	int64_t *eight = t->data;
	unsigned char *byte = t->data;
	for (size_t i = 0; i < n; i++)
		if (t->dtype == DT_I4)
			four[i] = number_of(f, four[i]);
		else if (t->dtype == DT_I8)
			eight[i] = number_of(f, eight[i]);
		else {
			const int32_t k = number_of(f, byte[i]);
			byte[i] = k < 0 ? IGNORED : (unsigned char)k;
		}
}

static int turn_boxes(const struct relabel_field *f, struct tensor *t, struct cvt_err *e)
{
	const size_t entry = t->dims[2], n = tensor_items(t) / entry;
	float *box = t->data;
	for (size_t i = 0; i < n; i++, box += entry) {
		if (box[0] == -1)
			continue;
		const int32_t k = box[0] >= 0 && box[0] < (float)f->n ? f->to[(size_t)box[0]] : -1;
		if (k < 0)
			return cvt_fail(e, CVT_INPUT,
				"%s: a box has class %g, which has no name to be matched by; name "
				"it, "
				"or match by number with --classes-by-number",
				f->name, (double)box[0]);
		box[0] = (float)k;
	}
	return CVT_OK;
}

int relabel_shares(const int32_t *to, size_t n, size_t columns, const struct tensor *t,
	struct tensor *made, struct cvt_err *e)
{
	const size_t have = t->dims[t->ndim - 1], rows = have ? tensor_items(t) / have : 0;
	size_t dims[TENSOR_DIMS];
	memcpy(dims, t->dims, sizeof dims);
	dims[t->ndim - 1] = columns;
	TRY(tensor_shape(made, DT_F4, t->ndim, dims, e));
	if (made->bytes)
		memset(made->data, 0, made->bytes);
	const float *from = t->data;
	float *share = made->data;
	for (size_t i = 0; i < rows; i++, from += have, share += columns)
		for (size_t k = 0; k < have; k++) {
			const int64_t at = !to ? (int64_t)k : k < n ? to[k] : -1;
			if (at >= 0 && (size_t)at < columns)
				share[at] = from[k];
		}
	return CVT_OK;
}

static int turn_columns(const struct relabel_field *f, struct tensor *t, struct cvt_err *e)
{
	struct tensor made = {0};
	TRY(relabel_shares(f->to, f->n, f->columns, t, &made, e));
	tensor_free(t);
	*t = made;
	return CVT_OK;
}

int relabel_rows(const struct relabel *r, struct batch *b, struct cvt_err *e)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct relabel_field *f = &r->field[i];
		struct tensor *t = batch_get(b, f->name);
		if (!t || !t->ndim)
			continue;
		if (f->way == WAY_COLUMNS)
			TRY(turn_columns(f, t, e));
		else if (f->way == WAY_BOXES)
			TRY(turn_boxes(f, t, e));
		else
			turn_numbers(f, t);
	}
	return CVT_OK;
}

void relabel_numbers(const struct relabel *r, const char *field, int32_t *number, size_t n)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < n && strcmp(r->field[i].name, field) == 0; k++)
			number[k] = number_of(&r->field[i], number[k]);
}
