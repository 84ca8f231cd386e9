/* knn_vote: what the neighbours of a row say about its class (see knn.h). */
#include "knn.h"

#include <math.h>

const struct knn_word knn_votes[KNN_VOTES] = {
	[KNN_WEIGHTED] = {"weighted", "near neighbours count more: exp(-distance / T)"},
	[KNN_UNIFORM] = {"uniform", "all neighbours count the same"},
};

/* Votes are divided by that of the nearest neighbour, which leaves the shares as they are and never
 * overflows. */
static double weight(const struct knn_ballot *b, float distance, float nearest)
{
	if (b->vote == KNN_UNIFORM)
		return 1;
	return exp(((double)nearest - (double)distance) / b->temperature);
}

int32_t knn_count_votes(const struct knn_ballot *b, size_t k, const size_t *row,
	const float *distance, double *sum, float *share)
{
	double all = 0;
	size_t best = 0;
	for (size_t c = 0; c < b->classes; c++)
		sum[c] = 0;
	for (size_t j = 0; j < k; j++)
		sum[b->label[row[j]]] += weight(b, distance[j], distance[0]);
	for (size_t c = 0; c < b->classes; c++) {
		all += sum[c];
		if (sum[c] > sum[best])
			best = c;
	}
	for (size_t c = 0; c < b->classes; c++)
		share[c] = all > 0 ? (float)(sum[c] / all) : 0;
	return (int32_t)best;
}
