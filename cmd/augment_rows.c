/* augment_rows: a batch of rows through a chain of operations (see augment_rows.h). */
#include "augment_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 8 };

/* What may move along with `image`, each as NAME or, of view k, NAME.k. */
enum companion { MASK, EDGE, DEPTH, BOXES, KEYPOINTS, COMPANIONS };
static const char *const companion_name[COMPANIONS] = {
	"mask", "edge", "depth", "boxes", "keypoints"};
static const int outside[COMPANIONS] = {
	255, 0, 0, 0, 0}; /* new places of a mask are to be ignored */

/* A thread's rows: what the common part made, and the view in hand. */
struct augment_pad {
	struct aug_row common, view;
	float *points[2]; /* boxes and keypoints of each */
	size_t capacity[2];
	struct cvt_err err;
	int code;
	size_t failed; /* first row that failed */
};

/* ---- names ------------------------------------------------------------------------- */

/* Picture `view` (from 0) of `views`: NAME itself if it is not numbered, else NAME.k. */
static const char *numbered_name(
	const char *name, bool numbered, size_t view, char to[AUGMENT_NAME])
{
	if (numbered)
		(void)snprintf(to, AUGMENT_NAME, "%s.%zu", name, view + 1);
	else
		(void)snprintf(to, AUGMENT_NAME, "%s", name);
	return to;
}

static const char *in_name(const struct augment_rows *a, const char *name, size_t i, char *to)
{
	return numbered_name(name, a->numbered, i, to);
}

static const char *out_name(const struct augment_rows *a, const char *name, size_t i, char *to)
{
	return numbered_name(name, a->numbered || a->made > 0, i, to);
}

/* ---- the schema -------------------------------------------------------------------- */

static int find_pictures(struct augment_rows *a, const struct head *h, struct cvt_err *e)
{
	char name[AUGMENT_NAME];
	a->views = 1;
	if (!head_field(h, "image")) {
		a->numbered = true;
		a->views = 0;
		while (a->views < AUGMENT_VIEWS
			&& head_field(h, in_name(a, "image", a->views, name)))
			a->views++;
	}
	if (a->views == 0)
		return cvt_fail(e, CVT_INPUT, "the stream has no field 'image'");
	if (a->numbered && a->made)
		return cvt_fail(e, CVT_INPUT,
			"the stream has views already; make them all in one cv-augment");
	const struct head_field *f = head_field(h, in_name(a, "image", 0, name));
	if (f->dtype != DT_U1)
		return cvt_fail(e, CVT_INPUT, "'%s' is %s; operations work on |u1", name,
			dtype_name(f->dtype));
	const int at = f->ndim - 3;
	const bool ragged = (f->flags & FIELD_WHOLE) != 0;
	if (!ragged && at < 0)
		return cvt_fail(e, CVT_INPUT, "'%s' has %d dimensions; a picture has H, W, C", name,
			f->ndim);
	a->H = ragged ? 0 : f->dims[at];
	a->W = ragged ? 0 : f->dims[at + 1];
	a->C = ragged ? 0 : f->dims[at + 2];
	for (int c = 0; c < COMPANIONS; c++)
		a->has[c] =
			!ragged && head_field(h, in_name(a, companion_name[c], 0, name)) != NULL;
	return CVT_OK;
}

/* The size of every picture that goes out. */
static int find_sizes(struct augment_rows *a, struct cvt_err *e)
{
	size_t C = a->C, H = a->H, W = a->W, out = 0;
	TRY(aug_chain_size(a->chain, 0, &H, &W, &C, e));
	a->outs = a->made ? a->made : a->views;
	a->out_H = mem_alloc(a->outs, sizeof *a->out_H, e);
	a->out_W = mem_alloc(a->outs, sizeof *a->out_W, e);
	if (!a->out_H || !a->out_W)
		return CVT_SYSTEM;
	for (size_t i = 0; i < a->outs && a->made == 0; i++) {
		a->out_H[i] = H;
		a->out_W[i] = W;
	}
	for (size_t p = 1; p < a->chain->parts; p++) {
		size_t h = H, w = W;
		TRY(aug_chain_size(a->chain, p, &h, &w, &C, e));
		for (size_t v = 0; v < a->chain->part[p].views; v++, out++) {
			a->out_H[out] = h;
			a->out_W[out] = w;
		}
	}
	for (size_t i = 0; i < a->outs; i++)
		if (!a->out_H[i] || !a->out_W[i])
			return cvt_fail(e, CVT_INPUT,
				"pictures have different sizes; put resize=H,W (or "
				"random-resized-crop) in the chain");
	return CVT_OK;
}

