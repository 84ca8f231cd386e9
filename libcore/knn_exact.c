/* knn_exact: what neighbours are told apart by: distances in double precision, their sums in one fixed order
 * (simd/exact.c). */
#include "knn_private.h"

#include <math.h>

#include "simd.h"

double knn_dot(const float *a, const float *b, size_t d)
{
	return simd()->exact_dot(a, b, d);
}

double knn_exact(const struct knn *s, const float *q, double q_norm, size_t j, float *room)
{
	const float *b = knn_row(s, j, room);
	if (s->metric == KNN_L2)
		return sqrt(simd()->exact_square(q, b, s->bank.d));
	const double product = knn_dot(q, b, s->bank.d);
	if (s->metric == KNN_DOT)
		return -product;
	const double norms = q_norm * s->norm[j];
	const double x = norms > 0 ? 1 - product / norms : 1;
	return x > 0 ? x : 0;
}
