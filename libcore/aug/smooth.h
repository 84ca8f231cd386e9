/*
 * smooth: operations that look at a pixel's neighbours.
 */
#ifndef CVT_AUG_SMOOTH_H
#define CVT_AUG_SMOOTH_H

#include "aug.h"

/* PIL's Sharpness, to the bit: between the picture under ImageFilter.SMOOTH (factor 0) and itself
 * (1), and beyond. */
int smooth_sharpen(struct aug_row *r, float factor, struct cvt_err *e);
/* A Gaussian of K places (odd) and that sigma, edges reflected; one pass along rows, one along
 * columns. */
int smooth_blur(struct aug_row *r, size_t K, double sigma, struct cvt_err *e);

#endif