/* HEAD's entry of a picture or plane with its new H, W: dims at the end but for the channels. */
static int add_plane_field(struct augment_rows *a, struct head *h, const struct head_field *was,
	const char *name, size_t out, size_t channels, struct cvt_err *e)
{
	size_t dims[TENSOR_DIMS];
	const bool whole = (was->flags & FIELD_WHOLE) != 0;
	const int ndim = whole ? 3 : was->ndim, at = ndim - 2 - (channels ? 1 : 0);
	memcpy(dims, was->dims, sizeof dims);
	dims[at] = a->out_H[out];
	dims[at + 1] = a->out_W[out];
	if (channels)
		dims[at + 2] = channels;
	return head_add_field(h, name, was->dtype, 0, ndim, dims, e);
}

static int change_head(struct augment_rows *a, struct head *h, struct cvt_err *e)
{
	char name[AUGMENT_NAME], to[AUGMENT_NAME];
	for (int c = -1; c < COMPANIONS; c++) {
		const char *base = c < 0 ? "image" : companion_name[c];
		if (c >= 0 && !a->has[c])
			continue;
		const struct head_field was = *head_field(h, in_name(a, base, 0, name));
		if (a->made)
			head_remove_field(h, name);
		for (size_t i = 0; i < a->outs; i++) {
			out_name(a, base, i, to);
			if (c == BOXES || c == KEYPOINTS)
				TRY(head_add_field(h, to, was.dtype, 0, was.ndim, was.dims, e));
			else
				TRY(add_plane_field(a, h, &was, to, i, c < 0 ? a->C : 0, e));
		}
	}
	head_remove_field(h, "image.at");
	head_remove_field(h, "image.hwc");
	return CVT_OK;
}

/* "flip K K2" lines: which keypoint a mirror turns into which. */
static int read_flips(struct augment_rows *a, const struct head *h, struct cvt_err *e)
{
	char name[AUGMENT_NAME];
	const struct head_field *f = head_field(h, in_name(a, "keypoints", 0, name));
	a->K = f && f->ndim == 2 ? f->dims[0] : 0;
	if (!a->has[KEYPOINTS] || a->K == 0 || a->K > 1 << 20)
		return CVT_OK;
	a->flip = mem_alloc(a->K, sizeof *a->flip, e);
	if (!a->flip)
		return CVT_SYSTEM;
	for (size_t k = 0; k < a->K; k++)
		a->flip[k] = (int32_t)k;
	for (const char *s = h->other.p; s && *s; s += strcspn(s, "\n"), s += *s == '\n') {
		size_t one, two;
		if (sscanf(s, "flip %zu %zu", &one, &two) != 2 || one >= a->K || two >= a->K)
			continue;
		a->flip[one] = (int32_t)two;
		a->flip[two] = (int32_t)one;
	}
	return CVT_OK;
}

int augment_open(struct augment_rows *a, const struct aug_chain *chain, const struct batch *first,
	struct head *h, struct par *par, struct cvt_err *e)
{
	a->chain = chain;
	a->made = chain->views;
	a->par = par;
	a->stage = (uint32_t)h->draws;
	TRY(find_pictures(a, h, e));
	TRY(find_sizes(a, e));
	TRY(read_flips(a, h, e));
	a->pad = mem_alloc(par_threads(par), sizeof *a->pad, e);
	if (!a->pad)
		return CVT_SYSTEM;
	const struct tensor *hwc = first ? batch_get(first, "image.hwc") : NULL;
	if (!a->C)
		a->C = hwc && tensor_items(hwc) >= 3 ? (size_t)((const int32_t *)hwc->data)[2] : 3;
	if (chain->draws)
		h->draws++;
	return change_head(a, h, e);
}

