/* augment_schema: the fields of a stream before and after a chain (see augment_schema.h). */
#include "schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const augment_companion[COMPANIONS] = {"mask", "edge", "depth", "boxes", "keypoints"};

/* ---- names ------------------------------------------------------------------------- */

/* Picture `view` (from 0) of `views`: NAME itself if it is not numbered, else NAME.k. */
static const char *numbered_name(
	const char *name, bool numbered, size_t view, char to[AUGMENT_NAME])
{
	const size_t n = strlen(name);
	if (numbered)
		(void)snprintf(to, AUGMENT_NAME, "%s.%zu", name, view + 1);
	else
		memcpy(to, name, n < AUGMENT_NAME ? n + 1 : 0); /* once a row: no formatting */
	return to;
}

const char *augment_in_name(
	const struct augment_schema *a, const char *name, size_t i, char to[AUGMENT_NAME])
{
	return numbered_name(name, a->numbered, i, to);
}

const char *augment_out_name(
	const struct augment_schema *a, const char *name, size_t i, char to[AUGMENT_NAME])
{
	return numbered_name(name, a->numbered || a->made > 0, i, to);
}

/* ---- what comes in ----------------------------------------------------------------- */

static void count_views(struct augment_schema *a, const struct head *h)
{
	char name[AUGMENT_NAME];
	a->numbered = head_field(h, "image") == NULL;
	if (!a->numbered)
		a->views = 1;
	while (a->numbered && a->views < AUGMENT_VIEWS
		&& head_field(h, augment_in_name(a, "image", a->views, name)))
		a->views++;
}

/* The row shape of a field as HEAD has it, or where that leaves it open, as the first rows do. */
static struct head_field settled(const struct head_field *f, const struct batch *first)
{
	struct head_field s = *f;
	const struct tensor *t = first ? batch_get(first, f->name) : NULL;
	for (int d = 0; d < s.ndim && !(s.flags & FIELD_WHOLE); d++)
		if (s.dims[d] == HEAD_VARIES)
			s.dims[d] = t && t->ndim == s.ndim + 1 ? t->dims[d + 1] : 0;
	return s;
}

/* Pictures of different sizes must agree in channels; the first one says which. */
static int see_ragged(struct augment_schema *a, const struct head *h, const struct batch *first,
	struct cvt_err *e)
{
	const struct tensor *hwc = first ? batch_get(first, "image.hwc") : NULL;
	a->ragged = true;
	a->H[0] = a->W[0] = 0;
	a->C = hwc && tensor_items(hwc) >= 3 ? (size_t)((const int32_t *)hwc->data)[2] : 3;
	if (a->numbered || !head_field(h, "image.at") || !head_field(h, "image.hwc"))
		return cvt_fail(e, CVT_INPUT, "'image' has no sizes (image.at and image.hwc)");
	return CVT_OK;
}

static int see_picture(struct augment_schema *a, const struct head *h, const struct batch *first,
	size_t view, struct cvt_err *e)
{
	char name[AUGMENT_NAME];
	const struct head_field *found = head_field(h, augment_in_name(a, "image", view, name));
	const struct head_field f = settled(found, first);
	const int at = f.ndim - 3;
	if (f.dtype != DT_U1)
		return cvt_fail(e, CVT_INPUT, "'%s' is %s; operations work on |u1", name,
			dtype_name(f.dtype));
	if (f.flags & FIELD_WHOLE)
		return see_ragged(a, h, first, e);
	if (at < 0 || at > 1)
		return cvt_fail(e, CVT_INPUT,
			"'%s' has %d dimensions a row; a picture has H, W, C and a clip T, H, W, C",
			name, f.ndim);
	if (view > 0 && f.dims[at + 2] != a->C)
		return cvt_fail(e, CVT_INPUT, "'%s' has %zu channels, the views before it %zu",
			name, f.dims[at + 2], a->C);
	a->T = at ? f.dims[0] : 1;
	a->H[view] = f.dims[at];
	a->W[view] = f.dims[at + 1];
	a->C = f.dims[at + 2];
	return CVT_OK;
}

/* Planes are as large as their picture, boxes are fives and keypoints threes of f4. */
static int see_companion(struct augment_schema *a, const struct head *h, const struct batch *first,
	enum companion c, size_t view, struct cvt_err *e)
{
	char name[AUGMENT_NAME];
	const struct head_field *found =
		head_field(h, augment_in_name(a, augment_companion[c], view, name));
	if (!found)
		return cvt_fail(e, CVT_INPUT, "the stream has no '%s', but other views have", name);
	const struct head_field f = settled(found, first);
	const size_t last = f.ndim > 0 ? f.dims[f.ndim - 1] : 0;
	const size_t H = a->H[view], W = a->W[view];
	if (c == BOXES || c == KEYPOINTS) {
		const size_t numbers = c == BOXES ? 5 : 3;
		if (f.dtype == DT_F4 && f.ndim == 2 && last == numbers && !f.flags)
			return CVT_OK;
		return cvt_fail(e, CVT_INPUT, "'%s' is not %zu <f4 a piece", name, numbers);
	}
	if (!a->ragged && !f.flags && f.ndim >= 2 && last == W && f.dims[f.ndim - 2] == H
		&& f.ndim == (a->T == 1 ? 2 : 3) && (a->T == 1 || f.dims[0] == a->T))
		return CVT_OK;
	return cvt_fail(e, CVT_INPUT,
		"'%s' is not as large as its picture; cv-read --size makes both agree, --drop "
		"leaves it out",
		name);
}

