/* view_overlay: masks, boxes and keypoints on a picture (see view_overlay.h). */
#include "overlay.h"

#include <string.h>

enum { IGNORED = 255 };

/* ---- masks ------------------------------------------------------------------------- */

static bool is_mask(const struct head_field *f)
{
	return f && (f->dtype == DT_U1 || f->dtype == DT_I4) && f->ndim == 2
	       && !(f->flags & FIELD_WHOLE);
}

/* The field that holds the answer as a mask; NULL. */
static const struct head_field *answer_mask(const struct head *h)
{
	const struct head_field *f = head_field(h, "prediction");
	return is_mask(f)                                  ? f
	       : is_mask(head_field(h, "prediction.mask")) ? head_field(h, "prediction.mask")
							   : NULL;
}

bool overlay_has_answer(const struct head *h)
{
	return answer_mask(h) && is_mask(head_field(h, "mask"));
}

/* The class at a pixel; 0 where there is nothing to colour. */
static size_t class_at(const struct tensor *t, size_t at)
{
	const int32_t k = t->dtype == DT_U1 ? ((const unsigned char *)t->data)[at]
					    : ((const int32_t *)t->data)[at];
	return k < 0 || k == IGNORED ? 0 : (size_t)k;
}

/* Half of the picture, half of the mask's colours. */
static void tint(struct canvas *c, const struct tensor *mask, size_t row, const struct zoom *z)
{
	const size_t H = mask->dims[1], W = mask->dims[2];
	for (size_t y = 0; y < c->height; y++)
		for (size_t x = 0; x < c->width; x++) {
			const size_t my = y / z->up * z->down, mx = x / z->up * z->down;
			if (my >= H || mx >= W)
				continue;
			const size_t k = class_at(mask, (row * H + my) * W + mx);
			const struct colour v = colour_of(k);
			unsigned char *p = c->rgb + 3 * (y * c->width + x);
			if (k == 0)
				continue;
			p[0] = (unsigned char)((p[0] + v.r) / 2);
			p[1] = (unsigned char)((p[1] + v.g) / 2);
			p[2] = (unsigned char)((p[2] + v.b) / 2);
		}
}

/* ---- boxes and points -------------------------------------------------------------- */

/* `boxes` class x0 y0 x1 y1; `proposals` score, box; `detections` class, score, box. */
static void draw_boxes(struct canvas *c, const struct tensor *t, size_t row, const struct zoom *z)
{
	const size_t n = t->dims[1], step = t->dims[2];
	const double scale = (double)z->up / (double)z->down;
	for (size_t k = 0; k < n; k++) {
		const float *v = (const float *)t->data + (row * n + k) * step, *box = v + step - 4;
		if (v[0] == -1)
			continue;
		const size_t class = v[0] > 0 && v[0] < 1e6f ? (size_t)v[0] : 0;
		canvas_box(c, (double)box[0] * scale, (double)box[1] * scale,
			(double)box[2] * scale, (double)box[3] * scale, z->up > 2 ? 2 : 1,
			colour_of(class));
	}
}

/* x, y, visible: a square with a dark rim, hollow where the point is hidden. */
static void draw_points(struct canvas *c, const struct tensor *t, size_t row, const struct zoom *z)
{
	const size_t K = t->dims[1];
	const double scale = (double)z->up / (double)z->down, half = z->up > 2 ? 3 : 1;
	const struct colour dark = {20, 20, 20};
	for (size_t k = 0; k < K; k++) {
		const float *v = (const float *)t->data + (row * K + k) * 3;
		const double x = (double)v[0] * scale, y = (double)v[1] * scale;
		const size_t thick = v[2] > 0 ? (size_t)(2 * half) : 1;
		canvas_box(c, x - half - 1, y - half - 1, x + half + 1, y + half + 1, 1, dark);
		canvas_box(c, x - half, y - half, x + half, y + half, thick, colour_of(k));
	}
}

/* ---- all of it --------------------------------------------------------------------- */

static bool is_answer(const char *field)
{
	return strncmp(field, "boxes", 5) != 0 && strncmp(field, "keypoints", 9) != 0;
}

void overlay_draw(struct canvas *c, const struct head *h, const struct batch *b, size_t row,
	const struct zoom *z, enum overlay which)
{
	const struct head_field *truth = head_field(h, "mask"), *answer = answer_mask(h);
	if (which != OVERLAY_ANSWER && is_mask(truth))
		tint(c, batch_get(b, truth->name), row, z);
	else if (which != OVERLAY_TRUTH && answer)
		tint(c, batch_get(b, answer->name), row, z);
	for (size_t i = 0; i < h->nfields; i++) {
		const char *name = h->field[i].name;
		const struct tensor *t = batch_get(b, name);
		if ((which == OVERLAY_TRUTH && is_answer(name))
			|| (which == OVERLAY_ANSWER && !is_answer(name)))
			continue;
		if (t->dtype != DT_F4 || t->ndim != 3)
			continue;
		if (field_is_boxes(name) && t->dims[2] >= 5)
			draw_boxes(c, t, row, z);
		if (strncmp(name, "keypoints", 9) == 0 && t->dims[2] == 3)
			draw_points(c, t, row, z);
	}
}
