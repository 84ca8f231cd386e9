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
	j->largest = d->largest > j->largest ? d->largest : j->largest;
	return mem_add(j->rows, d->rows, &j->rows) ? CVT_OK
						   : cvt_fail(e, CVT_INPUT, "too many rows");
}

void join_close(struct join *j)
{
	for (size_t i = 0; i < j->sets; i++) {
		dataset_close(j->set[i].data);
		relabel_close(&j->set[i].relabel);
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

/* ---- one list of classes ----------------------------------------------------------- */

/* Does the whole say nothing yet of what list c names? */
static bool is_new(const struct join *j, const struct head *h, const struct head_classes *c)
{
	const struct head_field *f = head_field(h, c->field);
	return f ? !relabel_list(&j->head, f) : !head_classes(&j->head, c->field);
}

/* The lists of the whole grow where numbers count, and else have to have every name. */
static int agree_list(
	struct join *j, const struct head_classes *c, bool by_number, struct cvt_err *e)
{
	const struct head_classes *all = head_classes(&j->head, c->field);
	int32_t *to = NULL;
	if (!all) /* the field has another's: relabel_open */
		return CVT_OK;
	if (relabel_by_number(c, all, by_number))
		return relabel_grow(&j->head, c->field, c, e);
	TRY(head_match_classes(c, all, &to, e));
	free(to);
	return CVT_OK;
}

static int agree_classes(struct join *j, const struct head *h, bool by_number, struct cvt_err *e)
{
	bool new[HEAD_LISTS] = {0};
	for (size_t i = 0; i < h->nclasses; i++)
		new[i] = is_new(j, h, &h->classes[i]);
	for (size_t i = 0; i < h->nclasses; i++)
		TRY(new[i] ? relabel_grow(&j->head, h->classes[i].field, &h->classes[i], e)
			   : agree_list(j, &h->classes[i], by_number, e));
	return CVT_OK;
}

/* Which set is to blame stands before what is wrong with it. */
static int blame(int code, const struct join_set *s, struct cvt_err *e)
{
	return code == CVT_INPUT ? cvt_fail_at(e, "%s", s->data->name) : code;
}

/* Groups of different sets are different ones: those of a set follow those before it. */
static int agree_groups(struct join *j, struct cvt_err *e)
{
	int64_t end = 0;
	for (size_t i = 0; i < j->sets; i++) {
		struct join_set *s = &j->set[i];
		const int64_t *group = s->data->group;
		if (!group || s->data->rows == 0)
			continue;
		int64_t least = group[0], most = group[0];
		for (size_t r = 1; r < s->data->rows; r++) {
			least = group[r] < least ? group[r] : least;
			most = group[r] > most ? group[r] : most;
		}
		const uint64_t span = (uint64_t)most - (uint64_t)least;
		s->least_group = least;
		s->first_group = i ? end : least;
		if (s->first_group < 0 ? most == INT64_MAX
				       : span >= (uint64_t)(INT64_MAX - s->first_group))
			return cvt_fail(e, CVT_INPUT,
				"%s: the numbers of its groups are too large; leave them out "
				"first: "
				"cv-read --drop group",
				s->data->name);
		end = (int64_t)((uint64_t)s->first_group + span) + 1;
		end = end < 0 ? 0 : end;
	}
	return CVT_OK;
}

int join_agree(struct join *j, bool classes_by_number, struct cvt_err *e)
{
	TRY(head_copy(&j->head, &j->set[0].data->head, e));
	for (size_t i = 1; i < j->sets; i++)
		TRY(blame(agree_classes(j, &j->set[i].data->head, classes_by_number, e), &j->set[i],
			e));
	for (size_t i = 1; i < j->sets; i++)
		TRY(join_agree_fields(j, j->set[i].data, classes_by_number, e));
	for (size_t i = 0; j->sets > 1 && i < j->sets; i++) {
		struct join_set *s = &j->set[i];
		TRY(blame(relabel_open(&s->relabel, &s->data->head, &j->head, classes_by_number, e),
			s, e));
	}
	if (j->sets > 1)
		TRY(agree_groups(j, e));
	j->head.rows = j->rows;
	if (j->sets > 1)
		j->head.index = j->rows;
	j->head.epochs = 1;
	return CVT_OK;
}

/* ---- rows -------------------------------------------------------------------------- */

int join_labels(struct join *j, int32_t *label, struct cvt_err *e)
{
	for (size_t i = 0; i < j->sets; i++) {
		struct join_set *s = &j->set[i];
		TRY(dataset_labels(s->data, label + s->first, e));
		relabel_numbers(&s->relabel, "label", label + s->first, s->data->rows);
	}
	return CVT_OK;
}

/* By their place in the whole. */
static void number_rows(const struct join *j, const struct join_set *s, const struct batch *b)
{
	const struct tensor *index = batch_get(b, "index"), *group = batch_get(b, "group");
	int64_t *g = s->data->group && group ? group->data : NULL;
	for (size_t i = 0; index && index->data && i < b->rows; i++)
		((int64_t *)index->data)[i] = (int64_t)(s->first + j->pick[i]);
	for (size_t i = 0; g && i < b->rows; i++)
		g[i] = s->first_group + (int64_t)((uint64_t)g[i] - (uint64_t)s->least_group);
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
		code = join_conform_field(h, batch_field(&j->part, h->name), n, &same, e);
	}
	if (code == CVT_OK)
		code = blame(relabel_rows(&s->relabel, &same, e), s, e);
	if (code == CVT_OK)
		number_rows(j, s, &same);
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
int join_read(struct join *j, const size_t *pick, size_t n, size_t behind, struct batch *out,
	struct cvt_err *e)
{
	if (j->sets == 1) {
		j->set[0].data->behind = behind;
		return dataset_read(j->set[0].data, pick, n, out, e);
	}
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
