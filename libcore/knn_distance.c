/* knn_distance: the metrics for one pair of vectors (see knn.h). */
#include <math.h>

#include "knn_private.h"
#include "simd.h"

double knn_distance(enum knn_metric metric, const float *a, const float *b, size_t d)
{
	if (metric == KNN_L2)
		return sqrt(simd()->exact_square(a, b, d));
	if (metric == KNN_DOT)
		return -knn_dot(a, b, d);
	const double length = sqrt(knn_dot(a, a, d) * knn_dot(b, b, d));
	return length > 0 ? 1 - knn_dot(a, b, d) / length : 1;
}
