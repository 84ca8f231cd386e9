/*
 * folder: pictures in folders, in an archive, or named one by one. A folder is a class: its path
 * below what all have in common ("Alphabet_of_the_Magi/character01"), and the sorted names are the
 * class numbers. If all lie in folders called train, test, val and the like, those are the splits.
 * Pictures beside each other in one place have no label.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pictures.h"

enum { SPLITS = 8, WORD = 64 };

/* A picture file and what its path says. */
struct found {
	size_t entry;
	const char *rest; /* the path from the class root on */
	size_t split;     /* number of the split; 0 when there are none */
};

struct search {
	struct tree *tree;
	struct found *found;
	size_t n;
	char split[SPLITS][WORD];
	size_t splits;
};

/* ---- paths ------------------------------------------------------------------------- */

/* Bytes of the folder part, with its last '/'; 0 for a bare file name. */
static size_t folder_bytes(const char *path)
{
	return (size_t)(tree_base(path) - path);
}

/* Bytes of the folders that all found paths (from `rest` on) begin with, with the last '/'. */
static size_t common_bytes(const struct search *s)
{
	const char *first = s->found[0].rest;
	size_t n = folder_bytes(first);
	for (size_t i = 1; i < s->n; i++) {
		const char *path = s->found[i].rest;
		size_t same = 0;
		while (same < n && path[same] == first[same])
			same++;
		while (same > 0 && first[same - 1] != '/')
			same--;
		n = same;
	}
	return n;
}

/* The first folder of a path; "" for a bare file name, or one too long to be a split's. */
static void first_folder(const char *path, char *to)
{
	const char *slash = strchr(path, '/');
	const size_t n = slash ? (size_t)(slash - path) : 0;
	(void)snprintf(to, WORD, "%.*s", (int)(n < WORD ? n : 0), path);
}

/* Bytes up to and with a split's folder in the part that all share ("data/train/"), else 0. */
static size_t split_in(const char *path, size_t common, char *word)
{
	for (size_t at = 0; at < common; at += strcspn(path + at, "/") + 1) {
		first_folder(path + at, word);
		if (dataset_split_word(word))
			return at + strlen(word) + 1;
	}
	return 0;
}

/* ---- splits ------------------------------------------------------------------------ */

static bool number_split(struct search *s, const char *word, size_t *number)
{
	for (*number = 0; *number < s->splits; (*number)++)
		if (strcmp(s->split[*number], word) == 0)
			return true;
	if (!dataset_split_word(word) || s->splits == SPLITS)
		return false;
	(void)snprintf(s->split[s->splits++], WORD, "%s", word);
	return true;
}

/* Do all paths, from byte `at` of rest on, begin with a split's folder? */
static bool number_splits(struct search *s, size_t at)
{
	char word[WORD];
	for (size_t i = 0; i < s->n; i++) {
		first_folder(s->found[i].rest + at, word);
		if (!number_split(s, word, &s->found[i].split)) {
			s->splits = 0;
			return false;
		}
	}
	return true;
}

/* Finds the splits and moves every `rest` to where the classes begin. */
static void find_splits(struct search *s)
{
	char word[WORD];
	const size_t common = common_bytes(s);
	const size_t shared = split_in(s->found[0].rest, common, word);
	if (shared) {
		(void)snprintf(s->split[s->splits++], WORD, "%s", word);
		for (size_t i = 0; i < s->n; i++) {
			s->found[i].split = 0;
			s->found[i].rest += shared;
		}
	} else if (number_splits(s, common)) {
		for (size_t i = 0; i < s->n; i++)
			s->found[i].rest += common + strlen(s->split[s->found[i].split]) + 1;
	} else
		for (size_t i = 0; i < s->n; i++)
			s->found[i].split = 0;
}

static int choose_split(
	const struct search *s, const struct dataset_options *o, size_t *chosen, struct cvt_err *e)
{
	const char *names[SPLITS];
	for (size_t i = 0; i < s->splits; i++)
		names[i] = s->split[i];
	return dataset_choose_split(s->tree->name, names, s->splits, o, chosen, e);
}

/* ---- classes ----------------------------------------------------------------------- */

/* What all paths share is no class, unless it is all there is: then its last folder is the one. */
static void skip_common(struct search *s)
{
	size_t common = common_bytes(s);
	bool deeper = false;
	for (size_t i = 0; i < s->n; i++)
		deeper = deeper || folder_bytes(s->found[i].rest) > common;
	if (!deeper && common > 0)
		for (common--; common > 0 && s->found[0].rest[common - 1] != '/';)
			common--;
	for (size_t i = 0; i < s->n; i++)
		s->found[i].rest += common;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The class of a path: its folders without the last '/'. The caller frees it. */
static char *class_of(const char *rest, struct cvt_err *e)
{
	const size_t n = folder_bytes(rest);
	char *name = mem_strdup(rest, e);
	if (name)
		name[n ? n - 1 : 0] = '\0';
	return name;
}

struct classes {
	char **name; /* sorted, each once */
	size_t n;
};

static void free_classes(struct classes *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->name[i]);
	free(c->name);
}

