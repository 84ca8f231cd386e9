/*
 * join_fields: the fields of several data sets as one schema (see join.h). Of what a data set lacks,
 * a few fields say by their absence what its rows have (`fill`): they are training rows, of full
 * weight, without a label or a text. Any other field that only some have is an error.
 */
#include "join.h"

#include <stdio.h>
#include <string.h>

static bool is_plain(const struct head_field *f)
{
	return !(f->flags & FIELD_WHOLE);
}

static bool is_picture(const struct head_field *f)
{
	return strcmp(f->name, "image") == 0 && f->dtype == DT_U1 && (!is_plain(f) || f->ndim == 3);
}

/* What tells the sizes of ragged pictures comes and goes with them. */
static bool is_table(const struct head_field *f)
{
	return strcmp(f->name, "image.at") == 0 || strcmp(f->name, "image.hwc") == 0;
}

static bool same_shape(const struct head_field *a, const struct head_field *b)
{
	if (a->dtype != b->dtype || a->flags != b->flags || a->ndim != b->ndim)
		return false;
	for (int i = 0; i < a->ndim; i++)
		if (a->dims[i] != b->dims[i])
			return false;
	return true;
}

/* What the rows of a data set without this field have. */
enum fill { FILL_NOT, FILL_ZERO, FILL_ONE, FILL_UNKNOWN };

static enum fill fill_of(const struct head_field *f)
{
	static const struct {
		const char *name;
		enum fill fill;
	} known[] = {
		{"index", FILL_ZERO}, /* rows are numbered anew */
		{"part", FILL_ZERO},
		{"copy", FILL_ZERO},
		{"weight", FILL_ONE},
		{"label", FILL_UNKNOWN},
	};
	if (head_is_text(f))
		return FILL_ZERO;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (is_plain(f) && strcmp(f->name, known[i].name) == 0)
			return known[i].fill;
	return FILL_NOT;
}

/* ---- agreeing ---------------------------------------------------------------------- */

static int make_ragged(struct head *h, const struct head_field *f, struct cvt_err *e)
{
	const struct head_field old = *f; /* the field is about to be made anew */
	const char *name = old.name;
	const size_t varies[] = {HEAD_VARIES}, three[] = {3};
	char at[FIELD_NAME + 4], hwc[FIELD_NAME + 5];
	(void)snprintf(at, sizeof at, "%s.at", name);
	(void)snprintf(hwc, sizeof hwc, "%s.hwc", name);
	TRY(head_add_field(h, name, DT_U1, FIELD_WHOLE, 1, varies, e));
	TRY(head_add_field(h, at, DT_I8, 0, 0, three, e));
	return head_add_field(h, hwc, DT_I4, 0, 1, three, e);
}

static int one_lacks(
	const char *has, const struct head_field *f, const char *lacks, struct cvt_err *e)
{
	const int n = is_table(f) ? (int)strlen("image") : FIELD_NAME;
	return cvt_fail(e, CVT_INPUT,
		"%s: has the field %.*s, which %s lacks; leave it out first: cv-read %s --drop "
		"%.*s",
		has, n, f->name, lacks, has, n, f->name);
}

/* Field f of the whole is not d's; the first of the data sets before d that has it is to blame. */
static int agree_without(const struct join *j, const struct head_field *f, const struct dataset *d,
	struct cvt_err *e)
{
	const struct dataset *has = j->set[0].data;
	if (fill_of(f) != FILL_NOT)
		return CVT_OK;
	for (size_t i = j->sets; i-- > 0;)
		if (head_field(&j->set[i].data->head, f->name))
			has = j->set[i].data;
	return one_lacks(has->name, f, d->name, e);
}

/* Makes field f of the whole hold b, that of d, too. */
static int agree_field(struct join *j, struct head_field *f, const struct head_field *b,
	const struct dataset *d, bool by_number, struct cvt_err *e)
{
	struct head_field wide = *b;
	const size_t columns = relabel_columns(&j->head, f, &d->head, b, by_number);
	if (columns && wide.ndim == f->ndim)
		f->dims[f->ndim - 1] = wide.dims[f->ndim - 1] = columns;
	if (same_shape(f, &wide))
		return CVT_OK;
	if (is_picture(f) && is_picture(b))
		return is_plain(f) ? make_ragged(&j->head, f, e) : CVT_OK;
	if (head_is_text(f) && head_is_text(b)) {
		f->dims[0] = HEAD_VARIES;
		return CVT_OK;
	}
	return cvt_fail(e, CVT_INPUT,
		"%s: its field %s has another type or shape than that of %s; leave it out first: "
		"cv-read --drop %s",
		d->name, f->name, j->set[0].data->name, f->name);
}

