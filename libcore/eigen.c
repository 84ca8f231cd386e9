/*
 * eigen: the cyclic Jacobi method (Golub and Van Loan, "Matrix computations", 8.5): rotations zero
 * the entries off the diagonal one by one until nothing is left of them. For up to a few hundred rows
 * it is fast enough, exact, and adds in one order.
 */
#include "eigen.h"

#include <math.h>
#include <string.h>

enum { SWEEPS = 60 };

/* Columns p and q of rows `at` (stride n) turn by the angle of cosine c and sine s. */
static void turn(double *x, double *y, size_t count, size_t step, double c, double s)
{
	for (size_t i = 0; i < count; i++) {
		const double a = x[i * step], b = y[i * step];
		x[i * step] = c * a - s * b;
		y[i * step] = s * a + c * b;
	}
}

static void rotate(double *a, double *vector, size_t n, size_t p, size_t q)
{
	const double apq = a[p * n + q];
	if (apq == 0.0)
		return;
	const double theta = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
	const double t = (theta < 0.0 ? -1.0 : 1.0) / (fabs(theta) + sqrt(theta * theta + 1.0));
	const double c = 1.0 / sqrt(t * t + 1.0), s = t * c;
	turn(a + p, a + q, n, n, c, s);
	turn(a + p * n, a + q * n, n, 1, c, s);
	turn(vector + p * n, vector + q * n, n, 1, c, s);
	a[p * n + q] = a[q * n + p] = 0.0;
}

static double off_diagonal(const double *a, size_t n)
{
	double sum = 0.0;
	for (size_t p = 0; p < n; p++)
		for (size_t q = p + 1; q < n; q++)
			sum += a[p * n + q] * a[p * n + q];
	return sum;
}

static void swap(double *a, double *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const double x = a[i];
		a[i] = b[i];
		b[i] = x;
	}
}

static void sort(size_t n, double *value, double *vector)
{
	for (size_t k = 0; k < n; k++) {
		size_t most = k;
		for (size_t i = k + 1; i < n; i++)
			if (value[i] > value[most])
				most = i;
		swap(&value[k], &value[most], most != k);
		swap(vector + k * n, vector + most * n, most != k ? n : 0);
	}
}

static void make_positive(double *x, size_t n)
{
	size_t most = 0;
	for (size_t i = 1; i < n; i++)
		if (fabs(x[i]) > fabs(x[most]) * (1.0 + 1e-9))
			most = i;
	for (size_t i = 0; i < n && x[most] < 0.0; i++)
		if (i != most)
			x[i] = -x[i];
	x[most] = fabs(x[most]);
}

void eigen_symmetric(double *a, size_t n, double *value, double *vector)
{
	double size = off_diagonal(a, n);
	memset(vector, 0, n * n * sizeof *vector);
	for (size_t i = 0; i < n; i++) {
		vector[i * n + i] = 1.0;
		size += a[i * n + i] * a[i * n + i];
	}
	for (int sweep = 0; sweep < SWEEPS && off_diagonal(a, n) > 1e-28 * size; sweep++)
		for (size_t p = 0; p < n; p++)
			for (size_t q = p + 1; q < n; q++)
				rotate(a, vector, n, p, q);
	for (size_t i = 0; i < n; i++)
		value[i] = a[i * n + i];
	sort(n, value, vector);
	for (size_t i = 0; i < n; i++)
		make_positive(vector + i * n, n);
}
