/*
 * kmeans: Lloyd's algorithm (1982) on rows of floats, squared Euclidean distance: assign each row to
 * its nearest centre, move each centre to the mean of its rows. Assignments run on all threads over
 * fixed blocks, sums are added in the order of the rows, so centres do not depend on threads.
 */
#ifndef CVT_KMEANS_H
#define CVT_KMEANS_H

#include "par.h"

#include <signal.h>
#include <stdint.h>

struct kmeans_spec {
	size_t k, iterations;
	uint64_t
		seed; /* draws the first centres among the rows; and anew for those nobody is near */
	const volatile sig_atomic_t *stop; /* CVT_GONE soon after it is set; may be NULL */
};

/* centre (k,d) from x (n,d), n >= k. The mean squared distance of a row to its centre before the
 * last move goes to *inertia unless that is NULL. Needs blas_open. */
int kmeans(const struct kmeans_spec *s, const float *x, size_t n, size_t d, float *centre,
	double *inertia, struct par *par, struct cvt_err *e);

/* The centre that each of n rows is nearest to (the lower one of two) into nearest, its squared
 * distance into distance (both n; distance may be NULL). */
int kmeans_assign(const float *x, size_t n, size_t d, const float *centre, size_t k,
	uint32_t *nearest, float *distance, struct par *par, struct cvt_err *e);

#endif
