/*
 * cifar: the binary files of CIFAR-10 and CIFAR-100 (https://www.cs.toronto.edu/~kriz/cifar.html),
 * one by one, in their folder, or in the authors' archive. A record is one label byte (CIFAR-100: a
 * coarse and a fine one) and 3,072 bytes of picture, a plane a colour. There is no header: a file
 * is ours when its size is a multiple of a record and the labels in it are small enough.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset.h"
#include "tree.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE, PARTS = 16 };

static const struct kind {
	size_t labels, classes[2]; /* bytes before the picture; `label` is the last of them */
	const char *names[2];      /* the files of class names */
} kinds[] = {
	{1, {10}, {"batches.meta.txt"}},
	{2, {20, 100}, {"coarse_label_names.txt", "fine_label_names.txt"}},
};

struct cifar {
	const struct kind *kind;
	size_t parts, first[PARTS + 1]; /* part k has the rows first[k] .. first[k + 1] - 1 */
	struct input *part[PARTS];
	unsigned char *raw; /* one record */
};

static size_t record_bytes(const struct kind *k)
{
	return k->labels + PIXELS;
}

/* Do the records that lie in these first bytes have labels of that kind? */
static bool labels_fit(const struct kind *k, const unsigned char *p, size_t n)
{
	if (n < record_bytes(k))
		return false;
	for (size_t at = 0; at + k->labels <= n; at += record_bytes(k))
		for (size_t i = 0; i < k->labels; i++)
			if (p[at + i] >= k->classes[i])
				return false;
	return true;
}

static const struct kind *kind_of(size_t size, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if ((size == SIZE_MAX || size % record_bytes(&kinds[i]) == 0)
			&& labels_fit(&kinds[i], p, n))
			return &kinds[i];
	return NULL;
}

/* ---- opening ----------------------------------------------------------------------- */

/* Owns in. */
static int add_part(struct dataset *d, struct cifar *c, struct input *in,
	const struct dataset_options *o, struct cvt_err *e)
{
	const unsigned char *start;
	size_t n;
	c->part[c->parts++] = in;
	TRY(input_unpack(in, o->max_expansion, e));
	TRY(input_hold(in, o->max_memory, e));
	TRY(input_peek(in, 65536, &start, &n, e));
	const size_t size = input_size(in);
	const struct kind *kind = kind_of(size, start, n);
	if (!kind || (c->kind && kind != c->kind))
		return cvt_fail(e, CVT_INPUT,
			"%s: is no CIFAR binary file, or cut: %zu bytes are no whole records of "
			"3073 or 3074",
			input_name(in), size);
	c->kind = kind;
	c->first[c->parts] = c->first[c->parts - 1] + size / record_bytes(kind);
	d->held += input_held(in);
	return CVT_OK;
}

static int create(struct dataset *d, struct cvt_err *e)
{
	struct cifar *c = mem_alloc(1, sizeof *c, e);
	d->state = c;
	if (c)
		c->raw = mem_alloc(1, PIXELS + 2, e);
	return c && c->raw ? CVT_OK : CVT_SYSTEM;
}

/* The field of label byte i. */
static const char *label_field(const struct kind *k, size_t i)
{
	return i + 1 == k->labels ? "label" : "coarse";
}

static int describe(struct dataset *d, const struct cifar *c, struct cvt_err *e)
{
	const size_t dims[] = {SIDE, SIDE, 3};
	d->rows = c->first[c->parts];
	TRY(head_add_field(&d->head, "image", DT_U1, 0, 3, dims, e));
	for (size_t i = c->kind->labels; i-- > 0;)
		TRY(dataset_add_number(d, label_field(c->kind, i), DT_I4, e));
	return dataset_add_number(d, "index", DT_I8, e);
}

static int cifar_probe(struct input *in, const unsigned char *start, size_t n)
{
	return kind_of(input_size(in), start, n) ? 1 : 0;
}

static int cifar_open(
	struct dataset *d, struct input *in, const struct dataset_options *o, struct cvt_err *e)
{
	size_t chosen;
	int code = create(d, e);
	if (code == CVT_OK)
		code = dataset_choose_split(input_name(in), NULL, 0, o, &chosen, e);
	if (code != CVT_OK) {
		input_close(in);
		return code;
	}
	struct cifar *c = d->state;
	TRY(add_part(d, c, in, o, e));
	TRY(describe(d, c, e));
	for (size_t i = 0; i < c->kind->labels; i++)
		TRY(dataset_name_classes(
			d, label_field(c->kind, i), c->kind->classes[i], NULL, 0, e));
	return CVT_OK;
}

/* ---- folders and archives ---------------------------------------------------------- */

/* The split that a file's name says: data_batch_3.bin, train.bin, test_batch.bin, test.bin. */
static const char *split_of(const char *name)
{
	const char *base = tree_base(name), *dot = strrchr(base, '.');
	if (!dot || strcmp(dot, ".bin") != 0)
		return NULL;
	if (strncmp(base, "data_batch", 10) == 0 || strcmp(base, "train.bin") == 0)
		return "train";
	return strncmp(base, "test", 4) == 0 ? "test" : NULL;
}

static size_t splits_of(const struct tree *t, const char **split)
{
	static const char *const all[] = {"train", "test"};
	size_t n = 0;
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < t->n; i++) {
			const char *s = split_of(t->entry[i].name);
			if (s && strcmp(s, all[k]) == 0) {
				split[n++] = all[k];
				break;
			}
		}
	return n;
}

