/*
 * geometry: what operations that move pixels are made of. Each acts on everything a row carries:
 * the picture, its planes (nearest), boxes (clipped; class -1 when nothing is left) and keypoints
 * (invisible when outside).
 */
#ifndef CVT_AUG_GEOMETRY_H
#define CVT_AUG_GEOMETRY_H

#include "aug.h"

enum aug_border { BORDER_ZERO, BORDER_REFLECT };
enum aug_filter { FILTER_BILINEAR, FILTER_NEAREST };

/* A window of the picture, which may reach beyond it. */
struct aug_window {
	ptrdiff_t y, x;
	size_t h, w;
};

/* Makes room for T x H x W items in the spare buffers of picture and planes. */
int aug_room(struct aug_row *r, size_t H, size_t W, struct cvt_err *e);
/* After all spares were written: they are the row now, of H x W. */
void aug_swap(struct aug_row *r, size_t H, size_t W);
/* The same for the picture alone, whose size stays. */
int aug_room_image(struct aug_row *r, struct cvt_err *e);
void aug_swap_image(struct aug_row *r);

/* Where place i of a line of n lies when the line is mirrored at its ends, without repeating them.
 */
size_t aug_reflect(ptrdiff_t i, size_t n);
int aug_cut(
	struct aug_row *r, const struct aug_window *w, enum aug_border border, struct cvt_err *e);
/* The window (inside the picture) as an H x W picture, PIL's resize with its antialiasing. */
int aug_scale(struct aug_row *r, const struct aug_window *w, size_t H, size_t W,
	enum aug_filter filter, struct cvt_err *e);
/* Mirrors left and right, or up and down. */
int aug_flip(struct aug_row *r, bool horizontal, struct cvt_err *e);

/* x' = (m0 x + m1 y + m2) / (m6 x + m7 y + 1), y' = (m3 x + m4 y + m5) / the same. */
struct aug_map {
	double m[8];
};
void aug_map_point(const struct aug_map *m, double x, double y, double to[2]);
/* Boxes and keypoints to where a picture of H x W shows them. */
void aug_map_points(struct aug_row *r, const struct aug_map *m, size_t H, size_t W);

#endif
