/*
 * webdataset: files that share their name up to the first dot are one sample (the key), and what
 * follows the dot says what they are: KEY.png and the like is `image`, KEY.cls `label`, KEY.txt
 * `caption`, KEY.mask.png or KEY.seg.png `mask`; KEY.json gives `label` ("label" or "cls") and
 * `caption` ("caption" or "text") where they are numbers and strings. `name` is the key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jsontext.h"
#include "pictures.h"

enum { TEXT_BYTES = 1 << 20, CAPTION_BYTES = 1 << 14 };

/* The key's bytes: up to the first dot of the file's own name. */
static size_t key_bytes(const char *name)
{
	const char *base = tree_base(name);
	return (size_t)(base - name) + strcspn(base, ".");
}

/* What follows the key and its dot; "" when nothing does. */
static const char *kind_of(const char *name)
{
	const char *rest = name + key_bytes(name);
	return *rest ? rest + 1 : rest;
}

static bool is_note(const char *kind)
{
	static const char *const notes[] = {"cls", "json", "txt", "mask.png", "seg.png"};
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
		if (strcmp(kind, notes[i]) == 0)
			return true;
	return false;
}

/* A key with both a picture and a note makes it ours. Names are sorted: a key's files are together.
 */
static int webdataset_probe_tree(struct tree *t)
{
	bool note = false, picture = false;
	for (size_t i = 0; i < t->n; i++) {
		const char *name = t->entry[i].name;
		const size_t n = key_bytes(name);
		if (i == 0 || n != key_bytes(t->entry[i - 1].name)
			|| strncmp(name, t->entry[i - 1].name, n) != 0)
			note = picture = false;
		note = note || is_note(kind_of(name));
		picture = picture || (!is_note(kind_of(name)) && tree_is_picture(t, i));
		if (note && picture)
			return 2;
	}
	return 0;
}

/* ---- notes ------------------------------------------------------------------------- */

static int take_label(const char *text, size_t n, struct pictures_item *item, struct cvt_err *e)
{
	char word[24];
	char *end;
	while (n > 0 && strchr(" \r\n\t", text[n - 1]))
		n--;
	if (n == 0 || n >= sizeof word)
		return cvt_fail(e, CVT_INPUT, "holds no class number");
	memcpy(word, text, n);
	word[n] = '\0';
	const long v = strtol(word, &end, 10);
	if (*end || v < -1 || v > INT32_MAX)
		return cvt_fail(e, CVT_INPUT, "holds no class number");
	item->label = (int32_t)v;
	return CVT_OK;
}

static int take_caption(const char *text, size_t n, struct pictures_item *item, struct cvt_err *e)
{
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	if (n > CAPTION_BYTES)
		return cvt_fail(e, CVT_INPUT, "the caption is longer than %d bytes", CAPTION_BYTES);
	struct str copy = {0};
	if (str_text(&copy, text, n, false, e) != CVT_OK) {
		free(copy.p);
		return CVT_SYSTEM;
	}
	free(item->caption);
	item->caption = copy.p;
	return CVT_OK;
}

static int take_json(const char *text, size_t n, struct pictures_item *item, struct cvt_err *e)
{
	static const char *const labels[] = {"label", "cls"}, *const captions[] = {
								      "caption", "text"};
	json_t *all = NULL;
	TRY(jsontext_parse(&all, text, n, 0, e));
	int code = CVT_OK;
	for (size_t i = 0; i < 2 && code == CVT_OK; i++) {
		const json_t *label = json_object_get(all, labels[i]);
		const json_t *caption = json_object_get(all, captions[i]);
		const json_int_t v = json_integer_value(label);
		if (json_is_integer(label) && (v < -1 || v > INT32_MAX))
			code = cvt_fail(e, CVT_INPUT, "the label is no class number");
		else if (json_is_integer(label))
			item->label = (int32_t)v;
		if (json_is_string(caption) && code == CVT_OK)
			code = take_caption(
				json_string_value(caption), json_string_length(caption), item, e);
	}
	json_decref(all);
	return code;
}

static int take_file(struct dataset *d, size_t i, struct tree_buffer *b, struct pictures_item *item,
	struct cvt_err *e)
{
	const char *kind = kind_of(d->tree->entry[i].name);
	if (strcmp(kind, "mask.png") == 0 || strcmp(kind, "seg.png") == 0) {
		item->mask = i;
		return CVT_OK;
	}
	if (!is_note(kind)) {
		if (tree_is_picture(d->tree, i))
			item->entry = i;
		return CVT_OK;
	}
	TRY(tree_load(d->tree, i, TEXT_BYTES, b, e));
	const char *text = (const char *)b->p;
	const int code = kind[0] == 'c'   ? take_label(text, b->n, item, e)
			 : kind[0] == 't' ? take_caption(text, b->n, item, e)
					  : take_json(text, b->n, item, e);
	return code == CVT_OK ? CVT_OK : tree_fail_at(d->tree, i, e);
}

/* ---- samples ----------------------------------------------------------------------- */

/* The files [first, end) share a key. */
static int take_sample(
	struct dataset *d, size_t first, size_t end, struct tree_buffer *b, struct cvt_err *e)
{
	struct pictures_item item = {.entry = SIZE_MAX, .mask = SIZE_MAX, .label = -1};
	int code = CVT_OK;
	for (size_t i = first; i < end && code == CVT_OK; i++)
		code = take_file(d, i, b, &item, e);
	item.name = d->tree->entry[first].name;
	item.name_bytes = key_bytes(item.name);
	if (code == CVT_OK && item.entry != SIZE_MAX) {
		code = pictures_add(d->state, &item, e);
		if (code == CVT_OK)
			return CVT_OK;
	}
	free(item.caption);
	return code;
}

static int take_samples(struct dataset *d, struct cvt_err *e)
{
	const struct tree *t = d->tree;
	struct tree_buffer b = {0};
	int code = CVT_OK;
	for (size_t i = 0, end; i < t->n && code == CVT_OK; i = end) {
		const size_t n = key_bytes(t->entry[i].name);
		for (end = i + 1; end < t->n; end++)
			if (key_bytes(t->entry[end].name) != n
				|| strncmp(t->entry[end].name, t->entry[i].name, n) != 0)
				break;
		code = take_sample(d, i, end, &b, e);
	}
	free(b.own);
	return code;
}

static int webdataset_open_tree(
	struct dataset *d, const struct dataset_options *o, struct cvt_err *e)
{
	size_t chosen;
	int32_t most = -1;
	TRY(dataset_choose_split(d->tree->name, NULL, 0, o, &chosen, e));
	TRY(pictures_create(d, o, e));
	TRY(take_samples(d, e));
	const struct pictures *p = d->state;
	for (size_t i = 0; i < p->n; i++)
		most = p->item[i].label > most ? p->item[i].label : most;
	if (most >= 0 && most < 65536)
		TRY(dataset_name_classes(d, "label", (size_t)most + 1, NULL, 0, e));
	return pictures_finish(d, e);
}

const struct format format_webdataset = {
	.name = "webdataset",
	.help = "samples by key: key.png key.cls key.txt key.json key.mask.png",
	.read = pictures_read,
	.close = pictures_close,
	.labels = pictures_labels,
	.probe_tree = webdataset_probe_tree,
	.open_tree = webdataset_open_tree,
};
