/*
 * idx: the files of MNIST and its relatives (http://yann.lecun.com/exdb/mnist): two zero bytes, a
 * type, the number of dimensions, the dimensions and the items, all big-endian, usually in gzip. In
 * a folder, images and labels find each other by name, and "train" and "t10k" are the splits.
 *
 * u1 (N,H,W) is `image` (N,H,W,1); (N,H,W,C) with C = 1 or 3 is `image`; further dimensions are
 * clips. One dimension is `label`; (N,D) of real numbers is `embedding`; all else is `data`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset.h"
#include "tree.h"

enum { TYPE_U1 = 8, TYPE_I1, TYPE_I2 = 11, TYPE_I4, TYPE_F4, TYPE_F8, LABELS_AT_MOST = 65536 };

/* One file. */
struct part {
	struct input *in;
	int type, ndim;
	size_t dims[TENSOR_DIMS], item;
	size_t row;    /* bytes of one row in the file */
	uint64_t data; /* where the first row begins */
};

struct idx {
	struct part rows;
	char field[FIELD_NAME];
	int32_t *label;     /* NULL = no labels */
	unsigned char *raw; /* a row before its items are turned round */
};

static size_t item_size(int type)
{
	static const size_t size[] = {1, 1, 0, 2, 4, 4, 8};
	return type >= TYPE_U1 && type <= TYPE_F8 ? size[type - TYPE_U1] : 0;
}