static int find_classes(const struct search *s, struct classes *c, struct cvt_err *e)
{
	size_t kept = 0;
	c->name = mem_alloc(s->n, sizeof *c->name, e);
	if (!c->name)
		return CVT_SYSTEM;
	for (size_t i = 0; i < s->n; i++) {
		if (folder_bytes(s->found[i].rest) == 0)
			continue;
		c->name[c->n] = class_of(s->found[i].rest, e);
		if (!c->name[c->n])
			return CVT_SYSTEM;
		if (c->n > 0
			&& strcmp(c->name[c->n], c->name[c->n - 1])
				   == 0) /* neighbours often agree */
			free(c->name[c->n]);
		else
			c->n++;
	}
	if (c->n == 0)
		return CVT_OK;
	qsort(c->name, c->n, sizeof *c->name, compare_texts);
	for (size_t i = 1; i < c->n; i++) {
		if (strcmp(c->name[kept], c->name[i]) == 0)
			free(c->name[i]);
		else
			c->name[++kept] = c->name[i];
	}
	c->n = kept + 1;
	return CVT_OK;
}

static int label_of(const struct classes *c, const char *rest, int32_t *label, struct cvt_err *e)
{
	*label = -1;
	if (folder_bytes(rest) == 0)
		return CVT_OK;
	char *name = class_of(rest, e);
	if (!name)
		return CVT_SYSTEM;
	char *const *found = bsearch(&name, c->name, c->n, sizeof *c->name, compare_texts);
	*label = found ? (int32_t)(found - c->name) : -1;
	free(name);
	return CVT_OK;
}

/* ---- the format -------------------------------------------------------------------- */

static int find_pictures(struct search *s, struct cvt_err *e)
{
	struct tree *t = s->tree;
	s->found = mem_alloc(t->n, sizeof *s->found, e);
	if (!s->found)
		return CVT_SYSTEM;
	for (size_t i = 0; i < t->n; i++)
		if (tree_is_picture(t, i))
			s->found[s->n++] = (struct found){.entry = i, .rest = t->entry[i].name};
	if (s->n == 0)
		return cvt_fail(e, CVT_INPUT, "%s: has no pictures in it", t->name);
	return CVT_OK;
}

static int add_rows(struct dataset *d, const struct search *s, const struct classes *c,
	size_t chosen, struct cvt_err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct found *f = &s->found[i];
		const char *name = d->tree->entry[f->entry].name;
		struct pictures_item item = {.entry = f->entry,
			.mask = SIZE_MAX,
			.name = name,
			.name_bytes = strlen(name)};
		if (f->split != chosen)
			continue;
		TRY(label_of(c, f->rest, &item.label, e));
		TRY(pictures_add(d->state, &item, e));
	}
	for (size_t k = 0; k < c->n; k++)
		TRY(head_set_class(&d->head, "label", k, c->name[k], e));
	return CVT_OK;
}

static int open_found(struct dataset *d, struct search *s, struct classes *c,
	const struct dataset_options *o, struct cvt_err *e)
{
	size_t chosen;
	TRY(find_pictures(s, e));
	/* Names on the command line are no data set's folders. */
	const bool loose = !d->tree->held && !d->tree->folder;
	if (loose || d->tree->name[0] == '\0')
		for (size_t i = 0; i < s->n; i++)
			s->found[i].rest = tree_base(s->found[i].rest);
	else
		find_splits(s);
	TRY(choose_split(s, o, &chosen, e));
	skip_common(s);
	TRY(find_classes(s, c, e));
	return add_rows(d, s, c, chosen, e);
}

static int folder_open_tree(struct dataset *d, const struct dataset_options *o, struct cvt_err *e)
{
	struct search s = {.tree = d->tree};
	struct classes c = {0};
	TRY(pictures_create(d, o, e));
	const int code = open_found(d, &s, &c, o, e);
	free(s.found);
	free_classes(&c);
	return code == CVT_OK ? pictures_finish(d, e) : code;
}

static int folder_probe_tree(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (tree_is_picture(t, i))
			return 1;
	return 0;
}

const struct format format_folder = {
	.name = "folder",
	.help = "pictures in a folder (or archive): a folder a class, train/ test/ val/ are splits",
	.read = pictures_read,
	.close = pictures_close,
	.labels = pictures_labels,
	.probe_tree = folder_probe_tree,
	.open_tree = folder_open_tree,
};
