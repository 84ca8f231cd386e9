/* augment_rows: a batch of rows through a chain of operations (see augment_rows.h). */
#include "rows.h"

#include "pretext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 8, MOST_BYTES = 8 << 20 };

/* New places of a mask are to be ignored. */
static const int outside[COMPANIONS] = {255, 0, 0, 0, 0};

/* A thread's rows: what the common part made, and the view in hand. */
struct augment_pad {
	struct aug_row common, view;
	float *points[2]; /* boxes and keypoints of each */
	size_t capacity[2];
	struct cvt_err err;
	int code;
	size_t failed; /* first row that failed */
};

int augment_open(struct augment_rows *a, const struct aug_chain *chain, const struct batch *first,
	struct head *h, struct par *par, struct cvt_err *e)
{
	a->chain = chain;
	a->par = par;
	a->stage = (uint32_t)h->draws;
	TRY(augment_schema_open(&a->schema, chain, first, h, e));
	TRY(augment_pretext_head(chain, h, e));
	if (chain->draws)
		h->draws++;
	a->pad = mem_alloc(par_threads(par), sizeof *a->pad, e);
	return a->pad ? CVT_OK : CVT_SYSTEM;
}

void augment_close(struct augment_rows *a)
{
	for (unsigned t = 0; a->pad && t < par_threads(a->par); t++) {
		aug_row_free(&a->pad[t].common);
		aug_row_free(&a->pad[t].view);
		free(a->pad[t].points[0]);
		free(a->pad[t].points[1]);
	}
	free(a->pad);
	a->kept.capacity = a->kept.n = 0; /* its tensors are borrowed */
	free(a->kept.field);
	a->kept.field = NULL;
	augment_schema_close(&a->schema);
}

/* ---- one row ----------------------------------------------------------------------- */

static int fill_plane(struct aug_plane *p, const void *from, size_t items, struct cvt_err *e)
{
	void *q = p->data;
	TRY(mem_grow(&q, &p->capacity, items * p->size, 1, e));
	p->data = q;
	memcpy(p->data, from, items * p->size);
	return CVT_OK;
}

static const unsigned char *row_data(const struct tensor *t, size_t row)
{
	return (const unsigned char *)t->data + row * tensor_row_bytes(t);
}

/* Boxes and keypoints of one row, one behind the other in the pad. */
static int load_points(const struct augment_rows *a, const struct batch *b, size_t row, size_t view,
	struct augment_pad *pad, struct aug_row *r, struct cvt_err *e)
{
	char name[AUGMENT_NAME];
	const struct tensor *boxes = a->schema.has[BOXES] ? batch_get(
					     b, augment_in_name(&a->schema, "boxes", view, name))
							  : NULL;
	const struct tensor *points = a->schema.has[KEYPOINTS] ? batch_get(b,
					      augment_in_name(&a->schema, "keypoints", view, name))
							       : NULL;
	const size_t nb = boxes ? tensor_row_items(boxes) : 0,
		     np = points ? tensor_row_items(points) : 0;
	for (int k = 0; k < 2; k++) {
		void *q = pad->points[k];
		TRY(mem_grow(&q, &pad->capacity[k], nb + np + 1, sizeof(float), e));
		pad->points[k] = q;
	}
	r->boxes = boxes ? pad->points[0] : NULL;
	r->keypoints = points ? pad->points[0] + nb : NULL;
	r->M = nb / 5;
	r->K = np / 3;
	r->flip = a->schema.flip;
	if (nb)
		memcpy(r->boxes, row_data(boxes, row), nb * sizeof(float));
	if (np)
		memcpy(r->keypoints, row_data(points, row), np * sizeof(float));
	return CVT_OK;
}

