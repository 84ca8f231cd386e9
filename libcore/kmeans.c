/* kmeans: see kmeans.h. Dimensions: N rows, D numbers each, K centres. */
#include "kmeans.h"

#include "blas.h"
#include "rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 }; /* rows whose products with all centres are held at a time */

struct assignment {
	const float *x, *centre;
	const float *half; /* |c|^2 / 2 a centre */
	size_t n, d, k;
	float *product; /* a thread: BLOCK x K */
	uint32_t *nearest;
	float *distance;
};

static float square(const float *x, size_t d)
{
	double sum = 0.0;
	for (size_t i = 0; i < d; i++)
		sum += (double)x[i] * (double)x[i];
	return (float)sum;
}

/* |x - c|^2 is least where x.c - |c|^2 / 2 is greatest. */
static void assign_block(void *context, size_t block, unsigned thread)
{
	const struct assignment *a = context;
	size_t first;
	const size_t rows = par_span(a->n, BLOCK, block, &first);
	float *p = a->product + thread * BLOCK * a->k;
	blas_gemm(false, true, rows, a->k, a->d, 1, a->x + first * a->d, a->d, a->centre, a->d, 0,
		p, a->k);
	for (size_t r = 0; r < rows; r++, p += a->k) {
		size_t best = 0;
		for (size_t k = 1; k < a->k; k++)
			if (p[k] - a->half[k] > p[best] - a->half[best])
				best = k;
		a->nearest[first + r] = (uint32_t)best;
		if (a->distance)
			a->distance[first + r] =
				fmaxf(0.0f, square(a->x + (first + r) * a->d, a->d)
						    - 2 * (p[best] - a->half[best]));
	}
}

int kmeans_assign(const float *x, size_t n, size_t d, const float *centre, size_t k,
	uint32_t *nearest, float *distance, struct par *par, struct cvt_err *e)
{
	float *half = mem_alloc(k, sizeof *half, e);
	float *product = mem_alloc(par_threads(par) * BLOCK * k, sizeof *product, e);
	struct assignment a = {x, centre, half, n, d, k, product, nearest, distance};
	if (half && product) {
		for (size_t i = 0; i < k; i++)
			half[i] = square(centre + i * d, d) / 2;
		par_for(par, par_blocks(n, BLOCK), assign_block, &a);
	}
	const int code = half && product ? CVT_OK : CVT_SYSTEM;
	free(half);
	free(product);
	return code;
}

/* k different rows, drawn. */
static int first_centres(const struct kmeans_spec *s, const float *x, size_t n, size_t d,
	float *centre, struct cvt_err *e)
{
	size_t *order = mem_alloc(n, sizeof *order, e);
	struct rng r;
	if (!order)
		return CVT_SYSTEM;
	rng_for(&r, s->seed, RNG_METHOD, 0, 0);
	rng_permutation(&r, order, n);
	for (size_t k = 0; k < s->k; k++)
		memcpy(centre + k * d, x + order[k] * d, d * sizeof *centre);
	free(order);
	return CVT_OK;
}

/* Centres to the means of their rows; one that has none jumps to a row drawn. */
static void move(const struct kmeans_spec *s, size_t iteration, const float *x, size_t n, size_t d,
	const uint32_t *nearest, double *sum, size_t *count, float *centre)
{
	struct rng r;
	rng_for(&r, s->seed, RNG_METHOD, 1, iteration);
	memset(sum, 0, s->k * d * sizeof *sum);
	memset(count, 0, s->k * sizeof *count);
	for (size_t i = 0; i < n; i++) {
		double *to = sum + nearest[i] * d;
		count[nearest[i]]++;
		for (size_t j = 0; j < d; j++)
			to[j] += (double)x[i * d + j];
	}
	for (size_t k = 0; k < s->k; k++)
		if (count[k] == 0)
			memcpy(centre + k * d, x + rng_below(&r, n) * d, d * sizeof *centre);
		else
			for (size_t j = 0; j < d; j++)
				centre[k * d + j] = (float)(sum[k * d + j] / (double)count[k]);
}

int kmeans(const struct kmeans_spec *s, const float *x, size_t n, size_t d, float *centre,
	double *inertia, struct par *par, struct cvt_err *e)
{
	uint32_t *nearest = mem_alloc(n, sizeof *nearest, e);
	float *distance = mem_alloc(n, sizeof *distance, e);
	double *sum = mem_alloc(s->k * d, sizeof *sum, e), total = 0.0;
	size_t *count = mem_alloc(s->k, sizeof *count, e);
	int code = nearest && distance && sum && count ? CVT_OK : CVT_SYSTEM;
	if (code == CVT_OK)
		code = first_centres(s, x, n, d, centre, e);
	for (size_t t = 0; t < s->iterations && code == CVT_OK; t++) {
		code = s->stop && *s->stop
			       ? CVT_GONE
			       : kmeans_assign(x, n, d, centre, s->k, nearest, distance, par, e);
		if (code == CVT_OK)
			move(s, t, x, n, d, nearest, sum, count, centre);
	}
	for (size_t i = 0; i < n && code == CVT_OK && s->iterations; i++)
		total += (double)distance[i];
	if (inertia)
		*inertia = total / (double)n;
	free(nearest);
	free(distance);
	free(sum);
	free(count);
	return code;
}
