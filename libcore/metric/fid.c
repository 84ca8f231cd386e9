/* fid: means, covariances, and the trace of the root of their product (see fid.h). */
#include "fid.h"

#include "../eigen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int fid_open(struct fid_set *s, size_t D, struct cvt_err *e)
{
	*s = (struct fid_set){.D = D};
	if (D == 0 || D > FID_MOST)
		return cvt_fail(
			e, CVT_INPUT, "%zu features; from 1 to %d can be compared", D, FID_MOST);
	s->origin = mem_alloc(D, sizeof *s->origin, e);
	s->sum = mem_alloc(D, sizeof *s->sum, e);
	s->square = mem_alloc(D * D, sizeof *s->square, e);
	return s->origin && s->sum && s->square ? CVT_OK : CVT_SYSTEM;
}

void fid_free(struct fid_set *s)
{
	free(s->origin);
	free(s->sum);
	free(s->square);
	*s = (struct fid_set){0};
}

static void add_row(struct fid_set *s, const float *row)
{
	const size_t D = s->D;
	for (size_t i = 0; i < D; i++) {
		const double x = (double)row[i] - s->origin[i];
		s->sum[i] += x;
		for (size_t k = i; k < D; k++)
			s->square[i * D + k] += x * ((double)row[k] - s->origin[k]);
	}
}

int fid_add(struct fid_set *s, const float *row, size_t rows, struct cvt_err *e)
{
	const size_t D = s->D;
	for (size_t r = 0; r < rows; r++, row += D) {
		for (size_t i = 0; i < D; i++)
			if (!isfinite(row[i]))
				return cvt_fail(e, CVT_INPUT,
					"row %llu: feature %zu is no finite number",
					(unsigned long long)s->rows, i);
		for (size_t i = 0; i < D && s->rows == 0; i++)
			s->origin[i] = (double)row[i];
		add_row(s, row);
		s->rows++;
	}
	return CVT_OK;
}

/* The whole covariance; its trace. */
static double covariance(const struct fid_set *s, double *to)
{
	const size_t D = s->D;
	const double n = (double)s->rows;
	double trace = 0;
	for (size_t i = 0; i < D; i++) {
		for (size_t k = i; k < D; k++)
			to[i * D + k] = to[k * D + i] =
				(s->square[i * D + k] - s->sum[i] * s->sum[k] / n) / (n - 1);
		trace += to[i * D + i];
	}
	return trace;
}

static double distance_of_means(const struct fid_set *a, const struct fid_set *b)
{
	double sum = 0;
	for (size_t i = 0; i < a->D; i++) {
		const double x = a->origin[i] + a->sum[i] / (double)a->rows
				 - (b->origin[i] + b->sum[i] / (double)b->rows);
		sum += x * x;
	}
	return sum;
}

/* to = V S V' for rows of V: to[i,k] = v_i . S v_k; work is D x D. */
static void turn(const double *v, const double *s, size_t D, double *work, double *to)
{
	memset(work, 0, D * D * sizeof *work);
	memset(to, 0, D * D * sizeof *to);
	for (size_t i = 0; i < D; i++)
		for (size_t j = 0; j < D; j++)
			for (size_t k = 0; k < D; k++)
				work[i * D + k] += v[i * D + j] * s[j * D + k];
	for (size_t i = 0; i < D; i++)
		for (size_t k = i; k < D; k++) {
			double sum = 0;
			for (size_t j = 0; j < D; j++)
				sum += work[i * D + j] * v[k * D + j];
			to[i * D + k] = to[k * D + i] = sum;
		}
}

/*
 * tr (A B)^(1/2) = tr (A^(1/2) B A^(1/2))^(1/2), which is symmetric. With A = V' L V that is the sum
 * of the roots of the eigenvalues of L^(1/2) V B V' L^(1/2). a and b are destroyed.
 */
static double trace_of_root(double *a, double *b, size_t D, double *work)
{
	double *value = work, *v = work + D, *product = v + D * D, sum = 0;
	eigen_symmetric(a, D, value, v);
	for (size_t i = 0; i < D; i++)
		for (size_t k = 0; k < D; k++)
			v[i * D + k] *= sqrt(value[i] > 0 ? value[i] : 0);
	turn(v, b, D, a, product);
	eigen_symmetric(product, D, value, v);
	for (size_t i = 0; i < D; i++)
		sum += sqrt(value[i] > 0 ? value[i] : 0);
	return sum;
}

int fid_distance(const struct fid_set *a, const struct fid_set *b, double *to, struct cvt_err *e)
{
	const size_t D = a->D;
	if (a->D != b->D)
		return cvt_fail(e, CVT_INPUT, "rows of %zu features and of %zu cannot be compared",
			a->D, b->D);
	if (a->rows < 2 || b->rows < 2)
		return cvt_fail(e, CVT_INPUT, "at least two rows on each side make a covariance");
	double *s = mem_alloc(2 * D * D, sizeof *s, e);
	double *work = mem_alloc(D + 2 * D * D, sizeof *work, e);
	if (s && work) {
		*to = distance_of_means(a, b) + covariance(a, s) + covariance(b, s + D * D);
		*to -= 2 * trace_of_root(s, s + D * D, D, work);
		*to = *to > 0 ? *to : 0; /* rounding */
	}
	const int code = s && work ? CVT_OK : CVT_SYSTEM;
	free(s);
	free(work);
	return code;
}
