/* quarters: quarter turns, which move every pixel to the place of another. */
#ifndef CVT_AUG_QUARTERS_H
#define CVT_AUG_QUARTERS_H

#include "geometry.h"

/* Turns a row and all that it carries by 0 to 3 quarters, counter-clockwise. */
int aug_quarters(struct aug_row *r, size_t quarters, struct cvt_err *e);
/* For size() of an operation of that name: CVT_INPUT unless the picture is square, as turned ones
 * would have another size. */
int aug_need_square(const char *name, size_t H, size_t W, struct cvt_err *e);

#endif
