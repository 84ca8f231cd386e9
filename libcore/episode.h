/*
 * episode: a few-shot task: support vectors whose classes are known, queries to be told which of
 * these classes they are (Vinyals et al., "Matching networks for one shot learning", NIPS 2016).
 * Class numbers mean nothing beyond the episode.
 */
#ifndef CVT_EPISODE_H
#define CVT_EPISODE_H

#include "knn.h"

/* n vectors of d floats, borrowed. Those with a label or role below 0 belong to nothing. */
struct episode {
	size_t n, d;
	const float *x;
	const int32_t *label, *role; /* role: 0 support, 1 query */
};

/* The mean of each class's support into mean (at most n of d floats), its label into way; returns
 * how many classes there are. For the cosine all vectors count as if of length 1. */
size_t episode_means(const struct episode *s, enum knn_metric metric, float *mean, int32_t *way);
/* The label of the mean that is nearest to x; of equally near ones that of the first. */
int32_t episode_nearest(const float *x, enum knn_metric metric, const float *mean,
	const int32_t *way, size_t ways, size_t d);

/* Mean and half the width of its 95 % interval of n values: 1.96 s / sqrt n. */
void episode_interval(const double *value, size_t n, double *mean, double *half);

#endif