/* The fields that none of the data sets before d has. */
static int add_fields(struct join *j, const struct dataset *d, struct cvt_err *e)
{
	for (size_t i = 0; i < d->head.nfields; i++) {
		const struct head_field *f = &d->head.field[i];
		if (head_field(&j->head, f->name))
			continue;
		if (fill_of(f) == FILL_NOT)
			return one_lacks(d->name, f, j->set[0].data->name, e);
		TRY(head_add_field(&j->head, f->name, f->dtype, f->flags, f->ndim, f->dims, e));
	}
	return CVT_OK;
}

int join_agree_fields(
	struct join *j, const struct dataset *d, bool classes_by_number, struct cvt_err *e)
{
	for (size_t i = 0; i < j->head.nfields; i++) {
		struct head_field *f = &j->head.field[i];
		const struct head_field *b = head_field(&d->head, f->name);
		if (is_table(f) && head_field(&d->head, "image"))
			continue;
		TRY(b ? agree_field(j, f, b, d, classes_by_number, e) : agree_without(j, f, d, e));
	}
	return add_fields(j, d, e);
}

/* ---- rows -------------------------------------------------------------------------- */

/* Pictures of one size to the three ragged tensors. */
static int spread_picture(const struct field *f, struct batch *to, struct cvt_err *e)
{
	const size_t n = f->t.dims[0], row = tensor_row_bytes(&f->t);
	const size_t bytes[] = {f->t.bytes}, ends[] = {n + 1}, sizes[] = {n, 3};
	struct field *image = batch_add(to, "image", e);
	if (!image)
		return CVT_SYSTEM;
	image->flags = FIELD_WHOLE;
	TRY(tensor_shape(&image->t, DT_U1, 1, bytes, e));
	memcpy(image->t.data, f->t.data, f->t.bytes);
	struct field *at = batch_add(to, "image.at", e);
	if (!at)
		return CVT_SYSTEM;
	TRY(tensor_shape(&at->t, DT_I8, 1, ends, e));
	struct field *hwc = batch_add(to, "image.hwc", e);
	if (!hwc)
		return CVT_SYSTEM;
	TRY(tensor_shape(&hwc->t, DT_I4, 2, sizes, e));
	at = batch_field(to, "image.at");
	for (size_t i = 0; i <= n; i++)
		((int64_t *)at->t.data)[i] = (int64_t)(i * row);
	for (size_t i = 0; i < 3 * n; i++)
		((int32_t *)hwc->t.data)[i] = (int32_t)f->t.dims[1 + i % 3];
	return CVT_OK;
}

/* An unknown label is -1, or zeros when it is soft. */
static void fill(struct tensor *t, enum fill how)
{
	if (t->bytes)
		memset(t->data, how == FILL_UNKNOWN && t->dtype != DT_F4 ? 0xff : 0, t->bytes);
	for (size_t i = 0; how == FILL_ONE && t->dtype == DT_F4 && i < tensor_items(t); i++)
		((float *)t->data)[i] = 1;
}

int join_conform_field(const struct head_field *h, const struct field *f, size_t n,
	struct batch *to, struct cvt_err *e)
{
	if (f && !is_plain(h) && !(f->flags & FIELD_WHOLE))
		return spread_picture(f, to, e);
	if (!f && batch_get(to, h->name)->ndim) /* came with the picture */
		return CVT_OK;
	struct field *t = batch_add(to, h->name, e);
	if (!t)
		return CVT_SYSTEM;
	t->flags = h->flags;
	if (f)
		return tensor_copy(&t->t, &f->t, e);
	size_t dims[TENSOR_DIMS] = {n};
	for (int i = 0; i < h->ndim; i++) /* a text that is missing grows as others need it */
		dims[i + 1] = h->dims[i] == HEAD_VARIES ? 1 : h->dims[i];
	TRY(tensor_shape(&t->t, h->dtype, h->ndim + 1, dims, e));
	fill(&t->t, fill_of(h));
	return CVT_OK;
}
