/* warp: pictures through a matrix (see warp.h). */
#include "warp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

/* ---- nearest ----------------------------------------------------------------------- */

/* One pixel; sizes that the compiler knows become single moves. */
static inline void put(unsigned char *to, const unsigned char *from, size_t size)
{
	if (size == 3) {
		to[0] = from[0];
		to[1] = from[1];
		to[2] = from[2];
	} else if (size == 1) {
		*to = *from;
	} else {
		memcpy(to, from, size);
	}
}

/* Pillow's COORD: truncated, but -1 for whatever is below 0. */
static inline ptrdiff_t place(double v)
{
	return v < 0.0 ? -1 : (ptrdiff_t)v;
}

/* ImagingScaleAffine, for matrices that neither turn nor shear: places are added up. */
static void nearest_scaled(const struct aug_plane *p, const struct aug_row *r, const double *m)
{
	double y = m[5] + m[4] * 0.5;
	for (size_t i = 0; i < r->T * r->H; i++, y += m[4]) {
		if (i % r->H == 0)
			y = m[5] + m[4] * 0.5;
		const ptrdiff_t from_y = place(y);
		unsigned char *to = p->spare + i * r->W * p->size;
		memset(to, p->outside, r->W * p->size);
		if (from_y < 0 || from_y >= (ptrdiff_t)r->H)
			continue;
		const size_t row = i / r->H * r->H + (size_t)from_y;
		double x = m[2] + m[0] * 0.5;
		for (size_t j = 0; j < r->W; j++, x += m[0], to += p->size) {
			const ptrdiff_t from_x = place(x);
			if (from_x >= 0 && from_x < (ptrdiff_t)r->W)
				put(to, p->data + (row * r->W + (size_t)from_x) * p->size, p->size);
		}
	}
}

/* Pillow's affine_fixed: places in 16.16 fixed point. */
static void nearest_fixed(const struct aug_plane *p, const struct aug_row *r, const double *m)
{
	const long a = (long)floor(m[0] * 65536 + 0.5), b = (long)floor(m[1] * 65536 + 0.5);
	const long d = (long)floor(m[3] * 65536 + 0.5), f = (long)floor(m[4] * 65536 + 0.5);
	const long x0 = (long)floor((m[2] + m[0] * 0.5 + m[1] * 0.5) * 65536 + 0.5);
	const long y0 = (long)floor((m[5] + m[3] * 0.5 + m[4] * 0.5) * 65536 + 0.5);
	for (size_t row = 0; row < r->T * r->H; row++) {
		const long i = (long)(row % r->H);
		const unsigned char *from = p->data + (row / r->H) * r->H * r->W * p->size;
		unsigned char *to = p->spare + row * r->W * p->size;
		long x = x0 + b * i, y = y0 + f * i;
		for (size_t j = 0; j < r->W; j++, to += p->size, x += a, y += d) {
			const long u = x >> 16, v = y >> 16;
			if (u < 0 || v < 0 || u >= (long)r->W || v >= (long)r->H)
				memset(to, p->outside, p->size);
			else
				put(to, from + ((size_t)v * r->W + (size_t)u) * p->size, p->size);
		}
	}
}

static void nearest_general(
	const struct aug_plane *p, const struct aug_row *r, const struct aug_map *m)
{
	for (size_t row = 0; row < r->T * r->H; row++) {
		const unsigned char *from = p->data + (row / r->H) * r->H * r->W * p->size;
		unsigned char *to = p->spare + row * r->W * p->size;
		for (size_t j = 0; j < r->W; j++, to += p->size) {
			double at[2];
			aug_map_point(m, (double)j + 0.5, (double)(row % r->H) + 0.5, at);
			const bool inside = at[0] >= 0 && at[1] >= 0 && at[0] < (double)r->W
					    && at[1] < (double)r->H;
			if (!inside)
				memset(to, p->outside, p->size);
			else
				put(to, from + ((size_t)at[1] * r->W + (size_t)at[0]) * p->size,
					p->size);
		}
	}
}

/* Pillow's fixed point holds places up to 2^15. */
static bool fixed_suffices(const struct aug_row *r, const double *m)
{
	const double H = (double)r->H, W = (double)r->W, most = 32768;
	const double x = fabs(m[2]) + fabs(m[0]) * W + fabs(m[1]) * H;
	const double y = fabs(m[5]) + fabs(m[3]) * W + fabs(m[4]) * H;
	return x < most && y < most;
}

