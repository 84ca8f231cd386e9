/* dataset_help: what formats share: rows to fill, splits to choose, classes to name (dataset.h). */
#include "dataset.h"

#include <stdio.h>
#include <string.h>

int dataset_start(
	const struct dataset *d, const size_t *pick, size_t n, struct batch *out, struct cvt_err *e)
{
	out->n = 0;
	out->rows = n;
	for (size_t i = 0; i < d->head.nfields; i++) {
		const struct head_field *h = &d->head.field[i];
		size_t dims[TENSOR_DIMS] = {n};
		struct field *f = batch_add(out, h->name, e);
		if (!f)
			return e ? e->code : CVT_SYSTEM;
		f->flags = h->flags;
		bool known = !(h->flags & FIELD_WHOLE);
		for (int k = 0; known && k < h->ndim; k++) {
			dims[k + 1] = h->dims[k];
			known = h->dims[k] != HEAD_VARIES;
		}
		if (known)
			TRY(tensor_shape(&f->t, h->dtype, h->ndim + 1, dims, e));
	}
	const struct tensor *t = batch_get(out, "index");
	int64_t *index = t ? t->data : NULL;
	for (size_t i = 0; index && i < n; i++)
		index[i] = (int64_t)pick[i];
	return CVT_OK;
}

int dataset_add_number(struct dataset *d, const char *name, enum dtype dtype, struct cvt_err *e)
{
	const size_t none[1] = {0};
	return head_add_field(&d->head, name, dtype, 0, 0, none, e);
}

const char *dataset_split_word(const char *word)
{
	static const char *const words[][2] = {
		{"train", "train"},
		{"training", "train"},
		{"test", "test"},
		{"testing", "test"},
		{"t10k", "test"},
		{"val", "val"},
		{"valid", "val"},
		{"validation", "val"},
		{"dev", "val"},
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(word, words[i][0]) == 0)
			return words[i][1];
	return NULL;
}

static void list_words(char *to, size_t size, const char *const *word, size_t n)
{
	size_t at = 0;
	for (size_t i = 0; i < n && at < size; i++) {
		const int k = snprintf(to + at, size - at, "%s%s",
			i ? (i + 1 == n ? " and " : ", ") : "", word[i]);
		at += k > 0 ? (size_t)k : 0;
	}
}

int dataset_choose_split(const char *source, const char *const *split, size_t n,
	const struct dataset_options *o, size_t *chosen, struct cvt_err *e)
{
	char all[300];
	size_t first = 0; /* the one to propose: train, if there is such */
	*chosen = 0;
	for (size_t i = n; i-- > 0;)
		if (dataset_split_word(split[i])
			&& strcmp(dataset_split_word(split[i]), "train") == 0)
			first = i;
	list_words(all, sizeof all, split, n);
	if (!o->split && n > 1)
		return cvt_fail(e, CVT_USAGE,
			"%s: has the splits %s; choose one with: cv-read --split %s", source, all,
			split[first]);
	if (!o->split)
		return CVT_OK;
	const char *meant = dataset_split_word(o->split);
	for (size_t i = 0; i < n; i++) {
		const char *word = dataset_split_word(split[i]);
		if (strcmp(split[i], o->split) == 0
			|| (meant && word && strcmp(meant, word) == 0)) {
			*chosen = i;
			return CVT_OK;
		}
	}
	if (n == 0)
		return cvt_fail(e, CVT_USAGE, "%s: has no splits; leave out --split", source);
	const size_t near = mem_nearest(o->split, split, n);
	if (near < n)
		return cvt_fail(e, CVT_USAGE, "%s: has no split '%s'; did you mean --split %s?",
			source, o->split, split[near]);
	return cvt_fail(e, CVT_USAGE, "%s: has no split '%s'; there %s %s", source, o->split,
		n == 1 ? "is only" : "are", all);
}

int dataset_name_classes(struct dataset *d, const char *field, size_t k, const char *text,
	size_t length, struct cvt_err *e)
{
	char name[256];
	for (size_t i = 0; i < k; i++) {
		size_t n = 0;
		while (text && n < length && text[n] != '\n' && text[n] != '\r')
			n++;
		if (n > 0 && n < sizeof name)
			(void)snprintf(name, sizeof name, "%.*s", (int)n, text);
		else
			(void)snprintf(name, sizeof name, "%zu", i);
		TRY(head_set_class(&d->head, field, i, name, e));
		while (text && n < length && (text[n] == '\n' || text[n] == '\r'))
			n++;
		text = text ? text + n : NULL;
		length -= n;
	}
	return CVT_OK;
}

int32_t dataset_class(const struct tensor *label, size_t row)
{
	if (label->dtype == DT_I4 && label->ndim == 1)
		return ((const int32_t *)label->data)[row];
	if (label->dtype != DT_F4 || label->ndim != 2)
		return -1;
	const size_t K = label->dims[1];
	const float *share = (const float *)label->data + row * K;
	size_t best = 0;
	for (size_t k = 1; k < K; k++)
		best = share[k] > share[best] ? k : best;
	return K > 0 && share[best] > 0 ? (int32_t)best : -1;
}