const unsigned char *augment_locate(
	const struct batch *b, const char *name, size_t row, struct aug_row *r)
{
	const struct tensor *t = batch_get(b, name);
	if (batch_is_ragged(b, name)) {
		const int64_t *at = batch_get(b, "image.at")->data;
		const int32_t *hwc = (const int32_t *)batch_get(b, "image.hwc")->data + 3 * row;
		r->T = 1;
		r->H = (size_t)hwc[0];
		r->W = (size_t)hwc[1];
		r->C = (size_t)hwc[2];
		return (const unsigned char *)t->data + at[row];
	}
	r->T = t->ndim == 5 ? t->dims[1] : 1;
	r->H = t->dims[t->ndim - 3];
	r->W = t->dims[t->ndim - 2];
	r->C = t->dims[t->ndim - 1];
	return row_data(t, row);
}

static int64_t whole_number(const struct batch *b, const char *name, size_t row)
{
	const struct tensor *t = batch_get(b, name);
	if (!t || t->ndim != 1)
		return 0;
	return t->dtype == DT_I8 ? ((const int64_t *)t->data)[row]
				 : ((const int32_t *)t->data)[row];
}

static void load_episode(const struct batch *b, size_t row, struct aug_row *r)
{
	const struct tensor *label = batch_get(b, "label");
	r->of_episode = batch_get(b, "group") && label && label->dtype == DT_I4 && label->ndim == 1;
	r->group = whole_number(b, "group", row);
	r->class = r->of_episode ? (int32_t)whole_number(b, "label", row) : 0;
}

static int load_row(const struct augment_rows *a, const struct batch *b, size_t row, size_t view,
	struct augment_pad *pad, struct cvt_err *e)
{
	char name[AUGMENT_NAME];
	struct aug_row *r = &pad->common;
	const unsigned char *pixels =
		augment_locate(b, augment_in_name(&a->schema, "image", view, name), row, r);
	const size_t items = r->T * r->H * r->W;
	if (items == 0)
		return cvt_fail(e, CVT_INPUT, "index %lld: an empty picture",
			(long long)whole_number(b, "index", row));
	r->image.size = r->C;
	r->planes = 0;
	TRY(fill_plane(&r->image, pixels, items, e));
	for (int c = MASK; c <= DEPTH; c++) {
		const struct tensor *t =
			a->schema.has[c] ? batch_get(
				b, augment_in_name(&a->schema, augment_companion[c], view, name))
					 : NULL;
		if (!t)
			continue;
		struct aug_plane *p = &r->plane[r->planes++];
		p->size = dtype_size(t->dtype);
		p->outside = outside[c];
		if (tensor_row_items(t) != items)
			return cvt_fail(e, CVT_INPUT, "'%s' is not as large as its picture", name);
		TRY(fill_plane(p, row_data(t, row), items, e));
	}
	return load_points(a, b, row, view, pad, r, e);
}

static int copy_plane(
	struct aug_plane *to, const struct aug_plane *from, size_t items, struct cvt_err *e)
{
	to->size = from->size;
	to->outside = from->outside;
	return fill_plane(to, from->data, items, e);
}

/* The view starts from what the common part made. */
static int copy_row(struct augment_pad *pad, struct cvt_err *e)
{
	const struct aug_row *from = &pad->common;
	struct aug_row *to = &pad->view;
	const size_t items = from->T * from->H * from->W, nb = from->M * 5, np = from->K * 3;
	to->T = from->T;
	to->H = from->H;
	to->W = from->W;
	to->C = from->C;
	to->planes = from->planes;
	to->M = from->M;
	to->K = from->K;
	to->flip = from->flip;
	to->boxes = from->boxes ? pad->points[1] : NULL;
	to->keypoints = from->keypoints ? pad->points[1] + nb : NULL;
	if (nb + np)
		memcpy(pad->points[1], pad->points[0], (nb + np) * sizeof(float));
	TRY(copy_plane(&to->image, &from->image, items, e));
	for (size_t i = 0; i < from->planes; i++)
		TRY(copy_plane(&to->plane[i], &from->plane[i], items, e));
	return CVT_OK;
}

