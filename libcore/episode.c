/* episode: nearest class means (see episode.h). */
#include "episode.h"

#include <math.h>
#include <string.h>

static double length_of(const float *x, size_t d)
{
	double sum = 0;
	for (size_t i = 0; i < d; i++)
		sum += (double)x[i] * (double)x[i];
	return sqrt(sum);
}

/* mean += x, of length 1 for the cosine; a vector of zeros stays one. */
static void add(float *mean, const float *x, size_t d, enum knn_metric metric)
{
	const double length = metric == KNN_COSINE ? length_of(x, d) : 1;
	for (size_t i = 0; i < d && length > 0; i++)
		mean[i] += (float)((double)x[i] / length);
}

size_t episode_means(const struct episode *s, enum knn_metric metric, float *mean, int32_t *way)
{
	size_t ways = 0;
	for (size_t v = 0; v < s->n; v++) {
		size_t k = 0;
		if (s->role[v] != 0 || s->label[v] < 0)
			continue;
		while (k < ways && way[k] != s->label[v])
			k++;
		if (k == ways) {
			way[ways++] = s->label[v];
			memset(mean + k * s->d, 0, s->d * sizeof *mean);
		}
		add(mean + k * s->d, s->x + v * s->d, s->d, metric);
	}
	for (size_t k = 0; k < ways; k++) {
		double count = 0;
		for (size_t v = 0; v < s->n; v++)
			count += s->role[v] == 0 && s->label[v] == way[k];
		for (size_t i = 0; i < s->d; i++)
			mean[k * s->d + i] = (float)((double)mean[k * s->d + i] / count);
	}
	return ways;
}

int32_t episode_nearest(const float *x, enum knn_metric metric, const float *mean,
	const int32_t *way, size_t ways, size_t d)
{
	double least = INFINITY;
	int32_t best = -1;
	for (size_t k = 0; k < ways; k++) {
		const double distance = knn_distance(metric, x, mean + k * d, d);
		if (distance < least || best < 0) {
			least = distance;
			best = way[k];
		}
	}
	return best;
}

void episode_interval(const double *value, size_t n, double *mean, double *half)
{
	double sum = 0, square = 0;
	for (size_t i = 0; i < n; i++)
		sum += value[i];
	*mean = n ? sum / (double)n : 0;
	for (size_t i = 0; i < n; i++)
		square += (value[i] - *mean) * (value[i] - *mean);
	*half = n > 1 ? 1.96 * sqrt(square / (double)(n - 1) / (double)n) : 0;
}
