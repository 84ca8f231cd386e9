/* eigen: eigenvalues and eigenvectors of small symmetric matrices. */
#ifndef CVT_EIGEN_H
#define CVT_EIGEN_H

#include "mem.h"

/* a (n x n, symmetric) is destroyed. value[k] falls, vector[k * n ..] is its unit eigenvector, whose
 * largest part is positive; the same on every machine. */
void eigen_symmetric(double *a, size_t n, double *value, double *vector);

#endif
