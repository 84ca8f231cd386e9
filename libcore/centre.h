/*
 * centre: rows without their mean, for Euclidean distances as products in floats: |q - b|^2 / 2 = |q|^2 / 2
 * - (q b - |b|^2 / 2) cancels where rows are long and close to each other.
 */
#ifndef CVT_CENTRE_H
#define CVT_CENTRE_H

#include "mem.h"

/* When n rows of d numbers lie much farther from 0 than from each other: their mean (d), which the caller
 * frees; else it stays NULL. */
int centre_find(const float *rows, size_t n, size_t d, float **mean, struct cvt_err *e);
/* to = from - mean, row by row. */
void centre_subtract(float *to, const float *from, const float *mean, size_t rows, size_t d);

#endif
