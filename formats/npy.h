/*
 * npy: numpy's array files (numpy.lib.format): a magic, a version, a line of Python with the type
 * and shape, and the items.
 */
#ifndef CVT_NPY_H
#define CVT_NPY_H

#include "../libcore/tensor.h"

/* The header of a version 1.0 file in C order, padded so that the items begin at a multiple of 64.
 */
int npy_header(struct str *out, enum dtype dtype, int ndim, const size_t *dims, struct cvt_err *e);

#endif
