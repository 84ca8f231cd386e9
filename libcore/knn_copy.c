/*
 * knn_copy: what is multiplied where rows as they came would not do (see knn_private.h).
 *
 * Rows farther from 0 than from each other lose their mean (centre.h). Products of rows that are nearly 0
 * would leave the floats, so these are multiplied by a power of two, which changes exponents alone: for the
 * cosine, which knows no length, each short row by its own; else all rows by one, and for l2 the queries with
 * them. For cosine and dot a query's length decides nothing, so that short ones have a power of their own.
 */
#include <math.h>
#include <string.h>

#include "centre.h"
#include "knn_private.h"

enum { ROWS = 256 };
/* Queries that are 2^60 times as long as all rows are equally far from them even in double precision. */
enum { FAR = 60 };
/* A float's range is enough for products of rows that are so long. */
static const double tiny = 1e-12;

/* What makes of that length one from 1/2 to 1. */
static int power_to_1(double length)
{
	int power;
	(void)frexp(length, &power);
	return -power;
}

/* By doubles: some powers are no floats. */
static void multiply(float *to, const float *from, size_t d, int power)
{
	const double times = ldexp(1, power);
	for (size_t i = 0; i < d; i++)
		to[i] = (float)((double)from[i] * times);
}

/* ---- the bank -------------------------------------------------------------------------- */

static int make_copy(struct knn *s, size_t most, struct cvt_err *e)
{
	const size_t rows = s->bank.rows, row = s->bank.d * sizeof(float) + sizeof *s->length;
	if (rows * row > most)
		return cvt_fail(e, CVT_LIMIT,
			"rows %s are held a second time, which takes %zu bytes more; raise "
			"--max-memory",
			s->mean ? "far from 0" : "that are nearly 0", rows * row);
	s->copy = mem_alloc(rows, s->bank.d * sizeof *s->copy, e);
	s->length = mem_alloc(rows, sizeof *s->length, e);
	return s->copy && s->length ? CVT_OK : CVT_SYSTEM;
}

int knn_copy_centred(struct knn *s, size_t most, struct cvt_err *e)
{
	const struct knn_bank *b = &s->bank;
	if (s->metric != KNN_L2 || !b->f4)
		return CVT_OK;
	TRY(centre_find(b->f4, b->rows, b->d, &s->mean, e));
	if (!s->mean)
		return CVT_OK;
	TRY(make_copy(s, most, e));
	centre_subtract(s->copy, b->f4, s->mean, b->rows, b->d);
	return CVT_OK;
}

static void scale_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	struct knn *s = context;
	const size_t d = s->bank.d;
	size_t first;
	const size_t n = par_span(s->bank.rows, ROWS, block, &first);
	for (size_t j = first; j < first + n; j++) {
		const float *from = (s->mean ? s->copy : s->bank.f4) + j * d;
		int power = s->power;
		if (s->metric == KNN_COSINE)
			power = knn_long_enough(s->length[j]) ? 0 : power_to_1(s->length[j]);
		multiply(s->copy + j * d, from, d, power);
		s->length[j] = ldexp(s->length[j], power);
	}
}

int knn_copy_scaled(struct knn *s, size_t most, struct cvt_err *e)
{
	const size_t rows = s->bank.rows;
	double shortest = INFINITY, longest = 0;
	for (size_t j = 0; j < rows; j++) {
		const double length = s->length[j];
		shortest = length > 0 && length < shortest ? length : shortest;
		longest = length > longest ? length : longest;
	}
	if (!s->bank.f4 || longest == 0 || (s->metric == KNN_COSINE ? shortest : longest) >= tiny)
		return CVT_OK;
	if (!s->copy) {
		TRY(make_copy(s, most, e));
		memcpy(s->length, s->norm, rows * sizeof *s->length);
	}
	s->power = s->metric == KNN_COSINE ? 0 : power_to_1(longest);
	par_for(s->par, par_blocks(rows, ROWS), scale_block, s);
	return CVT_OK;
}

/* ---- queries --------------------------------------------------------------------------- */

bool knn_copies_query(const struct knn *s, double length)
{
	return s->metric == KNN_L2 ? s->copy != NULL : !knn_long_enough(length);
}

void knn_copy_query(const struct knn *s, float *to, const float *from)
{
	const size_t d = s->bank.d;
	if (s->mean)
		centre_subtract(to, from, s->mean, 1, d);
	else
		memcpy(to, from, d * sizeof *to);
	const double length = s->metric == KNN_L2 && !s->power ? 0 : sqrt(knn_dot(to, to, d));
	int power = power_to_1(length);
	if (s->metric == KNN_L2)
		power = s->power < power + FAR ? s->power : power + FAR;
	else if (knn_long_enough(length))
		power = 0;
	if (length > 0 && power != 0)
		multiply(to, to, d, power);
}