static void row_free(struct aug_row *r)
{
	free(r->image.data);
	free(r->image.spare);
	for (size_t i = 0; i < AUG_PLANES; i++) {
		free(r->plane[i].data);
		free(r->plane[i].spare);
	}
}

void augment_close(struct augment_rows *a)
{
	for (unsigned t = 0; a->pad && t < par_threads(a->par); t++) {
		row_free(&a->pad[t].common);
		row_free(&a->pad[t].view);
		free(a->pad[t].points[0]);
		free(a->pad[t].points[1]);
	}
	free(a->pad);
	free(a->out_H);
	free(a->out_W);
	free(a->flip);
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
	const struct tensor *boxes =
		a->has[BOXES] ? batch_get(b, in_name(a, "boxes", view, name)) : NULL;
	const struct tensor *points =
		a->has[KEYPOINTS] ? batch_get(b, in_name(a, "keypoints", view, name)) : NULL;
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
	r->flip = a->flip;
	if (nb)
		memcpy(r->boxes, row_data(boxes, row), nb * sizeof(float));
	if (np)
		memcpy(r->keypoints, row_data(points, row), np * sizeof(float));
	return CVT_OK;
}

/* Where a row's picture lies and how large it is, in rows of one size or of different ones. */
static const unsigned char *locate_picture(
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

static int load_row(const struct augment_rows *a, const struct batch *b, size_t row, size_t view,
	struct augment_pad *pad, struct cvt_err *e)
{
	char name[AUGMENT_NAME];
	struct aug_row *r = &pad->common;
	const unsigned char *pixels = locate_picture(b, in_name(a, "image", view, name), row, r);
	const size_t items = r->T * r->H * r->W;
	r->image.size = r->C;
	r->planes = 0;
	TRY(fill_plane(&r->image, pixels, items, e));
	for (int c = MASK; c <= DEPTH; c++) {
		const struct tensor *t =
			a->has[c] ? batch_get(b, in_name(a, companion_name[c], view, name)) : NULL;
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
	struct tensor *t = batch_get(b, out_name(a, "image", out, name));
	const size_t items = r->T * r->H * r->W;
	if (r->H != a->out_H[out] || r->W != a->out_W[out] || items * r->C != tensor_row_items(t))
		return cvt_fail(e, CVT_INPUT,
			"row %zu: a picture of %zu channels among others of %zu; "
			"cv-read --channels makes them agree",
			row, r->C, a->C);
	memcpy((char *)t->data + row * tensor_row_bytes(t), r->image.data, items * r->C);
	for (int c = MASK; c <= DEPTH; c++) {
		if (!a->has[c])
			continue;
		t = batch_get(b, out_name(a, companion_name[c], out, name));
		memcpy((char *)t->data + row * tensor_row_bytes(t), r->plane[plane].data,
			items * r->plane[plane].size);
		plane++;
	}
	if (r->boxes) {
		t = batch_get(b, out_name(a, "boxes", out, name));
		memcpy((char *)t->data + row * tensor_row_bytes(t), r->boxes,
			r->M * 5 * sizeof(float));
	}
	if (r->keypoints) {
		t = batch_get(b, out_name(a, "keypoints", out, name));
		memcpy((char *)t->data + row * tensor_row_bytes(t), r->keypoints,
			r->K * 3 * sizeof(float));
	}
	return CVT_OK;
}

static int64_t whole_number(const struct batch *b, const char *name, size_t row)
{
	const struct tensor *t = batch_get(b, name);
	if (!t || t->ndim != 1)
		return 0;
	return t->dtype == DT_I8 ? ((const int64_t *)t->data)[row]
				 : ((const int32_t *)t->data)[row];
}

static int one_row(const struct augment_rows *a, const struct batch *from, struct batch *to,
	size_t row, struct augment_pad *pad, struct cvt_err *e)
{
	struct rng_site site = {.seed = a->seed,
		.stage = a->stage,
		.epoch = from->epoch,
		.index = (uint64_t)whole_number(from, "index", row),
		.copy = (uint32_t)whole_number(from, "copy", row)};
	const bool frozen = whole_number(from, "part", row) == 1;
	for (size_t v = 0; v < a->views; v++) {
		TRY(load_row(a, from, row, v, pad, e));
		site.view = a->numbered ? (uint32_t)v + 1 : 0;
		TRY(aug_chain_apply(a->chain, 0, &site, frozen, &pad->common, e));
		if (a->made == 0)
			TRY(store_row(a, &pad->common, to, row, v, e));
	}
	size_t out = 0;
	for (size_t p = 1; p < a->chain->parts; p++)
		for (size_t v = 0; v < a->chain->part[p].views; v++, out++) {
			TRY(copy_row(pad, e));
			site.view = (uint32_t)out + 1;
			TRY(aug_chain_apply(a->chain, p, &site, frozen, &pad->view, e));
			TRY(store_row(a, &pad->view, to, row, out, e));
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
	const size_t n = par_span(j->from->rows, BLOCK, block, &first);
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

/* True for image, image.3, and all that moves along. */
static bool is_replaced(const struct augment_rows *a, const char *name)
{
	char base[FIELD_NAME];
	(void)snprintf(base, sizeof base, "%.*s", (int)strcspn(name, "."), name);
	if (strcmp(base, "image") == 0)
		return true;
	for (int c = 0; c < COMPANIONS; c++)
		if (a->has[c] && strcmp(base, companion_name[c]) == 0)
			return true;
	return false;
}

static int add_out(struct augment_rows *a, const struct batch *from, struct batch *to, int c,
	size_t i, struct cvt_err *e)
{
	char name[AUGMENT_NAME];
	const char *base = c < 0 ? "image" : companion_name[c];
	const struct tensor *was = batch_get(from, in_name(a, base, a->made ? 0 : i, name));
	size_t dims[TENSOR_DIMS];
	int ndim = was->ndim;
	memcpy(dims, was->dims, sizeof dims);
	if (c < 0 && ndim < 4) /* ragged */
		ndim = 4;
	const int at = ndim - (c < 0 ? 3 : 2);
	dims[0] = from->rows;
	if (c < BOXES) {
		dims[at] = a->out_H[i];
		dims[at + 1] = a->out_W[i];
	}
	if (c < 0)
		dims[at + 2] = a->C;
	struct field *f = batch_add(to, out_name(a, base, i, name), e);
	return f ? tensor_shape(&f->t, was->dtype, ndim, dims, e) : CVT_SYSTEM;
}

static int shape_batch(
	struct augment_rows *a, const struct batch *from, struct batch *to, struct cvt_err *e)
{
	to->n = 0;
	to->rows = from->rows;
	to->epoch = from->epoch;
	for (size_t i = 0; i < from->n; i++) {
		const struct field *f = &from->field[i];
		if (is_replaced(a, f->name))
			continue;
		struct field *t = batch_add(to, f->name, e);
		if (!t)
			return CVT_SYSTEM;
		t->flags = f->flags;
		TRY(tensor_copy(&t->t, &f->t, e));
	}
	for (int c = -1; c < COMPANIONS; c++)
		for (size_t i = 0; i < a->outs && (c < 0 || a->has[c]); i++)
			TRY(add_out(a, from, to, c, i, e));
	return CVT_OK;
}

int augment_batch(
	struct augment_rows *a, const struct batch *from, struct batch *to, struct cvt_err *e)
{
	struct job job = {a, from, to};
	const unsigned threads = par_threads(a->par);
	TRY(shape_batch(a, from, to, e));
	par_for(a->par, (from->rows + BLOCK - 1) / BLOCK, work, &job);
	const struct augment_pad *first = NULL;
	for (unsigned t = 0; t < threads; t++)
		if (a->pad[t].code != CVT_OK && (!first || a->pad[t].failed < first->failed))
			first = &a->pad[t];
	if (!first)
		return CVT_OK;
	*e = first->err;
	return first->code;
}
