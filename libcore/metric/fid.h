/*
 * fid: the Frechet distance between two sets of feature vectors, taken as normal distributions
 * (Dowson and Landau 1982; on pictures Heusel et al., "GANs trained by a two time-scale update
 * rule", 2017):
 *
 *     |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))
 *
 * m the means, S the covariances (divided by rows - 1, as numpy.cov does). Figures in the features
 * of different networks cannot be compared.
 *
 * Dimensions: D features.
 */
#ifndef CVT_FID_H
#define CVT_FID_H

#include "../mem.h"

enum { FID_MOST = 4096 }; /* features: three matrices of D x D doubles are held */

/* Sums of a set, of x - origin, so that a large mean costs no digits. */
struct fid_set {
	size_t D;
	uint64_t rows;
	double *origin, *sum, *square; /* D, D, D x D (its upper half) */
};

int fid_open(struct fid_set *s, size_t D, struct cvt_err *e);
void fid_free(struct fid_set *s);
/* Sums are added in the order of the rows. CVT_INPUT when a feature is no finite number. */
int fid_add(struct fid_set *s, const float *row, size_t rows, struct cvt_err *e);
/* Both sets have the same D and at least two rows. */
int fid_distance(const struct fid_set *a, const struct fid_set *b, double *to, struct cvt_err *e);

#endif
