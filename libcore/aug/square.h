/*
 * square: operations whose values are a size, H[,W]: one number stands for both sides.
 */
#ifndef CVT_AUG_SQUARE_H
#define CVT_AUG_SQUARE_H

#include "aug.h"

#include <math.h>

enum { AUG_MAX_SIDE = 16384 };

#define SQUARE_PARAMS                                                                              \
	{"H", 0, 1, AUG_MAX_SIDE, true, true, NULL},                                               \
	{                                                                                          \
		"W", NAN, 1, AUG_MAX_SIDE, false, true, NULL                                       \
	}

void square_sides(const double *v, size_t *h, size_t *w);
/* CVT_INPUT, saying what to do, when a picture of H x W has no window of h x w. */
int square_inside(const char *op, size_t H, size_t W, size_t h, size_t w, struct cvt_err *e);
/* For the size() of crops: checks what is known and sets the size. */
int square_crop_size(const char *op, const double *v, size_t *H, size_t *W, struct cvt_err *e);

#endif