static int see_companions(struct augment_schema *a, const struct head *h, const struct batch *first,
	struct cvt_err *e)
{
	char name[AUGMENT_NAME];
	for (int c = 0; c < COMPANIONS; c++) {
		for (size_t v = 0; v < a->views; v++)
			if (head_field(h, augment_in_name(a, augment_companion[c], v, name)))
				a->has[c] = true;
		for (size_t v = 0; v < a->views && a->has[c]; v++)
			TRY(see_companion(a, h, first, (enum companion)c, v, e));
	}
	return CVT_OK;
}

static int see_fields(struct augment_schema *a, const struct head *h, const struct batch *first,
	struct cvt_err *e)
{
	count_views(a, h);
	if (a->views == 0)
		return cvt_fail(e, CVT_INPUT, "the stream has no field 'image'");
	if (a->numbered && a->made)
		return cvt_fail(e, CVT_INPUT,
			"the stream has views already; make them all in one cv-augment");
	a->H = mem_alloc(a->views, sizeof *a->H, e);
	a->W = mem_alloc(a->views, sizeof *a->W, e);
	if (!a->H || !a->W)
		return CVT_SYSTEM;
	for (size_t v = 0; v < a->views; v++)
		TRY(see_picture(a, h, first, v, e));
	if (a->C != 1 && a->C != 3)
		return cvt_fail(e, CVT_INPUT,
			"pictures have %zu channels; operations know 1 and 3 (cv-read --channels)",
			a->C);
	return see_companions(a, h, first, e);
}

/* ---- what goes out ----------------------------------------------------------------- */

/* The size of every picture that goes out. */
static int find_sizes(struct augment_schema *a, const struct aug_chain *chain, struct cvt_err *e)
{
	size_t C = a->C, out = 0;
	a->outs = a->made ? a->made : a->views;
	a->out_H = mem_alloc(a->outs, sizeof *a->out_H, e);
	a->out_W = mem_alloc(a->outs, sizeof *a->out_W, e);
	if (!a->out_H || !a->out_W)
		return CVT_SYSTEM;
	for (size_t v = 0; v < a->views; v++) {
		size_t H = a->H[v], W = a->W[v];
		TRY(aug_chain_size(chain, 0, &H, &W, &C, e));
		a->out_H[v] = H;
		a->out_W[v] = W;
	}
	const size_t H = a->out_H[0], W = a->out_W[0]; /* common to the views that are made */
	for (size_t p = 1; p < chain->parts; p++) {
		size_t h = H, w = W;
		TRY(aug_chain_size(chain, p, &h, &w, &C, e));
		for (size_t v = 0; v < chain->part[p].views; v++, out++) {
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
static int add_plane_field(const struct augment_schema *a, struct head *h,
	const struct head_field *was, const char *name, size_t out, size_t channels,
	struct cvt_err *e)
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

static int change_head(const struct augment_schema *a, struct head *h, struct cvt_err *e)
{
	char name[AUGMENT_NAME], to[AUGMENT_NAME];
	for (int c = -1; c < COMPANIONS; c++) {
		const char *base = c < 0 ? "image" : augment_companion[c];
		if (c >= 0 && !a->has[c])
			continue;
		const struct head_field was = *head_field(h, augment_in_name(a, base, 0, name));
		if (a->made)
			head_remove_field(h, name);
		for (size_t i = 0; i < a->outs; i++) {
			augment_out_name(a, base, i, to);
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
static int read_flips(struct augment_schema *a, const struct head *h, struct cvt_err *e)
{
	char name[AUGMENT_NAME];
	const struct head_field *f = head_field(h, augment_in_name(a, "keypoints", 0, name));
	a->K = f && f->ndim == 2 ? f->dims[0] : 0;
	if (!a->has[KEYPOINTS] || a->K == 0 || a->K > 1 << 20)
		return CVT_OK;
	a->flip = mem_alloc(a->K, sizeof *a->flip, e);
	if (!a->flip)
		return CVT_SYSTEM;
	for (size_t k = 0; k < a->K; k++)
		a->flip[k] = (int32_t)k;
	for (const char *s = h->other.p; s && *s; s += strcspn(s, "\n"), s += *s == '\n') {
		char *end = NULL;
		if (strncmp(s, "flip ", 5) != 0)
			continue;
		const unsigned long one = strtoul(s + 5, &end, 10), two = strtoul(end, &end, 10);
		if ((*end && *end != '\n') || one >= a->K || two >= a->K)
			continue;
		a->flip[one] = (int32_t)two;
		a->flip[two] = (int32_t)one;
	}
	return CVT_OK;
}

int augment_schema_open(struct augment_schema *a, const struct aug_chain *chain,
	const struct batch *first, struct head *h, struct cvt_err *e)
{
	a->made = chain->views;
	TRY(see_fields(a, h, first, e));
	TRY(find_sizes(a, chain, e));
	TRY(read_flips(a, h, e));
	return change_head(a, h, e);
}

void augment_schema_close(struct augment_schema *a)
{
	free(a->H);
	free(a->W);
	free(a->out_H);
	free(a->out_W);
	free(a->flip);
}