static size_t big_endian(const unsigned char *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* Reads the header from the first bytes; false when they are none. */
static bool parse_header(struct part *p, const unsigned char *start, size_t n)
{
	if (n < 8 || start[0] || start[1] || !item_size(start[2]) || start[3] < 1
		|| start[3] > TENSOR_DIMS - 1 || n < 4 + 4 * (size_t)start[3])
		return false;
	p->type = start[2];
	p->ndim = start[3];
	p->item = item_size(p->type);
	p->row = p->item;
	for (int i = 0; i < p->ndim; i++) {
		p->dims[i] = big_endian(start + 4 + 4 * i);
		if (i > 0 && (p->dims[i] == 0 || !mem_mul(p->row, p->dims[i], &p->row)))
			return false;
	}
	p->data = 4 + 4 * (uint64_t)p->ndim;
	size_t all;
	return mem_mul(p->row, p->dims[0], &all) && mem_add(all, p->data, &all);
}

static void part_close(struct part *p)
{
	input_close(p->in);
	p->in = NULL;
}

/* Owns in. */
static int part_open(
	struct part *p, struct input *in, const struct dataset_options *o, struct cvt_err *e)
{
	const unsigned char *start;
	size_t n;
	p->in = in;
	TRY(input_unpack(in, o->max_expansion, e));
	TRY(input_peek(in, 64, &start, &n, e));
	if (!parse_header(p, start, n))
		return cvt_fail(e, CVT_INPUT,
			"%s: is no IDX file, or its header is cut or impossible", input_name(in));
	TRY(input_hold(in, o->max_memory, e));
	const size_t want = (size_t)p->data + p->row * p->dims[0], have = input_size(in);
	if (want != have)
		return cvt_fail(e, CVT_INPUT,
			"%s: has %zu bytes where its header promises %zu; it is %s", input_name(in),
			have, want, have < want ? "cut" : "damaged");
	return CVT_OK;
}

/* ---- items ------------------------------------------------------------------------- */

static enum dtype dtype_of(int type)
{
	return type == TYPE_U1 ? DT_U1 : type < TYPE_F4 ? DT_I4 : DT_F4;
}

static void turn_round(unsigned char *p, const unsigned char *big, size_t size)
{
	for (size_t i = 0; i < size; i++)
		p[i] = big[size - 1 - i];
}

/* n items as they lie in the file to ours. */
static void convert(int type, const unsigned char *from, size_t n, void *to)
{
	const size_t size = item_size(type);
	for (size_t i = 0; i < n; i++, from += size) {
		unsigned char *u = (unsigned char *)to + 4 * i;
		int32_t whole = 0;
		float real;
		double wide;
		if (type == TYPE_I1)
			whole = from[0] < 128 ? from[0] : from[0] - 256;
		else if (type == TYPE_I2)
			whole = (from[0] < 128 ? from[0] : from[0] - 256) * 256 + from[1];
		if (type == TYPE_I1 || type == TYPE_I2)
			memcpy(u, &whole, 4);
		else if (size == 4)
			turn_round(u, from, 4);
		else {
			turn_round((unsigned char *)&wide, from, 8);
			real = (float)wide;
			memcpy(u, &real, 4);
		}
	}
}

/* ---- labels ------------------------------------------------------------------------ */

static int load_labels(struct idx *x, const struct part *p, struct cvt_err *e)
{
	const size_t n = p->dims[0];
	if (p->ndim != 1 || p->type >= TYPE_F4)
		return cvt_fail(e, CVT_INPUT, "%s: holds no labels", input_name(p->in));
	unsigned char *raw = mem_alloc(n, p->item, e);
	x->label = mem_alloc(n, sizeof *x->label, e);
	if (!raw || !x->label) {
		free(raw);
		return CVT_SYSTEM;
	}
	const int code = input_pread(p->in, raw, n * p->item, p->data, e);
	if (code == CVT_OK && p->type == TYPE_U1)
		for (size_t i = 0; i < n; i++)
			x->label[i] = raw[i];
	else if (code == CVT_OK)
		convert(p->type, raw, n, x->label);
	free(raw);
	return code;
}

/* The names are the numbers. */
static int name_labels(struct dataset *d, const struct idx *x, struct cvt_err *e)
{
	int32_t most = -1;
	for (size_t i = 0; i < d->rows; i++)
		most = x->label[i] > most ? x->label[i] : most;
	TRY(dataset_add_number(d, "label", DT_I4, e));
	if (most < 0 || most >= LABELS_AT_MOST)
		return CVT_OK;
	return dataset_name_classes(d, "label", (size_t)most + 1, NULL, 0, e);
}

/* ---- the data set ------------------------------------------------------------------ */

static bool is_colour(size_t channels)
{
	return channels == 1 || channels == 3;
}

/* The field that the rows become, and its row shape. */
static int describe(struct dataset *d, struct idx *x, struct cvt_err *e)
{
	const struct part *p = &x->rows;
	size_t dims[TENSOR_DIMS];
	int n = p->ndim - 1;
	memcpy(dims, p->dims + 1, sizeof dims - sizeof *dims);
	const bool picture = n >= 2 && (p->type == TYPE_U1 || p->type >= TYPE_F4);
	if (picture && (n == 2 || !is_colour(dims[n - 1])) && n < TENSOR_DIMS - 1)
		dims[n++] = 1;
	const char *name = picture ? "image" : n == 1 && p->type >= TYPE_F4 ? "embedding" : "data";
	(void)snprintf(x->field, sizeof x->field, "%s", name);
	return head_add_field(&d->head, name, dtype_of(p->type), 0, n, dims, e);
}

/* Owns the inputs; either may be NULL. */
static int open_pair(struct dataset *d, struct input *rows, struct input *labels,
	const struct dataset_options *o, struct cvt_err *e)
{
	struct part second = {.in = labels};
	struct idx *x = mem_alloc(1, sizeof *x, e);
	int code = x ? CVT_OK : CVT_SYSTEM;
	if (x) {
		d->state = x;
		x->rows.in = rows;
	} else
		input_close(rows);
	if (code == CVT_OK && rows)
		code = part_open(&x->rows, rows, o, e);
	if (code == CVT_OK && rows) {
		code = describe(d, x, e);
		/* without rows, their size is only a claim */
		if (code == CVT_OK && x->rows.dims[0])
			code = dataset_check_row(d, o->max_memory, e);
		x->raw = code == CVT_OK ? mem_alloc(1, x->rows.dims[0] ? x->rows.row : 1, e) : NULL;
		code = code == CVT_OK && !x->raw ? CVT_SYSTEM : code;
	}
	if (code == CVT_OK && labels)
		code = part_open(&second, labels, o, e);
	if (code == CVT_OK && rows && labels && second.dims[0] != x->rows.dims[0])
		code = cvt_fail(e, CVT_INPUT, "%s: has %zu labels for the %zu rows of %s",
			input_name(labels), second.dims[0], x->rows.dims[0], input_name(rows));
	if (code == CVT_OK) {
		d->rows = rows ? x->rows.dims[0] : second.dims[0];
		d->held += (rows ? input_held(rows) : 0) + (labels ? 4 * d->rows : 0);
	}
	if (code == CVT_OK && labels)
		code = load_labels(x, &second, e);
	if (code == CVT_OK && labels)
		code = name_labels(d, x, e);
	part_close(&second);
	return code == CVT_OK ? dataset_add_number(d, "index", DT_I8, e) : code;
}

static int idx_probe(struct input *in, const unsigned char *start, size_t n)
{
	struct part p;
	(void)in;
	return parse_header(&p, start, n) ? 2 : 0;
}

static int idx_open(
	struct dataset *d, struct input *in, const struct dataset_options *o, struct cvt_err *e)
{
	const unsigned char *start;
	size_t n, chosen;
	struct part p;
	int code = dataset_choose_split(input_name(in), NULL, 0, o, &chosen, e);
	if (code == CVT_OK)
		code = input_peek(in, 64, &start, &n, e);
	if (code != CVT_OK) {
		input_close(in);
		return code;
	}
	const bool labels = parse_header(&p, start, n) && p.ndim == 1;
	return open_pair(d, labels ? NULL : in, labels ? in : NULL, o, e);
}

/* Neighbours in the file are read at once. */
static size_t run_length(const size_t *pick, size_t n)
{
	size_t run = 1;
	while (run < n && pick[run] == pick[run - 1] + 1)
		run++;
	return run;
}

static int read_rows(
	const struct idx *x, const size_t *pick, size_t n, struct tensor *t, struct cvt_err *e)
{
	const struct part *p = &x->rows;
	const size_t items = p->row / p->item, size = dtype_size(t->dtype);
	unsigned char *to = t->data;
	if (p->type == TYPE_U1)
		for (size_t i = 0, run; i < n; i += run) {
			run = run_length(pick + i, n - i);
			TRY(input_pread(p->in, to + i * p->row, run * p->row,
				p->data + pick[i] * p->row, e));
		}
	else
		for (size_t i = 0; i < n; i++) {
			TRY(input_pread(p->in, x->raw, p->row, p->data + pick[i] * p->row, e));
			convert(p->type, x->raw, items, to + i * items * size);
		}
	return CVT_OK;
}

static int idx_read(
	struct dataset *d, const size_t *pick, size_t n, struct batch *out, struct cvt_err *e)
{
	const struct idx *x = d->state;
	TRY(dataset_start(d, pick, n, out, e));
	if (x->rows.in)
		TRY(read_rows(x, pick, n, batch_get(out, x->field), e));
	int32_t *label = x->label ? batch_get(out, "label")->data : NULL;
	for (size_t i = 0; label && i < n; i++)
		label[i] = x->label[pick[i]];
	return CVT_OK;
}

static int idx_labels(struct dataset *d, int32_t *label, struct cvt_err *e)
{
	const struct idx *x = d->state;
	(void)e;
	memcpy(label, x->label, d->rows * sizeof *label);
	return CVT_OK;
}

static void idx_close(struct dataset *d)
{
	struct idx *x = d->state;
	part_close(&x->rows);
	free(x->label);
	free(x->raw);
	free(x);
}

/* ---- folders and archives of them -------------------------------------------------- */

enum { FILES = 64, SPLIT_NAME = 64 };

/* A split: which file has its rows, which its labels (SIZE_MAX = none). */
struct pair {
	char key[SPLIT_NAME];
	const char *word;
	size_t rows, labels;
};

/* What comes before "image" or "label" in the file's name. */
static void key_of(const char *name, char *key)
{
	const char *base = tree_base(name);
	size_t n = strcspn(base, ".");
	for (size_t i = 0; base[i]; i++)
		if (strncmp(base + i, "image", 5) == 0 || strncmp(base + i, "label", 5) == 0
			|| strncmp(base + i, "idx", 3) == 0) {
			n = i;
			break;
		}
	while (n > 0 && strchr("-_. ", base[n - 1]))
		n--;
	(void)snprintf(key, SPLIT_NAME, "%.*s", (int)(n < SPLIT_NAME ? n : SPLIT_NAME - 1), base);
}

/* The usual word in a key such as "emnist-balanced-train". */
static const char *word_in(const char *key)
{
	char copy[SPLIT_NAME];
	(void)snprintf(copy, sizeof copy, "%.*s", SPLIT_NAME - 1, key);
	const char *found = NULL;
	for (char *s = copy, *end; *s; s = end) {
		end = s + strcspn(s, "-_.");
		if (*end)
			*end++ = '\0';
		found = dataset_split_word(s) ? dataset_split_word(s) : found;
	}
	return found;
}

/* Dimensions of file i when it is IDX (in one layer of compression at most), else 0. */
static int sniff(struct tree *t, size_t i, int *ndim, struct cvt_err *e)
{
	struct input *in = NULL;
	struct part p;
	const unsigned char *start;
	size_t n;
	*ndim = 0;
	int code = tree_input(t, i, &in, e);
	if (code == CVT_OK)
		code = input_unpack(in, 1000, e);
	if (code == CVT_OK)
		code = input_peek(in, 64, &start, &n, e);
	if (code == CVT_OK && parse_header(&p, start, n))
		*ndim = p.ndim;
	input_close(in);
	return code;
}

static struct pair *pair_of(struct pair *pair, size_t *n, const char *key)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp(pair[i].key, key) == 0)
			return &pair[i];
	pair[*n] = (struct pair){.rows = SIZE_MAX, .labels = SIZE_MAX};
	(void)snprintf(pair[*n].key, SPLIT_NAME, "%.*s", SPLIT_NAME - 1, key);
	return &pair[(*n)++];
}

