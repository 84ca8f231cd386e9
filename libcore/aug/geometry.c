/* geometry: what operations that move pixels are made of (see geometry.h). */
#include "geometry.h"

#include "resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- buffers ----------------------------------------------------------------------- */

static int plane_room(struct aug_plane *p, size_t items, struct cvt_err *e)
{
	void *q = p->spare;
	const int code = mem_grow(&q, &p->spare_capacity, items * p->size, 1, e);
	p->spare = q;
	return code;
}

int aug_room(struct aug_row *r, size_t H, size_t W, struct cvt_err *e)
{
	TRY(plane_room(&r->image, r->T * H * W, e));
	for (size_t i = 0; i < r->planes; i++)
		TRY(plane_room(&r->plane[i], r->T * H * W, e));
	return CVT_OK;
}

static void plane_swap(struct aug_plane *p)
{
	unsigned char *data = p->data;
	const size_t capacity = p->capacity;
	p->data = p->spare;
	p->capacity = p->spare_capacity;
	p->spare = data;
	p->spare_capacity = capacity;
}

void aug_swap(struct aug_row *r, size_t H, size_t W)
{
	plane_swap(&r->image);
	for (size_t i = 0; i < r->planes; i++)
		plane_swap(&r->plane[i]);
	r->H = H;
	r->W = W;
}

int aug_room_image(struct aug_row *r, struct cvt_err *e)
{
	return plane_room(&r->image, r->T * r->H * r->W, e);
}

void aug_swap_image(struct aug_row *r)
{
	plane_swap(&r->image);
}

void aug_row_free(struct aug_row *r)
{
	free(r->image.data);
	free(r->image.spare);
	for (size_t i = 0; i < AUG_PLANES; i++) {
		free(r->plane[i].data);
		free(r->plane[i].spare);
	}
	free(r->scratch);
	if (r->resampler)
		resampler_free(r->resampler);
	free(r->resampler);
}

/* ---- points ------------------------------------------------------------------------ */

void aug_map_point(const struct aug_map *m, double x, double y, double to[2])
{
	const double *v = m->m, w = v[6] * x + v[7] * y + 1;
	to[0] = (v[0] * x + v[1] * y + v[2]) / w;
	to[1] = (v[3] * x + v[4] * y + v[5]) / w;
}

static void map_box(float *box, const struct aug_map *m, double H, double W)
{
	double x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
	for (int k = 0; k < 4; k++) {
		const double x = (double)box[k & 1 ? 3 : 1], y = (double)box[k & 2 ? 4 : 2];
		double at[2];
		aug_map_point(m, x, y, at);
		x0 = fmin(x0, at[0]);
		x1 = fmax(x1, at[0]);
		y0 = fmin(y0, at[1]);
		y1 = fmax(y1, at[1]);
	}
	x0 = fmax(x0, 0);
	y0 = fmax(y0, 0);
	x1 = fmin(x1, W);
	y1 = fmin(y1, H);
	const bool left = x1 > x0 && y1 > y0;
	box[0] = left ? box[0] : -1;
	box[1] = left ? (float)x0 : 0;
	box[2] = left ? (float)y0 : 0;
	box[3] = left ? (float)x1 : 0;
	box[4] = left ? (float)y1 : 0;
}

void aug_map_points(struct aug_row *r, const struct aug_map *m, size_t H, size_t W)
{
	for (size_t i = 0; r->boxes && i < r->M; i++)
		if (r->boxes[5 * i] >= 0)
			map_box(&r->boxes[5 * i], m, (double)H, (double)W);
	for (size_t i = 0; r->keypoints && i < r->K; i++) {
		float *p = &r->keypoints[3 * i];
		double at[2];
		aug_map_point(m, (double)p[0], (double)p[1], at);
		p[0] = (float)at[0];
		p[1] = (float)at[1];
		if (p[0] < 0 || p[1] < 0 || p[0] > (float)W || p[1] > (float)H)
			p[2] = 0;
	}
}

/* ---- cutting ----------------------------------------------------------------------- */

