/* join: several data sets as one (see join.h). */
#include "join.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int join_add(struct join *j, struct dataset *d, struct cvt_err *e)
{
	void *p = j->set;
	if (mem_grow(&p, &j->capacity, j->sets + 1, sizeof *j->set, e) != CVT_OK) {
		dataset_close(d);
		return CVT_SYSTEM;
	}
	j->set = p;
	j->set[j->sets++] = (struct join_set){.data = d, .first = j->rows};
	return mem_add(j->rows, d->rows, &j->rows) ? CVT_OK
						   : cvt_fail(e, CVT_INPUT, "too many rows");
}

void join_close(struct join *j)
{
	for (size_t i = 0; i < j->sets; i++) {
		dataset_close(j->set[i].data);
		free(j->set[i].to_label);
	}
	free(j->set);
	batch_free(&j->part);
	batch_free(&j->all);
	free(j->pick);
	free(j->order);
	free(j->from);
	head_free(&j->head);
	*j = (struct join){0};
}

size_t join_held(const struct join *j)
{
	size_t n = 0;
	for (size_t i = 0; i < j->sets; i++)
		n += j->set[i].data->held;
	return n;
}

size_t join_channels(const struct join *j)
{
	size_t all = 0;
	for (size_t i = 0; i < j->sets; i++) {
		const struct dataset *d = j->set[i].data;
		const struct head_field *f = head_field(&d->head, "image");
		const bool fixed = f && !(f->flags & FIELD_WHOLE) && f->ndim == 3;
		const size_t own = fixed ? f->dims[2] : f ? d->channels : 0;
		if (f && (all ? all : own) != own)
			return 3;
		all = f ? own : all;
	}
	return all ? all : 3;
}

bool join_is_group(const struct join *j, size_t row, size_t next)
{
	const struct join_set *s = &j->set[join_set_of(j, row)];
	return s->data->group && row >= s->first && next >= s->first
	       && next - s->first < s->data->rows
	       && s->data->group[row - s->first] == s->data->group[next - s->first];
}

size_t join_set_of(const struct join *j, size_t row)
{
	size_t low = 0, high = j->sets;
	while (high - low > 1) {
		const size_t middle = low + (high - low) / 2;
		if (j->set[middle].first <= row)
			low = middle;
		else
			high = middle;
	}
	return low;
}

int64_t join_index(const struct join *j, size_t row)
{
	const struct dataset *d = j->set[0].data;
	return j->sets == 1 && d->index ? d->index[row] : (int64_t)row;
}

bool join_is_validation(const struct join *j, size_t row)
{
	const struct join_set *s = &j->set[join_set_of(j, row)];
	return s->data->part && head_field(&j->head, "part") && s->data->part[row - s->first] == 1;
}

/* ---- one schema for all ------------------------------------------------------------ */

static bool is_picture(const struct head_field *f)
{
	return strcmp(f->name, "image") == 0 && f->dtype == DT_U1
	       && ((f->flags & FIELD_WHOLE) || f->ndim == 3);
}