static int store_row(const struct augment_rows *a, const struct aug_row *r, struct batch *b,
	size_t row, size_t out, struct cvt_err *e)
{
	char name[AUGMENT_NAME];
	size_t plane = 0;
	struct tensor *t = batch_get(b, augment_out_name(&a->schema, "image", out, name));
	const size_t items = r->T * r->H * r->W;
	if (r->H != a->schema.out_H[out] || r->W != a->schema.out_W[out]
		|| items * r->C != tensor_row_items(t))
		return cvt_fail(e, CVT_INPUT,
			"index %lld: a picture of %zu channels among others of %zu; "
			"cv-read --channels makes them agree",
			(long long)whole_number(b, "index", row), r->C, a->schema.C);
	memcpy((char *)t->data + row * tensor_row_bytes(t), r->image.data, items * r->C);
	for (int c = MASK; c <= DEPTH; c++) {
		if (!a->schema.has[c])
			continue;
		t = batch_get(b, augment_out_name(&a->schema, augment_companion[c], out, name));
		memcpy((char *)t->data + row * tensor_row_bytes(t), r->plane[plane].data,
			items * r->plane[plane].size);
		plane++;
	}
	if (r->boxes) {
		t = batch_get(b, augment_out_name(&a->schema, "boxes", out, name));
		memcpy((char *)t->data + row * tensor_row_bytes(t), r->boxes,
			r->M * 5 * sizeof(float));
	}
	if (r->keypoints) {
		t = batch_get(b, augment_out_name(&a->schema, "keypoints", out, name));
		memcpy((char *)t->data + row * tensor_row_bytes(t), r->keypoints,
			r->K * 3 * sizeof(float));
	}
	return CVT_OK;
}

/* Row `to_row` of what goes out. */
static int one_row(const struct augment_rows *a, const struct batch *from, struct batch *to,
	size_t to_row, struct augment_pad *pad, struct cvt_err *e)
{
	const size_t row = to_row / a->chain->copies;
	struct rng_site site = {.seed = a->seed,
		.stage = a->stage,
		.epoch = from->epoch,
		.index = batch_get(from, "index") ? (uint64_t)whole_number(from, "index", row)
						  : a->passed + row,
		.copy = (uint32_t)whole_number(from, "copy", row)};
	const bool frozen = whole_number(from, "part", row) == 1;
	load_episode(from, row, &pad->common);
	load_episode(from, row, &pad->view);
	pad->common.copy = pad->view.copy = to_row % a->chain->copies;
	for (size_t v = 0; v < a->schema.views; v++) {
		TRY(load_row(a, from, row, v, pad, e));
		site.view = a->schema.numbered ? (uint32_t)v + 1 : 0;
		TRY(aug_chain_apply(a->chain, 0, &site, frozen, &pad->common, e));
		if (a->schema.made == 0)
			TRY(store_row(a, &pad->common, to, to_row, v, e));
	}
	augment_pretext_label(a->chain, to, to_row, &pad->common);
	size_t out = 0;
	for (size_t p = 1; p < a->chain->parts; p++)
		for (size_t v = 0; v < a->chain->part[p].views; v++, out++) {
			TRY(copy_row(pad, e));
			site.view = (uint32_t)out + 1;
			TRY(aug_chain_apply(a->chain, p, &site, frozen, &pad->view, e));
			TRY(store_row(a, &pad->view, to, to_row, out, e));
		}
	return CVT_OK;
}

/* ---- a batch ----------------------------------------------------------------------- */

struct job {
	const struct augment_rows *a;
	const struct batch *from;
	struct batch *to;
};

static void work(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	struct augment_pad *pad = &j->a->pad[thread];
	size_t first;
	const size_t n = par_span(j->to->rows, BLOCK, block, &first);
	for (size_t r = first; r < first + n; r++) {
		struct cvt_err err = {0};
		const int code = one_row(j->a, j->from, j->to, r, pad, &err);
		if (code != CVT_OK && (pad->code == CVT_OK || r < pad->failed)) {
			pad->code = code;
			pad->err = err;
			pad->failed = r;
		}
	}
}