size_t aug_reflect(ptrdiff_t i, size_t n)
{
	const ptrdiff_t last = (ptrdiff_t)n - 1;
	while (last > 0 && (i < 0 || i > last))
		i = i < 0 ? -i : 2 * last - i;
	return last > 0 ? (size_t)i : 0;
}

static void cut_line(const struct aug_plane *p, const unsigned char *from, size_t W,
	unsigned char *to, const struct aug_window *w, enum aug_border border)
{
	const size_t s = p->size;
	const ptrdiff_t end = w->x + (ptrdiff_t)w->w;
	const size_t left = w->x < 0 ? (size_t)-w->x : 0;
	const size_t right = end > (ptrdiff_t)W ? (size_t)(end - (ptrdiff_t)W) : 0;
	const size_t before = left < w->w ? left : w->w;
	const size_t behind = right < w->w - before ? right : w->w - before;
	const size_t inside = w->w - before - behind;
	if (inside)
		memcpy(to + before * s, from + (size_t)(w->x + (ptrdiff_t)before) * s, inside * s);
	for (size_t i = 0; i < w->w; i++) {
		if (i == before)
			i += inside;
		if (i >= w->w)
			break;
		if (border == BORDER_REFLECT)
			memcpy(to + i * s, from + aug_reflect(w->x + (ptrdiff_t)i, W) * s, s);
		else
			memset(to + i * s, p->outside, s);
	}
}

static void cut_plane(const struct aug_plane *p, const struct aug_row *r,
	const struct aug_window *w, enum aug_border border)
{
	const size_t line = r->W * p->size, out_line = w->w * p->size;
	for (size_t t = 0; t < r->T; t++)
		for (size_t i = 0; i < w->h; i++) {
			const ptrdiff_t y = w->y + (ptrdiff_t)i;
			unsigned char *to = p->spare + (t * w->h + i) * out_line;
			const bool inside = y >= 0 && y < (ptrdiff_t)r->H;
			if (!inside && border == BORDER_ZERO) {
				memset(to, p->outside, out_line);
				continue;
			}
			const size_t row = inside ? (size_t)y : aug_reflect(y, r->H);
			cut_line(p, p->data + (t * r->H + row) * line, r->W, to, w, border);
		}
}

int aug_cut(
	struct aug_row *r, const struct aug_window *w, enum aug_border border, struct cvt_err *e)
{
	const struct aug_map m = {{1, 0, -(double)w->x, 0, 1, -(double)w->y}};
	TRY(aug_room(r, w->h, w->w, e));
	cut_plane(&r->image, r, w, border);
	for (size_t i = 0; i < r->planes; i++)
		cut_plane(&r->plane[i], r, w, BORDER_ZERO);
	aug_map_points(r, &m, w->h, w->w);
	aug_swap(r, w->h, w->w);
	return CVT_OK;
}

/* ---- resizing ---------------------------------------------------------------------- */

/* The pixels under the output pixels' centres, by Pillow's steps (ImagingScaleAffine): their rounding
 * errors decide where a centre falls between two pixels. */
static void resize_nearest(const struct aug_plane *p, const struct aug_row *r,
	const struct aug_window *w, size_t H, size_t W)
{
	const double down = (double)w->h / (double)H, across = (double)w->w / (double)W;
	for (size_t t = 0; t < r->T; t++) {
		double y = down * 0.5;
		for (size_t i = 0; i < H; i++, y += down) {
			const size_t row = t * r->H + (size_t)w->y + (size_t)y;
			const unsigned char *from = p->data + (row * r->W + (size_t)w->x) * p->size;
			unsigned char *to = p->spare + (t * H + i) * W * p->size;
			double x = across * 0.5;
			for (size_t j = 0; j < W; j++, x += across)
				memcpy(to + j * p->size, from + (size_t)x * p->size, p->size);
		}
	}
}

