/*
 * head: what stands in the HEAD frame of a stream, in memory: fields, class names, history (see
 * head.h). Its text is head_text.c.
 */
#include "head.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Far above what anybody needs, and low enough that searching lists one by one stays quick. */
enum { MOST_CLASSES = 1 << 24, MOST_FIELDS = 1024 };

void head_init(struct head *h)
{
	*h = (struct head){.rows = HEAD_UNKNOWN,
		.val = HEAD_UNKNOWN,
		.epochs = HEAD_UNKNOWN,
		.index = HEAD_UNKNOWN};
}

void head_free(struct head *h)
{
	for (size_t i = 0; i < h->nclasses; i++) {
		for (size_t k = 0; k < h->classes[i].n; k++)
			free(h->classes[i].name[k]);
		free(h->classes[i].name);
	}
	for (size_t i = 0; i < h->nprogs; i++)
		free(h->prog[i].text);
	free(h->field);
	free(h->classes);
	free(h->target);
	free(h->prog);
	free(h->other.p);
	head_init(h);
}

static int copy_classes(struct head *to, const struct head *from, struct cvt_err *e)
{
	for (size_t i = 0; i < from->nclasses; i++) {
		const struct head_classes *c = &from->classes[i];
		for (size_t k = 0; k < c->n; k++)
			if (c->name[k])
				TRY(head_set_class(to, c->field, k, c->name[k], e));
	}
	return CVT_OK;
}

static int copy_lists(struct head *to, const struct head *from, struct cvt_err *e)
{
	for (size_t i = 0; i < from->nfields; i++) {
		const struct head_field *f = &from->field[i];
		TRY(head_add_field(to, f->name, f->dtype, f->flags, f->ndim, f->dims, e));
	}
	TRY(copy_classes(to, from, e));
	for (size_t i = 0; i < from->ntargets; i++)
		TRY(head_add_target(to, from->target[i].field, from->target[i].loss, e));
	TRY(head_add_history(to, from, 0, e));
	return from->other.n ? str_add(&to->other, from->other.p, from->other.n, e) : CVT_OK;
}

int head_copy(struct head *to, const struct head *from, struct cvt_err *e)
{
	*to = *from;
	to->field = NULL;
	to->classes = NULL;
	to->target = NULL;
	to->prog = NULL;
	to->other = (struct str){0};
	to->nfields = to->nclasses = to->ntargets = to->nprogs = 0;
	to->fields_capacity = to->classes_capacity = to->targets_capacity = to->progs_capacity = 0;
	const int code = copy_lists(to, from, e);
	if (code != CVT_OK)
		head_free(to);
	return code;
}

/* ---- fields ------------------------------------------------------------------------ */

struct head_field *head_field(const struct head *h, const char *name)
{
	for (size_t i = 0; i < h->nfields; i++)
		if (strcmp(h->field[i].name, name) == 0)
			return &h->field[i];
	return NULL;
}

int head_add_field(struct head *h, const char *name, enum dtype dtype, unsigned flags, int ndim,
	const size_t *row_dims, struct cvt_err *e)
{
	char shown[200];
	if (!field_name_ok(name))
		return cvt_fail(e, CVT_INPUT,
			"'%s' is no field name; use at most 47 of a-z 0-9 _ and .",
			mem_printable(shown, sizeof shown, name));
	if (ndim < 0 || ndim + ((flags & FIELD_WHOLE) ? 0 : 1) > TENSOR_DIMS)
		return cvt_fail(e, CVT_INPUT,
			"field %s has too many dimensions; at most %d are allowed", name,
			TENSOR_DIMS);
	struct head_field *f = head_field(h, name);
	if (!f && h->nfields == MOST_FIELDS)
		return cvt_fail(e, CVT_INPUT, "more than %d fields", MOST_FIELDS);
	if (!f) {
		void *p = h->field;
		TRY(mem_grow(&p, &h->fields_capacity, h->nfields + 1, sizeof *h->field, e));
		h->field = p;
		f = &h->field[h->nfields++];
	}
	const struct head_field new = {.dtype = dtype, .flags = flags, .ndim = ndim};
	*f = new;
	memcpy(f->name, name, strlen(name) + 1);
	if (ndim > 0)
		memcpy(f->dims, row_dims, (size_t)ndim * sizeof *row_dims);
	if (flags & FIELD_WHOLE)
		f->dims[0] = HEAD_VARIES;
	return CVT_OK;
}