static void nearest(const struct aug_plane *p, const struct aug_row *r, const struct aug_map *m)
{
	const bool affine = m->m[6] == 0 && m->m[7] == 0;
	if (affine && m->m[1] == 0 && m->m[3] == 0)
		nearest_scaled(p, r, m->m);
	else if (affine && fixed_suffices(r, m->m))
		nearest_fixed(p, r, m->m);
	else
		nearest_general(p, r, m);
}

/* ---- bilinear ---------------------------------------------------------------------- */

/* Pillow's bilinear_filter8: between pixel centres, edges repeated. */
static void bilinear_pixel(
	const unsigned char *from, const struct aug_row *r, double x, double y, unsigned char *to)
{
	const size_t C = r->image.size;
	if (!(x >= 0 && y >= 0 && x < (double)r->W && y < (double)r->H)) {
		memset(to, 0, C);
		return;
	}
	x -= 0.5;
	y -= 0.5;
	const double fx = floor(x), fy = floor(y), dx = x - fx, dy = y - fy;
	const size_t x0 = fx < 0 ? 0 : (size_t)fx, y0 = fy < 0 ? 0 : (size_t)fy;
	const size_t x1 = fx + 1 < (double)r->W ? (size_t)(fx + 1) : r->W - 1;
	const size_t y1 = fy + 1 < (double)r->H ? (size_t)(fy + 1) : r->H - 1;
	for (size_t c = 0; c < C; c++) {
		const double p = from[(y0 * r->W + x0) * C + c], q = from[(y0 * r->W + x1) * C + c];
		const double s = from[(y1 * r->W + x0) * C + c], t = from[(y1 * r->W + x1) * C + c];
		const double top = p + (q - p) * dx, bottom = s + (t - s) * dx;
		to[c] = (unsigned char)(top + (bottom - top) * dy);
	}
}

static void bilinear(const struct aug_row *r, const struct aug_map *m)
{
	const size_t C = r->image.size;
	for (size_t row = 0; row < r->T * r->H; row++) {
		const unsigned char *from = r->image.data + (row / r->H) * r->H * r->W * C;
		for (size_t j = 0; j < r->W; j++) {
			double at[2];
			aug_map_point(m, (double)j + 0.5, (double)(row % r->H) + 0.5, at);
			bilinear_pixel(
				from, r, at[0], at[1], r->image.spare + (row * r->W + j) * C);
		}
	}
}

/* ---- a row ------------------------------------------------------------------------- */

/* Where old places go: the inverse by cofactors, scaled so that its last number is 1. */
static struct aug_map inverse(const struct aug_map *b)
{
	const double *m = b->m, det = m[0] * m[4] - m[1] * m[3];
	return (struct aug_map){{(m[4] - m[5] * m[7]) / det, (m[2] * m[7] - m[1]) / det,
		(m[1] * m[5] - m[2] * m[4]) / det, (m[5] * m[6] - m[3]) / det,
		(m[0] - m[2] * m[6]) / det, (m[2] * m[3] - m[0] * m[5]) / det,
		(m[3] * m[7] - m[4] * m[6]) / det, (m[1] * m[6] - m[0] * m[7]) / det}};
}

static int warp(struct aug_row *r, const struct aug_map *back, const struct aug_map *forth,
	enum aug_filter filter, struct cvt_err *e)
{
	TRY(aug_room(r, r->H, r->W, e));
	if (filter == FILTER_NEAREST)
		nearest(&r->image, r, back);
	else
		bilinear(r, back);
	for (size_t i = 0; i < r->planes; i++)
		nearest(&r->plane[i], r, back);
	aug_map_points(r, forth, r->H, r->W);
	aug_swap(r, r->H, r->W);
	return CVT_OK;
}

int aug_warp(
	struct aug_row *r, const struct aug_map *back, enum aug_filter filter, struct cvt_err *e)
{
	const struct aug_map forth = inverse(back);
	return warp(r, back, &forth, filter, e);
}

/* ---- turns ------------------------------------------------------------------------- */

/* To 15 places as Python's round does it, which is as the C library prints them. */
static double round15(double x)
{
	char text[32];
	(void)snprintf(text, sizeof text, "%.15f", x);
	return strtod(text, NULL);
}