static int resample_image(
	struct aug_row *r, const struct aug_window *w, size_t H, size_t W, struct cvt_err *e)
{
	const size_t C = r->C, stride = r->W * C;
	if (!r->resampler)
		r->resampler = mem_alloc(1, sizeof *r->resampler, e);
	for (size_t t = 0; t < r->T && r->resampler; t++) {
		const unsigned char *from =
			r->image.data + (t * r->H + (size_t)w->y) * stride + (size_t)w->x * C;
		const struct resample_from f = {from, stride, w->h, w->w, C};
		TRY(resample_picture(r->resampler, &f, r->image.spare + t * H * W * C, H, W, e));
	}
	return r->resampler ? CVT_OK : CVT_SYSTEM;
}

int aug_scale(struct aug_row *r, const struct aug_window *w, size_t H, size_t W,
	enum aug_filter filter, struct cvt_err *e)
{
	const double sx = (double)W / (double)w->w, sy = (double)H / (double)w->h;
	const struct aug_map m = {{sx, 0, -(double)w->x * sx, 0, sy, -(double)w->y * sy}};
	if (w->h == H && w->w == W)
		return aug_cut(r, w, BORDER_ZERO, e);
	TRY(aug_room(r, H, W, e));
	if (filter == FILTER_NEAREST)
		resize_nearest(&r->image, r, w, H, W);
	else
		TRY(resample_image(r, w, H, W, e));
	for (size_t i = 0; i < r->planes; i++)
		resize_nearest(&r->plane[i], r, w, H, W);
	aug_map_points(r, &m, H, W);
	aug_swap(r, H, W);
	return CVT_OK;
}

/* ---- mirrors ----------------------------------------------------------------------- */

static inline void mirror(
	unsigned char *restrict to, const unsigned char *restrict from, size_t n, size_t size)
{
	for (size_t i = 0; i < n; i++)
		memcpy(to + i * size, from + (n - 1 - i) * size, size);
}

/* Sizes that the compiler knows become single moves; three bytes move as four, of which the next
 * move, or the last one, covers the fourth. */
static void mirror_line(unsigned char *to, const unsigned char *from, size_t n, size_t size)
{
	if (size == 1) {
		mirror(to, from, n, 1);
	} else if (size == 3 && n > 1) {
		memcpy(to, from + 3 * (n - 1), 3);
		for (size_t i = 1; i + 1 < n; i++)
			memcpy(to + 3 * i, from + 3 * (n - 1 - i), 4);
		memcpy(to + 3 * (n - 1), from, 3);
	} else {
		mirror(to, from, n, size);
	}
}

static void flip_plane(const struct aug_plane *p, const struct aug_row *r, bool horizontal)
{
	const size_t line = r->W * p->size;
	for (size_t row = 0; row < r->T * r->H; row++) {
		const size_t t = row / r->H, y = row % r->H;
		const unsigned char *from = p->data + row * line;
		if (horizontal)
			mirror_line(p->spare + row * line, from, r->W, p->size);
		else
			memcpy(p->spare + (t * r->H + r->H - 1 - y) * line, from, line);
	}
}

/* A left hand becomes a right one: point i of the mirror is what point flip[i] was. */
static void swap_sides(struct aug_row *r)
{
	for (size_t i = 0; r->keypoints && r->flip && i < r->K; i++) {
		const size_t other = (size_t)r->flip[i];
		for (size_t c = 0; c < 3 && other > i && other < r->K; c++) {
			const float v = r->keypoints[3 * i + c];
			r->keypoints[3 * i + c] = r->keypoints[3 * other + c];
			r->keypoints[3 * other + c] = v;
		}
	}
}

int aug_flip(struct aug_row *r, bool horizontal, struct cvt_err *e)
{
	const struct aug_map across = {{-1, 0, (double)r->W, 0, 1, 0}};
	const struct aug_map down = {{1, 0, 0, 0, -1, (double)r->H}};
	TRY(aug_room(r, r->H, r->W, e));
	flip_plane(&r->image, r, horizontal);
	for (size_t i = 0; i < r->planes; i++)
		flip_plane(&r->plane[i], r, horizontal);
	aug_map_points(r, horizontal ? &across : &down, r->H, r->W);
	if (horizontal)
		swap_sides(r);
	aug_swap(r, r->H, r->W);
	return CVT_OK;
}
