/* knn_distance: the metrics for one pair of vectors (see knn.h). */
#include "knn.h"

#include <math.h>

static double dot(const float *a, const float *b, size_t d)
{
	double sum = 0;
	for (size_t i = 0; i < d; i++)
		sum += (double)a[i] * (double)b[i];
	return sum;
}

static double squares(const float *a, const float *b, size_t d)
{
	double sum = 0;
	for (size_t i = 0; i < d; i++)
		sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
	return sum;
}

double knn_distance(enum knn_metric metric, const float *a, const float *b, size_t d)
{
	if (metric == KNN_L2)
		return sqrt(squares(a, b, d));
	if (metric == KNN_DOT)
		return -dot(a, b, d);
	const double length = sqrt(dot(a, a, d) * dot(b, b, d));
	return length > 0 ? 1 - dot(a, b, d) / length : 1;
}