/* True for the pictures and all that moves along. */
static bool is_replaced(const struct augment_schema *s, const char *name)
{
	char in[AUGMENT_NAME];
	if (s->ragged && (strcmp(name, "image.at") == 0 || strcmp(name, "image.hwc") == 0))
		return true;
	for (int c = -1; c < COMPANIONS; c++)
		for (size_t v = 0; v < s->views && (c < 0 || s->has[c]); v++)
			if (strcmp(name, augment_in_name(
						 s, c < 0 ? "image" : augment_companion[c], v, in))
				== 0)
				return true;
	return false;
}

static int add_out(struct augment_rows *a, const struct batch *from, struct batch *to, int c,
	size_t i, struct cvt_err *e)
{
	char name[AUGMENT_NAME];
	const char *base = c < 0 ? "image" : augment_companion[c];
	const struct tensor *was =
		batch_get(from, augment_in_name(&a->schema, base, a->schema.made ? 0 : i, name));
	size_t dims[TENSOR_DIMS];
	int ndim = was->ndim;
	memcpy(dims, was->dims, sizeof dims);
	if (c < 0 && ndim < 4) /* ragged */
		ndim = 4;
	const int at = ndim - (c < 0 ? 3 : 2);
	dims[0] = to->rows;
	if (c < BOXES) {
		dims[at] = a->schema.out_H[i];
		dims[at + 1] = a->schema.out_W[i];
	}
	if (c < 0)
		dims[at + 2] = a->schema.C;
	struct field *f = batch_add(to, augment_out_name(&a->schema, base, i, name), e);
	return f ? tensor_shape(&f->t, was->dtype, ndim, dims, e) : CVT_SYSTEM;
}

/* The fields of `from` that pass, borrowed. */
static int borrow_kept(struct augment_rows *a, const struct batch *from, struct cvt_err *e)
{
	struct batch *kept = &a->kept;
	kept->n = 0;
	kept->rows = from->rows;
	kept->epoch = from->epoch;
	for (size_t i = 0; i < from->n; i++) {
		const struct field *f = &from->field[i];
		struct field *k =
			is_replaced(&a->schema, f->name) ? NULL : batch_add(kept, f->name, e);
		if (!k && !is_replaced(&a->schema, f->name))
			return CVT_SYSTEM;
		if (!k)
			continue;
		k->flags = f->flags;
		k->t = f->t;
		k->t.capacity = 0;
	}
	return CVT_OK;
}

static int shape_batch(
	struct augment_rows *a, const struct batch *from, struct batch *to, struct cvt_err *e)
{
	TRY(borrow_kept(a, from, e));
	if (a->chain->copies > 1)
		TRY(augment_pretext_repeat(a->chain, &a->kept, to, e));
	else
		TRY(batch_slice(to, &a->kept, 0, from->rows, e));
	to->rows = from->rows * a->chain->copies;
	TRY(augment_pretext_fields(a->chain, to, a->passed, e));
	for (int c = -1; c < COMPANIONS; c++)
		for (size_t i = 0; i < a->schema.outs && (c < 0 || a->schema.has[c]); i++)
			TRY(add_out(a, from, to, c, i, e));
	return CVT_OK;
}

size_t augment_most_rows(const struct augment_rows *a)
{
	const struct augment_schema *s = &a->schema;
	size_t bytes = 1;
	for (size_t i = 0; i < s->outs; i++)
		bytes += s->out_H[i] * s->out_W[i] * s->C * (s->ragged ? 1 : s->T);
	bytes *= a->chain->copies;
	return bytes < MOST_BYTES ? MOST_BYTES / bytes : 1;
}

int augment_batch(
	struct augment_rows *a, const struct batch *from, struct batch *to, struct cvt_err *e)
{
	struct job job = {a, from, to};
	const unsigned threads = par_threads(a->par);
	TRY(shape_batch(a, from, to, e));
	par_for(a->par, par_blocks(to->rows, BLOCK), work, &job);
	const struct augment_pad *first = NULL;
	for (unsigned t = 0; t < threads; t++)
		if (a->pad[t].code != CVT_OK && (!first || a->pad[t].failed < first->failed))
			first = &a->pad[t];
	a->passed += from->rows;
	if (!first)
		return CVT_OK;
	*e = first->err;
	return first->code;
}