/* Two files, one of rows and one of labels, belong together whatever they are called. */
static void join_two(struct pair *pair, size_t *n)
{
	if (*n != 2 || (pair[0].rows == SIZE_MAX) == (pair[1].rows == SIZE_MAX)
		|| (pair[0].labels == SIZE_MAX) == (pair[1].labels == SIZE_MAX))
		return;
	if (pair[0].rows == SIZE_MAX)
		pair[0].rows = pair[1].rows;
	else
		pair[0].labels = pair[1].labels;
	*n = 1;
}

static int find_pairs(struct tree *t, struct pair *pair, size_t *n, struct cvt_err *e)
{
	*n = 0;
	for (size_t i = 0; i < t->n; i++) {
		char key[SPLIT_NAME];
		int ndim;
		TRY(sniff(t, i, &ndim, e)); /* labels that cannot be looked at are not left out */
		if (ndim == 0)
			continue;
		key_of(t->entry[i].name, key);
		struct pair *p = pair_of(pair, n, key);
		size_t *to = ndim == 1 ? &p->labels : &p->rows;
		if (*to != SIZE_MAX)
			return cvt_fail(e, CVT_INPUT,
				"%s: '%s' and '%s' cannot be told apart by name; name "
				"the files instead of the folder",
				t->name, t->entry[*to].name, t->entry[i].name);
		*to = i;
	}
	join_two(pair, n);
	return CVT_OK;
}