void head_remove_field(struct head *h, const char *name)
{
	struct head_field *f = head_field(h, name);
	if (!f)
		return;
	const size_t at = (size_t)(f - h->field);
	memmove(f, f + 1, (--h->nfields - at) * sizeof *f);
}

/* Is name `base`, or a view of it: "base.7"? */
static bool is_or_view_of(const char *name, const char *base)
{
	const size_t n = strlen(base);
	if (strncmp(name, base, n) != 0)
		return false;
	return name[n] == '\0' || (name[n] == '.' && isdigit((unsigned char)name[n + 1]));
}

static bool is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (is_or_view_of(name, *list))
			return true;
	return false;
}

static const char *const pictures[] = {"image", "original", "mask", "edge", "depth", NULL};
static const char *const texts[] = {"caption", "name", NULL};

bool head_is_text(const struct head_field *f)
{
	return f->dtype == DT_U1 && f->ndim == 1 && !(f->flags & FIELD_WHOLE)
	       && is_one_of(f->name, texts);
}

bool head_is_padded(const struct head_field *f)
{
	return !(f->flags & FIELD_WHOLE) && f->ndim > 0 && f->dims[0] == HEAD_VARIES
	       && !is_one_of(f->name, pictures);
}

bool head_is_ragged(const struct head *h, const struct head_field *f)
{
	char at[FIELD_NAME + 4];
	(void)snprintf(at, sizeof at, "%s.at", f->name);
	return (f->flags & FIELD_WHOLE) && head_field(h, at);
}

bool head_has_rows(const struct head *h, const struct head_field *f)
{
	static const char *const numbers[] = {"index", "label", "part", "group", "role", "domain",
		"copy", "class", "weight", NULL};
	const size_t n = strlen(f->name);
	if (!(f->flags & FIELD_WHOLE))
		return true;
	if (is_one_of(f->name, numbers) || field_is_boxes(f->name)
		|| (n > 4 && strcmp(f->name + n - 4, ".hwc") == 0))
		return false;
	return !is_one_of(f->name, pictures) || head_is_ragged(h, f) || head_is_offsets(h, f);
}

bool head_is_offsets(const struct head *h, const struct head_field *f)
{
	const size_t n = strlen(f->name);
	char base[FIELD_NAME];
	if (n < 4 || strcmp(f->name + n - 3, ".at") != 0)
		return false;
	(void)snprintf(base, sizeof base, "%.*s", (int)(n - 3), f->name);
	const struct head_field *b = head_field(h, base);
	return b && (b->flags & FIELD_WHOLE);
}

int head_settle_ragged(struct head *h, struct cvt_err *e)
{
	for (size_t i = 0; i < h->nfields; i++) {
		struct head_field *f = &h->field[i];
		char at[FIELD_NAME + 4];
		(void)snprintf(at, sizeof at, "%s.at", f->name);
		struct head_field *offsets = head_field(h, at);
		if (!offsets)
			continue;
		if (offsets->dtype != DT_I8)
			return cvt_fail(e, CVT_INPUT, "field %s must be <i8", at);
		f->flags |= FIELD_WHOLE;
		offsets->flags |= FIELD_WHOLE;
		f->ndim = offsets->ndim = 1;
		f->dims[0] = offsets->dims[0] = HEAD_VARIES;
	}
	return CVT_OK;
}

/* The field of a tensor: row dims, open where a name says that it is padded. */
static int add_tensor(struct head *h, const struct field *f, struct cvt_err *e)
{
	const bool whole = (f->flags & FIELD_WHOLE) != 0;
	size_t dims[TENSOR_DIMS] = {0};
	const int skip = whole ? 0 : 1, ndim = f->t.ndim - skip;
	for (int i = 0; i < ndim; i++)
		dims[i] = f->t.dims[i + skip];
	if (ndim > 0 && (whole || field_is_boxes(f->name) || is_one_of(f->name, texts)))
		dims[0] = HEAD_VARIES;
	return head_add_field(h, f->name, f->t.dtype, f->flags, ndim, dims, e);
}

