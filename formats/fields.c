/* fields: cut and paste for streams (see fields.h). */
#include "fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relabel.h"
#include "source.h"

struct renamed {
	char from[FIELD_NAME], to[FIELD_NAME];
};

struct indexed {
	int64_t index;
	size_t row;
};

struct fields {
	char **gone; /* what leaves before paste: names */
	size_t gones, gone_capacity;
	char **cut; /* what leaves after it */
	size_t cuts, cut_capacity;
	struct renamed *renamed;
	size_t renames, rename_capacity;
	struct batch bank;   /* the file to paste: only its new fields */
	struct head history; /* what made it */
	struct indexed *sorted;
	size_t bank_rows;
	struct batch found;
	size_t *pick, picks;
};

/* ---- lists of names ---------------------------------------------------------------- */

static int add_name(char ***list, size_t *n, size_t *capacity, const char *name, struct cvt_err *e)
{
	void *p = *list;
	TRY(mem_grow(&p, capacity, *n + 1, sizeof **list, e));
	*list = p;
	(*list)[*n] = mem_strdup(name, e);
	return (*list)[*n] ? ((*n)++, CVT_OK) : CVT_SYSTEM;
}

static bool in_list(char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static int unknown_field(
	const struct head *h, const char *option, const char *name, struct cvt_err *e)
{
	char shown[200];
	const char *words[128] = {0};
	size_t n = 0;
	for (; n < h->nfields && n < 128; n++)
		words[n] = h->field[n].name;
	const size_t near = mem_nearest(name, words, n);
	mem_printable(shown, sizeof shown, name);
	if (near < n)
		return cvt_fail(e, CVT_USAGE, "%s: there is no field '%s'; did you mean '%s'?",
			option, shown, words[near]);
	return cvt_fail(e, CVT_USAGE, "%s: there is no field '%s'; see them with cv-view --head",
		option, shown);
}

/* Calls take(context, name) for every word of a comma list. */
static int each_word(const char *list, void *context,
	int (*take)(void *context, const char *word, struct cvt_err *e), struct cvt_err *e)
{
	char *copy = mem_strdup(list, e);
	int code = copy ? CVT_OK : CVT_SYSTEM;
	for (char *s = copy; s && code == CVT_OK;) {
		char *comma = strchr(s, ',');
		if (comma)
			*comma++ = '\0';
		code = take(context, s, e);
		s = comma;
	}
	free(copy);
	return code;
}

/* ---- what leaves ------------------------------------------------------------------- */

/* Is `name` the field `base`, or a table of it when it is ragged? */
static bool belongs_to(const struct head *h, const char *name, const char *base)
{
	const struct head_field *f = head_field(h, base);
	const size_t n = strlen(base);
	if (strcmp(name, base) == 0)
		return true;
	return f && (f->flags & FIELD_WHOLE) && strncmp(name, base, n) == 0
	       && (strcmp(name + n, ".at") == 0 || strcmp(name + n, ".hwc") == 0);
}

struct choice {
	const struct head *h;
	const char *option;
	char **name;
	size_t n, capacity;
};

static int choose(void *context, const char *word, struct cvt_err *e)
{
	struct choice *c = context;
	if (!head_field(c->h, word))
		return unknown_field(c->h, c->option, word, e);
	for (size_t i = 0; i < c->h->nfields; i++)
		if (belongs_to(c->h, c->h->field[i].name, word))
			TRY(add_name(&c->name, &c->n, &c->capacity, c->h->field[i].name, e));
	return CVT_OK;
}

static void free_list(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

/* The lists of classes that some field speaks of. */
static void used_classes(const struct head *h, bool used[HEAD_LISTS])
{
	memset(used, 0, HEAD_LISTS * sizeof *used);
	for (size_t i = 0; i < h->nfields; i++) {
		const struct head_classes *c = relabel_list(h, &h->field[i]);
		if (c)
			used[c - h->classes] = true;
	}
}

static void remove_classes(struct head *h, size_t at)
{
	struct head_classes *c = &h->classes[at];
	for (size_t k = 0; k < c->n; k++)
		free(c->name[k]);
	free(c->name);
	memmove(c, c + 1, (--h->nclasses - at) * sizeof *c);
}

static void remove_targets(struct head *h, const char *field)
{
	size_t kept = 0;
	for (size_t i = 0; i < h->ntargets; i++)
		if (strcmp(h->target[i].field, field) != 0)
			h->target[kept++] = h->target[i];
	h->ntargets = kept;
}

/* With the classes that no other field speaks of. */
static void remove_fields(struct head *h, char *const *name, size_t n)
{
	bool before[HEAD_LISTS], after[HEAD_LISTS];
	used_classes(h, before);
	for (size_t i = 0; i < n; i++) {
		head_remove_field(h, name[i]);
		remove_targets(h, name[i]);
	}
	used_classes(h, after);
	for (size_t i = h->nclasses; i-- > 0;)
		if (before[i] && !after[i])
			remove_classes(h, i);
}

static int drop(struct fields *f, const char *list, struct head *h, struct cvt_err *e)
{
	struct choice c = {.h = h, .option = "--drop"};
	int code = each_word(list, &c, choose, e);
	if (code == CVT_OK && in_list(c.name, c.n, "index"))
		code = cvt_fail(e, CVT_USAGE, "--drop: a stream cannot do without its index");
	f->gone = c.name;
	f->gones = c.n;
	if (code == CVT_OK)
		remove_fields(h, c.name, c.n);
	return code;
}

static int select_fields(struct fields *f, const char *list, struct head *h, struct cvt_err *e)
{
	struct choice c = {.h = h, .option = "--select"};
	int code = each_word(list, &c, choose, e);
	for (size_t i = 0; code == CVT_OK && i < h->nfields; i++) {
		const char *name = h->field[i].name;
		if (strcmp(name, "index") != 0 && !in_list(c.name, c.n, name))
			code = add_name(&f->cut, &f->cuts, &f->cut_capacity, name, e);
	}
	free_list(c.name, c.n);
	if (code == CVT_OK)
		remove_fields(h, f->cut, f->cuts);
	return code;
}

/* ---- other names ------------------------------------------------------------------- */

struct renaming {
	struct fields *f;
	struct head *h;
};

static int add_rename(struct renaming *r, const char *from, const char *to, struct cvt_err *e)
{
	void *p = r->f->renamed;
	struct head_classes *c = head_classes(r->h, from);
	struct head_field *field = head_field(r->h, from);
	if (!field)
		return unknown_field(r->h, "--rename", from, e);
	if (head_field(r->h, to))
		return cvt_fail(e, CVT_USAGE,
			"--rename: there is a field '%s' already; take it out with --drop %s", to,
			to);
	TRY(mem_grow(&p, &r->f->rename_capacity, r->f->renames + 1, sizeof *r->f->renamed, e));
	r->f->renamed = p;
	struct renamed *n = &r->f->renamed[r->f->renames++];
	(void)snprintf(n->from, sizeof n->from, "%s", from);
	(void)snprintf(n->to, sizeof n->to, "%s", to);
	(void)snprintf(field->name, sizeof field->name, "%s", n->to);
	if (c)
		(void)snprintf(c->field, sizeof c->field, "%s", n->to);
	if (strcmp(to, "part") == 0)
		r->h->val = HEAD_UNKNOWN;
	for (size_t i = 0; i < r->h->ntargets; i++)
		if (strcmp(r->h->target[i].field, n->from) == 0)
			(void)snprintf(
				r->h->target[i].field, sizeof r->h->target[i].field, "%s", n->to);
	return CVT_OK;
}

static int take_rename(void *context, const char *word, struct cvt_err *e)
{
	static const char *const tails[] = {".at", ".hwc"};
	struct renaming *r = context;
	const char *is = strchr(word, '=');
	char from[FIELD_NAME], to[FIELD_NAME], a[FIELD_NAME + 4], b[FIELD_NAME + 4];
	const size_t n = is ? (size_t)(is - word) : 0;
	if (!is || n >= sizeof from || !field_name_ok(is + 1) || strcmp(is + 1, "index") == 0)
		return cvt_fail(e, CVT_USAGE,
			"--rename: write OLD=NEW, where NEW is made of a-z 0-9 _ and .");
	(void)snprintf(from, sizeof from, "%.*s", (int)n, word);
	(void)snprintf(to, sizeof to, "%s", is + 1);
	if (strcmp(from, "index") == 0)
		return cvt_fail(e, CVT_USAGE, "--rename: a stream cannot do without its index");
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(a, sizeof a, "%s%s", from, tails[i]);
		(void)snprintf(b, sizeof b, "%s%s", to, tails[i]);
		if (head_field(r->h, from) && belongs_to(r->h, a, from) && head_field(r->h, a))
			TRY(add_rename(r, a, b, e));
	}
	return add_rename(r, from, to, e);
}

/* ---- paste ------------------------------------------------------------------------- */

static int compare_indexed(const void *a, const void *b)
{
	const struct indexed *x = a, *y = b;
	return (x->index > y->index) - (x->index < y->index);
}

static int sort_bank(struct fields *f, const char *path, struct cvt_err *e)
{
	const struct tensor *index = batch_get(&f->bank, "index");
	const size_t n = f->bank_rows = f->bank.rows;
	if (!index || index->dtype != DT_I8 || index->ndim != 1)
		return cvt_fail(e, CVT_INPUT, "%s: has no index to join on", path);
	f->sorted = mem_alloc(n, sizeof *f->sorted, e);
	if (!f->sorted)
		return CVT_SYSTEM;
	for (size_t i = 0; i < n; i++)
		f->sorted[i] = (struct indexed){((const int64_t *)index->data)[i], i};
	qsort(f->sorted, n, sizeof *f->sorted, compare_indexed);
	for (size_t i = 1; i < n; i++)
		if (f->sorted[i].index == f->sorted[i - 1].index)
			return cvt_fail(e, CVT_INPUT,
				"%s: has index %lld twice; which row should be pasted?", path,
				(long long)f->sorted[i].index);
	batch_remove(&f->bank, "index");
	return CVT_OK;
}

/* Fields that the rows have already stay as they are; the others stand in `pasted`, too. */
static int merge_fields(struct fields *f, struct head *h, struct head *pasted, struct cvt_err *e)
{
	for (size_t i = 0; i < pasted->nfields;) {
		const struct head_field x = pasted->field[i];
		if (strcmp(x.name, "index") == 0 || head_field(h, x.name)) {
			batch_remove(&f->bank, x.name); /* index is out already */
			head_remove_field(pasted, x.name);
		} else
			i++;
	}
	for (size_t i = 0; i < pasted->nfields; i++) {
		const struct head_field *x = &pasted->field[i];
		TRY(head_add_field(h, x->name, x->dtype, x->flags, x->ndim, x->dims, e));
	}
	return CVT_OK;
}

/* Classes that the rows have names for keep them, whatever field of theirs it is that has them; the
 * others come with the fields that are pasted. */
static int merge_classes(struct head *h, const struct head *pasted, struct cvt_err *e)
{
	bool new[HEAD_LISTS] = {0};
	for (size_t i = 0; i < pasted->nfields; i++) {
		const struct head_classes *c = relabel_list(pasted, &pasted->field[i]);
		/* numbers without names, which the rows have already, stay so */
		const bool bare = c && head_field(h, c->field) && !head_field(pasted, c->field);
		if (c && !bare && !relabel_list(h, &pasted->field[i]))
			new[c - pasted->classes] = true;
	}
	for (size_t i = 0; i < pasted->nclasses; i++)
		if (new[i])
			TRY(relabel_grow(h, pasted->classes[i].field, &pasted->classes[i], e));
	return CVT_OK;
}

/* Lists that count by number are as long as the longer one, and soft labels as wide. */
static int widen(struct head *h, const struct head *pasted, bool by_number, struct cvt_err *e)
{
	for (size_t i = 0; i < pasted->nfields; i++) {
		const struct head_field *x = &pasted->field[i];
		struct head_field *to = head_field(h, x->name);
		const struct head_classes *a = relabel_list(pasted, x), *b = relabel_list(h, to);
		if (a && b && relabel_by_number(a, b, by_number))
			TRY(relabel_grow(h, b->field, a, e));
		const size_t columns = relabel_columns(h, to, pasted, x, by_number);
		if (columns)
			to->dims[to->ndim - 1] = columns;
	}
	return CVT_OK;
}

static int merge_heads(
	struct fields *f, struct head *h, const struct source *s, bool by_number, struct cvt_err *e)
{
	struct head pasted;
	struct relabel to_ours = {0};
	TRY(head_copy(&pasted, source_head(s), e));
	int code = merge_fields(f, h, &pasted, e);
	if (code == CVT_OK)
		code = merge_classes(h, &pasted, e);
	if (code == CVT_OK)
		code = widen(h, &pasted, by_number, e);
	if (code == CVT_OK)
		code = relabel_open(&to_ours, &pasted, h, by_number, e);
	if (code == CVT_OK)
		code = relabel_rows(&to_ours, &f->bank, e);
	relabel_close(&to_ours);
	head_free(&pasted);
	if (code == CVT_OK)
		return head_add_history(&f->history, source_head(s), 1, e);
	return code == CVT_INPUT ? cvt_fail_at(e, "%s", source_name(s)) : code;
}

static int load_bank(
	struct fields *f, const struct fields_options *o, struct head *h, struct cvt_err *e)
{
	const struct dataset_options none = {.max_memory = o->max_memory};
	struct source *s = NULL;
	TRY(source_open(&s, o->paste, &none, e));
	int code = source_read_all(s, &f->bank, o->max_memory, true, e);
	if (code == CVT_OK)
		code = sort_bank(f, source_name(s), e);
	if (code == CVT_OK)
		code = merge_heads(f, h, s, o->by_number, e);
	if (code == CVT_OK && head_field(source_head(s), "part"))
		h->val = HEAD_UNKNOWN;
	source_close(s);
	return code;
}

static int find_rows(struct fields *f, const struct batch *b, struct cvt_err *e)
{
	const struct tensor *index = batch_get(b, "index");
	if (b->rows > f->picks) {
		free(f->pick);
		f->pick = mem_alloc(b->rows, sizeof *f->pick, e);
		f->picks = f->pick ? b->rows : 0;
		if (!f->pick)
			return CVT_SYSTEM;
	}
	for (size_t i = 0; i < b->rows; i++) {
		const struct indexed key = {.index = ((const int64_t *)index->data)[i]};
		const struct indexed *found =
			bsearch(&key, f->sorted, f->bank_rows, sizeof key, compare_indexed);
		if (!found)
			return cvt_fail(e, CVT_INPUT, "--paste: the file has no row of index %lld",
				(long long)key.index);
		f->pick[i] = found->row;
	}
	return CVT_OK;
}

static int paste(struct fields *f, struct batch *b, struct cvt_err *e)
{
	TRY(find_rows(f, b, e));
	TRY(batch_gather(&f->found, &f->bank, f->pick, b->rows, e));
	for (size_t i = 0; i < f->found.n; i++) {
		struct field *to = batch_add(b, f->found.field[i].name, e);
		if (!to)
			return CVT_SYSTEM;
		to->flags = f->found.field[i].flags;
		TRY(tensor_copy(&to->t, &f->found.field[i].t, e));
	}
	return CVT_OK;
}

/* ---- all of it --------------------------------------------------------------------- */

static int set_up(
	struct fields *f, const struct fields_options *o, struct head *h, struct cvt_err *e)
{
	struct renaming r = {f, h};
	if (o->drop)
		TRY(drop(f, o->drop, h, e));
	if (o->paste)
		TRY(load_bank(f, o, h, e));
	if (o->select)
		TRY(select_fields(f, o->select, h, e));
	return o->rename ? each_word(o->rename, &r, take_rename, e) : CVT_OK;
}

int fields_open(
	struct fields **to, const struct fields_options *o, struct head *h, struct cvt_err *e)
{
	struct fields *f = mem_alloc(1, sizeof *f, e);
	if (!f)
		return CVT_SYSTEM;
	head_init(&f->history);
	const int code = set_up(f, o, h, e);
	if (code != CVT_OK) {
		fields_close(f);
		return code;
	}
	*to = f;
	return CVT_OK;
}

int fields_add_history(const struct fields *f, struct head *h, struct cvt_err *e)
{
	return head_add_history(h, &f->history, 0, e);
}

int fields_apply(struct fields *f, struct batch *b, struct cvt_err *e)
{
	for (size_t i = 0; i < f->gones; i++)
		batch_remove(b, f->gone[i]);
	if (f->sorted)
		TRY(paste(f, b, e));
	for (size_t i = 0; i < f->cuts; i++)
		batch_remove(b, f->cut[i]);
	for (size_t i = 0; i < f->renames; i++) {
		struct field *x = batch_field(b, f->renamed[i].from);
		if (x)
			(void)snprintf(x->name, sizeof x->name, "%s", f->renamed[i].to);
	}
	return CVT_OK;
}

void fields_close(struct fields *f)
{
	if (!f)
		return;
	free_list(f->gone, f->gones);
	free_list(f->cut, f->cuts);
	free(f->renamed);
	free(f->sorted);
	free(f->pick);
	batch_free(&f->bank);
	batch_free(&f->found);
	head_free(&f->history);
	free(f);
}