/* "train" rather than "emnist-train" where that says which. */
static void name_splits(struct pair *pair, size_t n, const char **split)
{
	for (size_t i = 0; i < n; i++)
		pair[i].word = word_in(pair[i].key);
	for (size_t i = 0; i < n; i++) {
		bool one = pair[i].word != NULL;
		for (size_t k = 0; k < n && one; k++)
			one = k == i || !pair[k].word || strcmp(pair[i].word, pair[k].word) != 0;
		split[i] = one ? pair[i].word : pair[i].key;
	}
}

static int idx_probe_tree(struct tree *t)
{
	struct cvt_err why;
	bool found = false;
	for (size_t i = 0; i < t->n && t->n <= FILES; i++) {
		int ndim;
		if (sniff(t, i, &ndim, &why) != CVT_OK)
			tree_missed(t, &why);
		found = found || ndim > 0;
	}
	return found ? 2 : 0;
}

static int idx_open_tree(struct dataset *d, const struct dataset_options *o, struct cvt_err *e)
{
	struct tree *t = d->tree;
	struct pair pair[FILES];
	const char *split[FILES];
	struct input *rows = NULL, *labels = NULL;
	size_t n, chosen;
	if (t->n > FILES)
		return cvt_fail(
			e, CVT_INPUT, "%s: too many files for a folder of IDX files", t->name);
	TRY(find_pairs(t, pair, &n, e));
	if (n == 0)
		return cvt_fail(e, CVT_INPUT, "%s: has no IDX files in it", t->name);
	name_splits(pair, n, split);
	TRY(dataset_choose_split(t->name, split, n, o, &chosen, e));
	if (pair[chosen].rows != SIZE_MAX)
		TRY(tree_input(t, pair[chosen].rows, &rows, e));
	if (pair[chosen].labels != SIZE_MAX && tree_input(t, pair[chosen].labels, &labels, e)) {
		input_close(rows);
		return e->code;
	}
	return open_pair(d, rows, labels, o, e);
}

static bool idx_goes_with(
	const unsigned char *first, size_t n, const unsigned char *second, size_t m)
{
	struct part a, b;
	return parse_header(&a, first, n) && parse_header(&b, second, m) && a.ndim > 1
	       && b.ndim == 1;
}

const struct format format_idx = {
	.name = "idx",
	.help = "IDX files of MNIST and its relatives, any dimensions, plain or gzip, alone or in "
		"a folder",
	.probe = idx_probe,
	.open = idx_open,
	.read = idx_read,
	.close = idx_close,
	.labels = idx_labels,
	.probe_tree = idx_probe_tree,
	.open_tree = idx_open_tree,
	.goes_with = idx_goes_with,
};
