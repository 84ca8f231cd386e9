/*
 * warp: pictures through a matrix, as Pillow's Image.transform has them. A matrix says where a pixel
 * of the new picture comes from; what comes from outside is 0 (planes: ignored). Planes are always
 * sampled by the nearest, and boxes and keypoints go the other way.
 */
#ifndef CVT_AUG_WARP_H
#define CVT_AUG_WARP_H

#include "geometry.h"

/* Turns counter-clockwise about the centre by degrees, PIL's rotate without expand. */
int aug_turn(struct aug_row *r, double degrees, enum aug_filter filter, struct cvt_err *e);

/* torchvision's affine: shear, scale, turn clockwise, all about the centre, and shift. */
struct aug_affine {
	double degrees, tx, ty, scale, shear_x, shear_y; /* angles in degrees */
	bool at_corner;                                  /* the centre is the corner 0, 0 */
};
int aug_affine_apply(
	struct aug_row *r, const struct aug_affine *a, enum aug_filter filter, struct cvt_err *e);

/* The corners (top left, top right, bottom right, bottom left, x and y each) of the picture, as
 * places of its corner pixels, go to `to`: torchvision's perspective. */
int aug_perspective_apply(
	struct aug_row *r, const double to[8], enum aug_filter filter, struct cvt_err *e);
/* By a matrix itself. */
int aug_warp(
	struct aug_row *r, const struct aug_map *back, enum aug_filter filter, struct cvt_err *e);

#endif