static bool is_plain(const struct head_field *f)
{
	return !(f->flags & FIELD_WHOLE);
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

/* Texts (name, caption) are as long as they have to be. */
static bool is_text(const struct head_field *f)
{
	return f->dtype == DT_U1 && f->ndim == 1
	       && (strcmp(f->name, "name") == 0 || strcmp(f->name, "caption") == 0);
}

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

/* Makes field f of the whole hold b's, too; *keep false when it has to go. */
static int agree_field(struct join *j, struct head_field *f, const struct head_field *b,
	const struct dataset *d, bool *keep, struct cvt_err *e)
{
	*keep = true;
	if (!b)
		*keep = strcmp(f->name, "label") == 0 || is_text(f);
	else if (is_text(f) && is_text(b))
		f->dims[0] = b->dims[0] > f->dims[0] ? b->dims[0] : f->dims[0];
	else if (is_picture(f) && is_picture(b) && !same_shape(f, b))
		return is_plain(f) ? make_ragged(&j->head, f, e) : CVT_OK;
	else if (!same_shape(f, b))
		return cvt_fail(e, CVT_INPUT,
			"%s: its field %s has another type or shape than that of %s; leave it out "
			"with "
			"--drop %s",
			d->name, f->name, j->set[0].data->name, f->name);
	return CVT_OK;
}

static int agree_fields(struct join *j, const struct dataset *d, struct cvt_err *e)
{
	for (size_t i = 0; i < j->head.nfields;) {
		struct head_field f = j->head.field[i];
		const bool table =
			head_field(&j->head, "image.at") && strncmp(f.name, "image.", 6) == 0;
		bool keep = true;
		if (!table)
			TRY(agree_field(
				j, &j->head.field[i], head_field(&d->head, f.name), d, &keep, e));
		if (keep)
			i++;
		else
			head_remove_field(&j->head, f.name);
	}
	return CVT_OK;
}

/* ---- one list of classes ----------------------------------------------------------- */

static int add_names(struct join *j, const struct head_classes *from, struct cvt_err *e)
{
	const struct head_classes *have = head_classes(&j->head, from->field);
	for (size_t k = have ? have->n : 0; k < from->n; k++)
		if (from->name[k])
			TRY(head_set_class(&j->head, from->field, k, from->name[k], e));
	return CVT_OK;
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

static int agree_classes(struct join *j, struct join_set *s, bool by_number, struct cvt_err *e)
{
	const struct head *h = &s->data->head;
	for (size_t i = 0; i < h->nclasses; i++) {
		const struct head_classes *c = &h->classes[i];
		const struct head_classes *all = head_classes(&j->head, c->field);
		if (by_number || !all || (is_numbered(c) && is_numbered(all))) {
			TRY(add_names(j, c, e));
			continue;
		}
		int32_t *to = NULL;
		if (head_match_classes(c, all, &to, e) != CVT_OK)
			return cvt_fail_at(e, "%s", s->data->name);
		if (strcmp(c->field, "label") == 0) {
			s->to_label = to;
			s->classes = c->n;
		} else
			free(to);
	}
	return CVT_OK;
}

int join_agree(struct join *j, bool classes_by_number, struct cvt_err *e)
{
	TRY(head_copy(&j->head, &j->set[0].data->head, e));
	for (size_t i = 1; i < j->sets; i++) {
		TRY(agree_fields(j, j->set[i].data, e));
		TRY(agree_classes(j, &j->set[i], classes_by_number, e));
	}
	j->head.rows = j->rows;
	if (j->sets > 1)
		j->head.index = j->rows;
	j->head.epochs = 1;
	return CVT_OK;
}

/* ---- rows -------------------------------------------------------------------------- */

static void relabel(const struct join_set *s, int32_t *label, size_t n)
{
	for (size_t i = 0; s->to_label && i < n; i++)
		label[i] =
			label[i] >= 0 && (size_t)label[i] < s->classes ? s->to_label[label[i]] : -1;
}

int join_labels(struct join *j, int32_t *label, struct cvt_err *e)
{
	for (size_t i = 0; i < j->sets; i++) {
		struct join_set *s = &j->set[i];
		TRY(dataset_labels(s->data, label + s->first, e));
		relabel(s, label + s->first, s->data->rows);
	}
	return CVT_OK;
}

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

/* Field h of the whole for n rows whose own is f (NULL = none). */
static int conform_field(const struct head_field *h, const struct field *f, size_t n,
	struct batch *to, struct cvt_err *e)
{
	if (f && (h->flags & FIELD_WHOLE) && !(f->flags & FIELD_WHOLE))
		return spread_picture(f, to, e);
	if (!f && batch_get(to, h->name)->ndim) /* came with the picture */
		return CVT_OK;
	struct field *t = batch_add(to, h->name, e);
	if (!t)
		return CVT_SYSTEM;
	t->flags = h->flags;
	if (f)
		return tensor_copy(&t->t, &f->t, e);
	/* What is missing: a label is -1, a text is empty (and grows to the length of the others).
	 */
	size_t dims[TENSOR_DIMS] = {n};
	for (int i = 0; i < h->ndim; i++)
		dims[i + 1] = h->dims[i] == HEAD_VARIES ? 0 : h->dims[i];
	TRY(tensor_shape(&t->t, h->dtype, h->ndim + 1, dims, e));
	memset(t->t.data, 0xff, t->t.bytes);
	return CVT_OK;
}

static int append_part(struct join *j, size_t which, size_t n, struct cvt_err *e)
{
	struct join_set *s = &j->set[which];
	struct batch same = {.rows = n};
	TRY(dataset_read(s->data, j->pick, n, &j->part, e));
	int code = CVT_OK;
	for (size_t i = 0; i < j->head.nfields && code == CVT_OK; i++)
		code = batch_add(&same, j->head.field[i].name, e) ? CVT_OK : CVT_SYSTEM;
	for (size_t i = 0; i < j->head.nfields && code == CVT_OK; i++) {
		const struct head_field *h = &j->head.field[i];
		code = conform_field(h, batch_field(&j->part, h->name), n, &same, e);
	}
	struct tensor *label = batch_get(&same, "label"), *index = batch_get(&same, "index");
	if (label && label->dtype == DT_I4 && label->ndim == 1)
		relabel(s, label->data, n);
	for (size_t i = 0; index && index->data && i < n; i++)
		((int64_t *)index->data)[i] = (int64_t)(s->first + j->pick[i]);
	if (code == CVT_OK)
		code = batch_append(&j->all, &same, 0, n, e);
	batch_free(&same);
	return code;
}

static int make_scratch(struct join *j, size_t n, struct cvt_err *e)
{
	if (n <= j->scratch)
		return CVT_OK;
	free(j->pick);
	free(j->order);
	free(j->from);
	j->pick = mem_alloc(n, sizeof *j->pick, e);
	j->order = mem_alloc(n, sizeof *j->order, e);
	j->from = mem_alloc(n, sizeof *j->from, e);
	j->scratch = j->pick && j->order && j->from ? n : 0;
	return j->scratch ? CVT_OK : CVT_SYSTEM;
}

/* A thousand data sets, read one after the other, must not all keep files and buffers. */
static void wake(struct join *j, size_t s)
{
	for (size_t i = 0; i < JOIN_AWAKE && i < j->awakened; i++)
		if (j->awake[i] == s)
			return;
	size_t *place = &j->awake[j->awakened % JOIN_AWAKE];
	if (j->awakened++ >= JOIN_AWAKE)
		dataset_rest(j->set[*place].data);
	*place = s;
}

/* The rows of the batch that are set s's. */
static size_t picks_of(struct join *j, size_t s, const size_t *pick, size_t n, size_t done)
{
	size_t m = 0;
	for (size_t i = 0; i < n; i++)
		if (j->from[i] == s) {
			j->pick[m] = pick[i] - j->set[s].first;
			j->order[i] = done + m++;
		}
	return m;
}

/* Every data set is asked once for all its rows of the batch; then they are put in order. */
int join_read(struct join *j, const size_t *pick, size_t n, struct batch *out, struct cvt_err *e)
{
	if (j->sets == 1)
		return dataset_read(j->set[0].data, pick, n, out, e);
	TRY(make_scratch(j, n, e));
	j->all.n = j->all.rows = 0;
	size_t low = j->sets, high = 0, done = 0;
	for (size_t i = 0; i < n; i++) {
		j->from[i] = join_set_of(j, pick[i]);
		low = j->from[i] < low ? j->from[i] : low;
		high = j->from[i] > high ? j->from[i] : high;
	}
	for (size_t s = low; done < n && s <= high; s++) {
		const size_t m = picks_of(j, s, pick, n, done);
		if (m == 0)
			continue;
		wake(j, s);
		TRY(append_part(j, s, m, e));
		done += m;
	}
	return batch_gather(out, &j->all, j->order, n, e);
}
