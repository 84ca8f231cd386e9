/* centre: rows without their mean (see centre.h). */
#include "centre.h"

#include <math.h>
#include <stdlib.h>

/* So many times the mean squared distance from the mean must its own squared length be. */
enum { FAR = 16 };

void centre_subtract(float *to, const float *from, const float *mean, size_t rows, size_t d)
{
	for (size_t i = 0; i < rows; i++)
		for (size_t j = 0; j < d; j++)
			to[i * d + j] = from[i * d + j] - mean[j];
}

/* The mean, and whether it is far from 0. */
static bool measure(const float *rows, size_t n, size_t d, double *mean)
{
	double of_rows = 0, of_mean = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < d; j++) {
			const double x = (double)rows[i * d + j];
			mean[j] += x / (double)n;
			of_rows += x * x / (double)n;
		}
	for (size_t j = 0; j < d; j++)
		of_mean += mean[j] * mean[j];
	return isfinite(of_rows) && of_mean > FAR * (of_rows - of_mean);
}

int centre_find(const float *rows, size_t n, size_t d, float **mean, struct cvt_err *e)
{
	double *sum = mem_alloc(d, sizeof *sum, e);
	if (!sum)
		return CVT_SYSTEM;
	const bool far = measure(rows, n, d, sum);
	if (far)
		*mean = mem_alloc(d, sizeof **mean, e);
	for (size_t j = 0; j < d && *mean; j++)
		(*mean)[j] = (float)sum[j];
	free(sum);
	return far && !*mean ? CVT_SYSTEM : CVT_OK;
}