int head_fields_from(struct head *h, const struct batch *b, struct cvt_err *e)
{
	h->nfields = 0;
	for (size_t i = 0; i < b->n; i++)
		TRY(add_tensor(h, &b->field[i], e));
	return CVT_OK;
}

/* ---- classes ----------------------------------------------------------------------- */

struct head_classes *head_classes(const struct head *h, const char *field)
{
	for (size_t i = 0; i < h->nclasses; i++)
		if (strcmp(h->classes[i].field, field) == 0)
			return &h->classes[i];
	return NULL;
}

static int no_class(const char *word, const char *option, const struct head_classes *c, size_t K,
	struct cvt_err *e)
{
	char shown[200];
	const bool number =
		strspn(word, "0123456789") == strlen(word); /* no number is like another */
	const size_t near = c ? mem_nearest(word, (const char *const *)c->name, c->n) : 0;
	mem_printable(shown, sizeof shown, word);
	if (c && near < c->n && !number)
		return cvt_fail(e, CVT_USAGE, "%s: there is no class '%s'; did you mean '%s'?",
			option, shown, c->name[near]);
	return cvt_fail(e, CVT_USAGE,
		"%s: there is no class '%s' among %zu; cv-view --head shows their names", option,
		shown, K);
}

int head_find_class(const struct head *h, const char *field, size_t K, const char *word,
	const char *option, size_t *k, struct cvt_err *e)
{
	const struct head_classes *c = head_classes(h, field);
	struct str name = {0}; /* as head_set_class keeps it */
	bool found = false;
	const int code = str_text(&name, word, strlen(word), true, e);
	for (*k = 0; code == CVT_OK && c && *k < c->n && *k < K && !found; *k += !found)
		found = c->name[*k] && strcmp(c->name[*k], name.p) == 0;
	free(name.p);
	if (found || code != CVT_OK)
		return code;
	const bool number = *word && strspn(word, "0123456789") == strlen(word);
	*k = number ? strtoul(word, NULL, 10) : K; /* beyond all when it does not fit */
	return *k < K ? CVT_OK : no_class(word, option, c, K, e);
}

static struct head_classes *add_classes(struct head *h, const char *field, struct cvt_err *e)
{
	struct head_classes *c = head_classes(h, field);
	void *p = h->classes;
	if (c)
		return c;
	if (mem_grow(&p, &h->classes_capacity, h->nclasses + 1, sizeof *h->classes, e) != CVT_OK)
		return NULL;
	h->classes = p;
	c = &h->classes[h->nclasses++];
	*c = (struct head_classes){0};
	memcpy(c->field, field, strlen(field) + 1);
	return c;
}

int head_set_class(
	struct head *h, const char *field, size_t number, const char *name, struct cvt_err *e)
{
	if (!field_name_ok(field))
		return cvt_fail(e, CVT_INPUT, "class names of a field that has no proper name");
	if (number >= MOST_CLASSES)
		return cvt_fail(e, CVT_INPUT, "class number %zu is too large", number);
	if (h->nclasses == HEAD_LISTS && !head_classes(h, field))
		return cvt_fail(e, CVT_INPUT, "more than %d lists of classes", HEAD_LISTS);
	struct head_classes *c = add_classes(h, field, e);
	struct str copy = {0};
	if (!c)
		return CVT_SYSTEM;
	void *p = c->name;
	if (str_text(&copy, name, strlen(name), true, e) != CVT_OK
		|| (number >= c->n
			&& mem_grow(&p, &c->capacity, number + 1, sizeof *c->name, e) != CVT_OK)) {
		free(copy.p);
		return CVT_SYSTEM;
	}
	c->name = p;
	for (; c->n <= number; c->n++)
		c->name[c->n] = NULL;
	free(c->name[number]);
	c->name[number] = copy.p;
	return CVT_OK;
}

