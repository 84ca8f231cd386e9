/* knn_fields: what cv-knn passes on of a row, and what it adds (see knn_fields.h). */
#include "fields.h"

#include <stdio.h>
#include <string.h>

/* ---- the schema -------------------------------------------------------------------- */

/* What later tools rarely need and what makes the stream large: what was searched, other features,
 * pictures and whatever else has more than one dimension a row or varies in size. */
static bool bulky(const struct knn_fields *k, const struct head *h, const struct head_field *f)
{
	static const char *const large[] = {"embedding", "logits", NULL};
	if (strcmp(f->name, k->searched) == 0 || f->ndim > 1 || (f->flags & FIELD_WHOLE))
		return true;
	for (const char *const *l = large; *l; l++)
		if (strcmp(f->name, *l) == 0)
			return true;
	char base[FIELD_NAME];
	const char *dot = strrchr(f->name, '.');
	(void)snprintf(base, sizeof base, "%.*s", dot ? (int)(dot - f->name) : 0, f->name);
	const struct head_field *whole = head_field(h, base);
	return whole && (whole->flags & FIELD_WHOLE);
}

static bool is_ours(const struct knn_fields *k, const char *name)
{
	return (k->predict && (strcmp(name, "prediction") == 0 || strcmp(name, "probs") == 0))
	       || (k->neighbours
		       && (strcmp(name, "neighbours") == 0 || strcmp(name, "distances") == 0));
}

bool knn_fields_keeps(const struct knn_fields *k, const struct head *h, const struct head_field *f)
{
	return !is_ours(k, f->name) && (k->keep || !bulky(k, h, f));
}

int knn_fields_head(
	const struct knn_fields *k, const struct head *from, struct head *to, struct cvt_err *e)
{
	for (size_t i = 0; i < from->nfields; i++)
		if (!knn_fields_keeps(k, from, &from->field[i]))
			head_remove_field(to, from->field[i].name);
	if (k->predict) {
		TRY(head_add_field(to, "prediction", DT_I4, 0, 0, &k->k, e));
		TRY(head_add_field(to, "probs", DT_F4, 0, 1, &k->ballot.classes, e));
	}
	if (k->neighbours) {
		TRY(head_add_field(to, "neighbours", DT_I8, 0, 1, &k->k, e));
		TRY(head_add_field(to, "distances", DT_F4, 0, 1, &k->k, e));
	}
	return CVT_OK;
}

/* ---- the rows ---------------------------------------------------------------------- */

static struct tensor *add_field(struct batch *b, const char *name, enum dtype dtype, int ndim,
	size_t width, struct cvt_err *e)
{
	struct field *f = batch_add(b, name, e);
	const size_t dims[2] = {b->rows, width};
	if (!f || tensor_shape(&f->t, dtype, ndim, dims, e) != CVT_OK)
		return NULL;
	return &f->t;
}

static int add_prediction(const struct knn_fields *k, struct batch *rows, const size_t *row,
	const float *distance, struct cvt_err *e)
{
	const size_t classes = k->ballot.classes;
	struct tensor *t = add_field(rows, "prediction", DT_I4, 1, 0, e);
	if (!t)
		return CVT_SYSTEM;
	int32_t *best =
		t->data; /* the tensor may move when the next field comes, its data does not */
	t = add_field(rows, "probs", DT_F4, 2, classes, e);
	if (!t)
		return CVT_SYSTEM;
	float *probs = t->data;
	for (size_t i = 0; i < rows->rows; i++)
		best[i] = knn_count_votes(&k->ballot, k->k, row + i * k->k, distance + i * k->k,
			k->sum, probs + i * classes);
	return CVT_OK;
}

static int add_neighbours(const struct knn_fields *k, struct batch *rows, const size_t *row,
	const float *distance, struct cvt_err *e)
{
	struct tensor *t = add_field(rows, "neighbours", DT_I8, 2, k->k, e);
	if (!t)
		return CVT_SYSTEM;
	int64_t *number = t->data;
	for (size_t i = 0; i < rows->rows * k->k; i++)
		number[i] = k->index ? k->index[row[i]] : (int64_t)row[i];
	t = add_field(rows, "distances", DT_F4, 2, k->k, e);
	if (!t)
		return CVT_SYSTEM;
	memcpy(t->data, distance, t->bytes);
	return CVT_OK;
}

int knn_fields_add(const struct knn_fields *k, struct batch *rows, const size_t *row,
	const float *distance, struct cvt_err *e)
{
	if (k->predict)
		TRY(add_prediction(k, rows, row, distance, e));
	if (k->neighbours)
		TRY(add_neighbours(k, rows, row, distance, e));
	return CVT_OK;
}
