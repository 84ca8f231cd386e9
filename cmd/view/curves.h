/* view_curves: the figures of trainings as one picture. */
#ifndef CVT_VIEW_CURVES_H
#define CVT_VIEW_CURVES_H

#include "view.h"

/* Draws the runs that these files tell of, as a PNG. CVT_INPUT if one is no such file. */
int view_curves(const char *const *path, size_t runs, struct output *out, struct cvt_err *e);

#endif
