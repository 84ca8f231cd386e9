/* vector: elementwise kernels over n floats. */
#include "kernel.h"

/* to += from */
void KERNEL(add)(float *restrict to, const float *restrict from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] += from[i];
}

/* y = max(x, 0), NaN where x is; y may be x. */
void KERNEL(relu)(const float *x, float *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] < 0 ? 0 : x[i];
}

/* dx = dy where y > 0, else 0; or dx += that. dx may be dy. */
void KERNEL(relu_back)(const float *y, const float *dy, float *dx, size_t n, bool add)
{
	if (add)
		for (size_t i = 0; i < n; i++)
			dx[i] += y[i] > 0 ? dy[i] : 0;
	else
		for (size_t i = 0; i < n; i++)
			dx[i] = y[i] > 0 ? dy[i] : 0;
}

/* The same between 0 and 6. */
void KERNEL(relu6)(const float *x, float *y, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const float v = x[i] < 0 ? 0 : x[i];
		y[i] = v > 6 ? 6 : v;
	}
}

void KERNEL(relu6_back)(const float *y, const float *dy, float *dx, size_t n, bool add)
{
	if (add)
		for (size_t i = 0; i < n; i++)
			dx[i] += y[i] > 0 ? (y[i] < 6 ? dy[i] : 0) : 0;
	else
		for (size_t i = 0; i < n; i++)
			dx[i] = y[i] > 0 ? (y[i] < 6 ? dy[i] : 0) : 0;
}

/* to[row][k] = scale x[k] for every row, or += that. */
void KERNEL(spread_rows)(
	const float *restrict x, float scale, size_t rows, size_t c, float *restrict to, bool add)
{
	for (size_t r = 0; r < rows; r++)
		for (size_t k = 0; k < c; k++)
			to[r * c + k] = (add ? to[r * c + k] : 0) + scale * x[k];
}
