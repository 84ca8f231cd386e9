/*
 * trainer_target: --target FILE: a second domain in the loop. Behind every training row of the input
 * (domain 0) comes one of FILE (domain 1), in an order that the seed and the epoch decide, again and
 * again; its labels are never read. It is what cv-read's --mix 1:1 --unlabelled 1 would have made of
 * both (see trainer.h).
 */
#include "trainer.h"

#include "../../libcore/rng.h"

#include <stdlib.h>
#include <string.h>

struct target {
	struct dataset *data;
	int64_t first_index; /* its rows are numbered behind the input's */
	size_t *order;       /* of this pass */
	size_t at;           /* rows given in this epoch */
	uint32_t epoch;
	size_t *pick, capacity, *place, place_capacity;
	struct batch rows, both, mixed;
};

/* ---- opening ----------------------------------------------------------------------- */

/* Fields that are made for its rows, whether it has them or not. */
static bool is_made(const char *name)
{
	static const char *const made[] = {
		"label", "index", "domain", "copy", "part", "weight", NULL};
	for (const char *const *m = made; *m; m++)
		if (strcmp(name, *m) == 0)
			return true;
	return false;
}

static bool same_rows(const struct head_field *a, const struct head_field *b)
{
	const bool text = a->dtype == DT_U1 && a->ndim == 1 && b->ndim == 1;
	bool same = a->dtype == b->dtype && a->ndim == b->ndim
		    && !((a->flags | b->flags) & FIELD_WHOLE);
	for (int i = 0; same && !text && i < a->ndim; i++)
		same = a->dims[i] == b->dims[i];
	return same;
}

/* What mends two pictures that disagree. */
static int disagree(const struct target *x, const struct head_field *f, struct cvt_err *e)
{
	if (strncmp(f->name, "image", 5) != 0 || f->ndim != 3)
		return cvt_fail(e, CVT_INPUT,
			"%s: its field %s has another type or shape than the input's; cv-read "
			"--drop %s",
			x->data->name, f->name, f->name);
	return cvt_fail(e, CVT_INPUT,
		"%s: its pictures are not %zux%zux%zu as the input's; cv-read %s --size %zux%zu "
		"--channels %zu -o target.cvt, and name that",
		x->data->name, f->dims[0], f->dims[1], f->dims[2], x->data->name, f->dims[0],
		f->dims[1], f->dims[2]);
}

static int check_fields(const struct target *x, const struct head *h, struct cvt_err *e)
{
	for (size_t i = 0; i < h->nfields; i++) {
		const struct head_field *f = &h->field[i],
					*own = head_field(&x->data->head, f->name);
		if (is_made(f->name))
			continue;
		if (!own)
			return cvt_fail(e, CVT_INPUT,
				"%s: has no field '%s', which the input has; cv-read --drop %s "
				"before",
				x->data->name, f->name, f->name);
		if (!same_rows(f, own))
			return disagree(x, f, e);
	}
	return x->data->rows ? CVT_OK : cvt_fail(e, CVT_INPUT, "%s: has no rows", x->data->name);
}

int trainer_open_target(struct trainer *t, struct cvt_err *e)
{
	const struct dataset_options reading = {.max_memory = t->o.common.max_memory};
	struct target *x = t->target = mem_alloc(1, sizeof *x, e);
	if (!x)
		return CVT_SYSTEM;
	if (head_field(&t->head, "domain") || head_field(&t->head, "group"))
		return cvt_fail(e, CVT_USAGE,
			"--target: the input has a field '%s' already; let cv-read A B --mix 1:1 "
			"--unlabelled 1 put the domains together",
			head_field(&t->head, "domain") ? "domain" : "group");
	TRY(dataset_open(&x->data, t->o.target, &reading, e));
	TRY(check_fields(x, &t->head, e));
	TRY(head_add_history(&t->history, &x->data->head, 1, e));
	TRY(head_add_field(&t->head, "domain", DT_I4, 0, 0, NULL, e));
	x->first_index = t->head.index == HEAD_UNKNOWN ? (int64_t)1 << 40 : (int64_t)t->head.index;
	t->head.index = (size_t)x->first_index + x->data->rows;
	x->order = mem_alloc(x->data->rows, sizeof *x->order, e);
	return x->order ? CVT_OK : CVT_SYSTEM;
}

void trainer_close_target(struct trainer *t)
{
	struct target *x = t->target;
	if (!x)
		return;
	dataset_close(x->data);
	free(x->order);
	free(x->pick);
	free(x->place);
	batch_free(&x->rows);
	batch_free(&x->both);
	batch_free(&x->mixed);
	free(x);
}

/* ---- its rows ---------------------------------------------------------------------- */