static int cifar_probe_tree(struct tree *t)
{
	struct cvt_err why;
	for (size_t i = 0; i < t->n; i++) {
		size_t size = 0;
		if (split_of(t->entry[i].name) && tree_size(t, i, &size, &why) != CVT_OK)
			tree_missed(t, &why);
		if (size > 0
			&& (size % record_bytes(&kinds[0]) == 0
				|| size % record_bytes(&kinds[1]) == 0))
			return 2;
	}
	return 0;
}

static int name_classes(struct dataset *d, const struct kind *k, size_t i,
	const struct dataset_options *o, struct cvt_err *e)
{
	struct tree_buffer text = {0};
	int code = CVT_OK;
	for (size_t f = 0; f < d->tree->n; f++)
		if (strcmp(tree_base(d->tree->entry[f].name), k->names[i]) == 0 && code == CVT_OK)
			code = tree_load(d->tree, f, o->max_entry_bytes, &text, e);
	if (code == CVT_OK)
		code = dataset_name_classes(
			d, label_field(k, i), k->classes[i], (const char *)text.p, text.n, e);
	free(text.own);
	return code;
}

static int cifar_open_tree(struct dataset *d, const struct dataset_options *o, struct cvt_err *e)
{
	struct tree *t = d->tree;
	const char *split[2];
	size_t chosen;
	TRY(create(d, e));
	struct cifar *c = d->state;
	const size_t n = splits_of(t, split);
	if (n == 0)
		return cvt_fail(e, CVT_INPUT, "%s: has no CIFAR binary files in it", t->name);
	TRY(dataset_choose_split(t->name, split, n, o, &chosen, e));
	for (size_t i = 0; i < t->n; i++) {
		struct input *in = NULL;
		const char *s = split_of(t->entry[i].name);
		if (!s || strcmp(s, split[chosen]) != 0)
			continue;
		if (c->parts == PARTS)
			return cvt_fail(
				e, CVT_INPUT, "%s: has more than %d CIFAR files", t->name, PARTS);
		TRY(tree_input(t, i, &in, e));
		TRY(add_part(d, c, in, o, e));
	}
	TRY(describe(d, c, e));
	for (size_t i = 0; i < c->kind->labels; i++)
		TRY(name_classes(d, c->kind, i, o, e));
	return CVT_OK;
}

/* ---- rows -------------------------------------------------------------------------- */

static void interleave(const unsigned char *planes, unsigned char *to)
{
	for (size_t i = 0; i < PLANE; i++) {
		to[3 * i] = planes[i];
		to[3 * i + 1] = planes[PLANE + i];
		to[3 * i + 2] = planes[2 * PLANE + i];
	}
}

/* Label byte k of a row. */
static int check_label(
	const struct dataset *d, size_t k, size_t row, unsigned char label, struct cvt_err *e)
{
	const struct cifar *c = d->state;
	if (label < c->kind->classes[k])
		return CVT_OK;
	return cvt_fail(e, CVT_INPUT, "%s: row %zu: label %d is none of %zu classes", d->name, row,
		label, c->kind->classes[k]);
}

static int cifar_read(
	struct dataset *d, const size_t *pick, size_t n, struct batch *out, struct cvt_err *e)
{
	const struct cifar *c = d->state;
	const size_t size = record_bytes(c->kind);
	int32_t *label[2];
	TRY(dataset_start(d, pick, n, out, e));
	unsigned char *image = batch_get(out, "image")->data;
	for (size_t k = 0; k < c->kind->labels; k++)
		label[k] = batch_get(out, label_field(c->kind, k))->data;
	for (size_t i = 0, part = 0; i < n; i++) {
		if (pick[i] < c->first[part])
			part = 0;
		while (pick[i] >= c->first[part + 1])
			part++;
		TRY(input_pread(c->part[part], c->raw, size, (pick[i] - c->first[part]) * size, e));
		for (size_t k = 0; k < c->kind->labels; k++) {
			TRY(check_label(d, k, pick[i], c->raw[k], e));
			label[k][i] = c->raw[k];
		}
		interleave(c->raw + c->kind->labels, image + i * PIXELS);
	}
	return CVT_OK;
}

static int cifar_labels(struct dataset *d, int32_t *label, struct cvt_err *e)
{
	const struct cifar *c = d->state;
	const size_t size = record_bytes(c->kind), at = c->kind->labels - 1;
	for (size_t part = 0, i = 0; part < c->parts; part++)
		for (size_t row = 0; i < c->first[part + 1]; row++, i++) {
			unsigned char byte;
			TRY(input_pread(c->part[part], &byte, 1, row * size + at, e));
			TRY(check_label(d, at, i, byte, e));
			label[i] = byte;
		}
	return CVT_OK;
}

static void cifar_close(struct dataset *d)
{
	struct cifar *c = d->state;
	for (size_t i = 0; i < c->parts; i++)
		input_close(c->part[i]);
	free(c->raw);
	free(c);
}

const struct format format_cifar = {
	.name = "cifar",
	.help = "CIFAR-10 and CIFAR-100 binary files, alone, in their folder or in the authors' "
		"archive",
	.probe = cifar_probe,
	.open = cifar_open,
	.read = cifar_read,
	.close = cifar_close,
	.labels = cifar_labels,
	.probe_tree = cifar_probe_tree,
	.open_tree = cifar_open_tree,
};