/* From a place of the turned picture to the one it shows, as Pillow's Image.rotate makes it. */
static struct aug_map turn_matrix(double degrees, size_t H, size_t W)
{
	const double whole = fmod(degrees, 360), positive = whole < 0 ? whole + 360 : whole;
	const double angle = -(positive * (PI / 180));
	struct aug_map m = {{round15(cos(angle)), round15(sin(angle)), 0, round15(-sin(angle)),
		round15(cos(angle)), 0}};
	const double cx = (double)W / 2, cy = (double)H / 2;
	m.m[2] = m.m[0] * -cx + m.m[1] * -cy + cx;
	m.m[5] = m.m[3] * -cx + m.m[4] * -cy + cy;
	return m;
}

int aug_turn(struct aug_row *r, double degrees, enum aug_filter filter, struct cvt_err *e)
{
	const struct aug_map back = turn_matrix(degrees, r->H, r->W);
	const struct aug_map forth = turn_matrix(-degrees, r->H, r->W);
	return warp(r, &back, &forth, filter, e);
}

/* ---- affine ------------------------------------------------------------------------ */

/* torchvision's _get_inverse_affine_matrix: M = T C RSS C^-1, RSS = turn scale shear_y shear_x. */
int aug_affine_apply(
	struct aug_row *r, const struct aug_affine *a, enum aug_filter filter, struct cvt_err *e)
{
	const double turn = a->degrees * (PI / 180), sx = a->shear_x * (PI / 180),
		     sy = a->shear_y * (PI / 180);
	const double cx = a->at_corner ? 0 : (double)r->W * 0.5;
	const double cy = a->at_corner ? 0 : (double)r->H * 0.5;
	const double p = cos(turn - sy) / cos(sy);
	const double q = -cos(turn - sy) * tan(sx) / cos(sy) - sin(turn);
	const double s = sin(turn - sy) / cos(sy);
	const double t = -sin(turn - sy) * tan(sx) / cos(sy) + cos(turn);
	struct aug_map back = {{t / a->scale, -q / a->scale, 0, -s / a->scale, p / a->scale, 0}};
	double *m = back.m;
	m[2] += m[0] * (-cx - a->tx) + m[1] * (-cy - a->ty);
	m[5] += m[3] * (-cx - a->tx) + m[4] * (-cy - a->ty);
	m[2] += cx;
	m[5] += cy;
	return aug_warp(r, &back, filter, e);
}

/* ---- perspective ------------------------------------------------------------------- */

enum { UNKNOWNS = 8 };

/* Gauss's elimination with pivots; false when the corners lie in a line. */
static bool solve(double a[UNKNOWNS][UNKNOWNS + 1], double *x)
{
	for (size_t k = 0; k < UNKNOWNS; k++) {
		size_t best = k;
		for (size_t i = k + 1; i < UNKNOWNS; i++)
			if (fabs(a[i][k]) > fabs(a[best][k]))
				best = i;
		if (fabs(a[best][k]) < 1e-9)
			return false;
		for (size_t j = 0; j <= UNKNOWNS; j++) {
			const double v = a[k][j];
			a[k][j] = a[best][j];
			a[best][j] = v;
		}
		for (size_t i = 0; i < UNKNOWNS; i++) {
			const double f = i == k ? 0 : a[i][k] / a[k][k];
			for (size_t j = k; j <= UNKNOWNS && f != 0; j++)
				a[i][j] -= f * a[k][j];
		}
	}
	for (size_t k = 0; k < UNKNOWNS; k++)
		x[k] = a[k][UNKNOWNS] / a[k][k];
	return true;
}

/* torchvision's _get_perspective_coeffs, in double where that solves in float. */
int aug_perspective_apply(
	struct aug_row *r, const double to[8], enum aug_filter filter, struct cvt_err *e)
{
	const double w = (double)r->W - 1, h = (double)r->H - 1;
	const double from[8] = {0, 0, w, 0, w, h, 0, h};
	double a[UNKNOWNS][UNKNOWNS + 1] = {{0}};
	struct aug_map back = {{0}};
	for (size_t i = 0; i < 4; i++) {
		const double x = to[2 * i], y = to[2 * i + 1], u = from[2 * i], v = from[2 * i + 1];
		const double one[] = {x, y, 1, 0, 0, 0, -u * x, -u * y, u};
		const double two[] = {0, 0, 0, x, y, 1, -v * x, -v * y, v};
		memcpy(a[2 * i], one, sizeof one);
		memcpy(a[2 * i + 1], two, sizeof two);
	}
	if (!solve(a, back.m))
		return CVT_OK; /* a picture that is folded to a line stays as it is */
	return aug_warp(r, &back, filter, e);
}