/* The next n rows into x->rows. Orders are drawn as cv-read --mix --shuffle draws them. */
static int read_some(struct target *x, uint64_t seed, size_t n, struct cvt_err *e)
{
	const size_t all = x->data->rows;
	void *p = x->pick;
	TRY(mem_grow(&p, &x->capacity, n, sizeof *x->pick, e));
	x->pick = p;
	for (size_t i = 0; i < n; i++, x->at++) {
		if (x->at % all == 0) {
			struct rng r;
			rng_for(&r, seed, RNG_SHUFFLE, x->epoch, (uint64_t)1 << 32 | x->at / all);
			rng_permutation(&r, x->order, all);
		}
		x->pick[i] = x->order[x->at % all];
	}
	return dataset_read(x->data, x->pick, n, &x->rows, e);
}

/* The number that a made field has in the i-th of them; labels have all bits set, or are 0. */
static int64_t made_value(const struct target *x, const char *name, size_t i, size_t n)
{
	if (strcmp(name, "index") == 0)
		return x->first_index + (int64_t)x->pick[i];
	if (strcmp(name, "copy") == 0)
		return (int64_t)((x->at - n + i) / x->data->rows);
	return strcmp(name, "domain") == 0 || strcmp(name, "weight") == 0;
}

static int make_field(const struct target *x, const struct field *like, size_t n, struct field *to,
	struct cvt_err *e)
{
	const struct tensor *t = &like->t;
	size_t dims[TENSOR_DIMS];
	memcpy(dims, t->dims, sizeof dims);
	dims[0] = n;
	TRY(tensor_shape(&to->t, t->dtype, t->ndim, dims, e));
	if (strcmp(like->name, "label") == 0) {
		memset(to->t.data, t->dtype == DT_F4 ? 0 : 0xff, to->t.bytes);
		return CVT_OK;
	}
	for (size_t i = 0; i < n; i++) {
		const int64_t v = made_value(x, like->name, i, n);
		if (t->dtype == DT_I8)
			((int64_t *)to->t.data)[i] = v;
		else if (t->dtype == DT_F4)
			((float *)to->t.data)[i] = (float)v;
		else
			((int32_t *)to->t.data)[i] = (int32_t)v;
	}
	return CVT_OK;
}

/* Appends those n rows to x->both, field by field as that has them. */
static int append_rows(struct target *x, size_t n, struct cvt_err *e)
{
	struct batch same = {.rows = n};
	int code = CVT_OK;
	for (size_t i = 0; i < x->both.n && code == CVT_OK; i++) {
		const struct field *like = &x->both.field[i];
		struct field *to = batch_add(&same, like->name, e);
		if (!to)
			code = CVT_SYSTEM;
		else if (is_made(like->name))
			code = make_field(x, like, n, to, e);
		else
			code = tensor_copy(&to->t, batch_get(&x->rows, like->name), e);
	}
	if (code == CVT_OK)
		code = batch_append(&x->both, &same, 0, n, e);
	batch_free(&same);
	return code;
}

static int add_domain(struct batch *b, struct cvt_err *e)
{
	struct field *f = batch_add(b, "domain", e);
	if (!f)
		return CVT_SYSTEM;
	TRY(tensor_shape(&f->t, DT_I4, 1, &b->rows, e));
	memset(f->t.data, 0, f->t.bytes);
	return CVT_OK;
}

/* Where each row of the mixture lies in x->both: one of the target behind every training row. */
static int interleave(struct target *x, size_t rows, size_t *trains, struct cvt_err *e)
{
	const struct tensor *part = batch_get(&x->both, "part");
	void *p = x->place;
	size_t n = 0;
	TRY(mem_grow(&p, &x->place_capacity, 2 * rows, sizeof *x->place, e));
	x->place = p;
	*trains = 0;
	for (size_t i = 0; i < rows; i++) {
		x->place[n++] = i;
		if (!part || ((const int32_t *)part->data)[i] == 0)
			x->place[n++] = rows + (*trains)++;
	}
	return CVT_OK;
}

int trainer_mix_target(struct trainer *t, struct batch **rows, struct cvt_err *e)
{
	struct target *x = t->target;
	const struct batch *in = *rows;
	size_t trains;
	if (in->epoch != x->epoch)
		x->at = 0;
	x->epoch = in->epoch;
	x->both.n = x->both.rows = 0; /* the memory stays */
	TRY(batch_append(&x->both, in, 0, in->rows, e));
	TRY(add_domain(&x->both, e));
	TRY(interleave(x, in->rows, &trains, e));
	if (trains) {
		TRY(read_some(x, t->seed, trains, e));
		TRY(append_rows(x, trains, e));
	}
	TRY(batch_gather(&x->mixed, &x->both, x->place, in->rows + trains, e));
	x->mixed.epoch = in->epoch;
	*rows = &x->mixed;
	return CVT_OK;
}