struct named_class {
	const char *name;
	int32_t number;
};

static int compare_names(const void *a, const void *b)
{
	const struct named_class *x = a, *y = b;
	const int order = strcmp(x->name, y->name);
	return order ? order : (x->number > y->number) - (x->number < y->number);
}

static int find_name(const void *key, const void *entry)
{
	return strcmp(key, ((const struct named_class *)entry)->name);
}

static int match_sorted(const struct head_classes *a, const struct named_class *sorted, size_t n,
	int32_t *to_b, struct cvt_err *e)
{
	char shown[200];
	for (size_t k = 0; k < a->n; k++) {
		const struct named_class *found =
			a->name[k] ? bsearch(a->name[k], sorted, n, sizeof *sorted, find_name)
				   : NULL;
		if (a->name[k] && !found)
			return cvt_fail(e, CVT_INPUT,
				"class '%s' of %s is unknown to the other list; give both the same "
				"names, or "
				"match by number with --classes-by-number",
				mem_printable(shown, sizeof shown, a->name[k]), a->field);
		to_b[k] = found ? found->number : -1;
	}
	return CVT_OK;
}

int head_match_classes(const struct head_classes *a, const struct head_classes *b, int32_t **to_b,
	struct cvt_err *e)
{
	size_t n = 0;
	struct named_class *sorted = mem_alloc(b->n, sizeof *sorted, e);
	*to_b = mem_alloc(a->n, sizeof **to_b, e);
	int code = sorted && *to_b ? CVT_OK : CVT_SYSTEM;
	if (code == CVT_OK) {
		for (size_t k = 0; k < b->n; k++)
			if (b->name[k])
				sorted[n++] = (struct named_class){b->name[k], (int32_t)k};
		qsort(sorted, n, sizeof *sorted, compare_names);
		code = match_sorted(a, sorted, n, *to_b, e);
	}
	free(sorted);
	if (code != CVT_OK) {
		free(*to_b);
		*to_b = NULL;
	}
	return code;
}

/* ---- history and targets ----------------------------------------------------------- */

/* Takes over the text. */
static int add_prog(struct head *h, unsigned depth, char *text, struct cvt_err *e)
{
	void *p = h->prog;
	if (mem_grow(&p, &h->progs_capacity, h->nprogs + 1, sizeof *h->prog, e) != CVT_OK) {
		free(text);
		return CVT_SYSTEM;
	}
	h->prog = p;
	h->prog[h->nprogs++] = (struct head_prog){depth, text};
	return CVT_OK;
}

int head_add_prog(
	struct head *h, unsigned depth, const char *name, const char *line, struct cvt_err *e)
{
	struct str text = {0};
	if (str_printf(&text, e, "%s %s: %s", name, CVT_VERSION, line) != CVT_OK) {
		free(text.p);
		return CVT_SYSTEM;
	}
	return add_prog(h, depth, text.p, e);
}

int head_add_history(struct head *h, const struct head *other, unsigned deeper, struct cvt_err *e)
{
	for (size_t i = 0; i < other->nprogs; i++) {
		char *text = mem_strdup(other->prog[i].text, e);
		if (!text)
			return CVT_SYSTEM;
		TRY(add_prog(h, other->prog[i].depth + deeper, text, e));
	}
	return CVT_OK;
}

int head_add_target(struct head *h, const char *field, const char *loss, struct cvt_err *e)
{
	void *p = h->target;
	if (!field_name_ok(field) || !*loss || strlen(loss) >= sizeof h->target->loss)
		return cvt_fail(e, CVT_INPUT, "a target is a field and the name of a loss");
	TRY(mem_grow(&p, &h->targets_capacity, h->ntargets + 1, sizeof *h->target, e));
	h->target = p;
	struct head_target *t = &h->target[h->ntargets++];
	*t = (struct head_target){0};
	memcpy(t->field, field, strlen(field));
	memcpy(t->loss, loss, strlen(loss));
	return CVT_OK;
}
