/*
 * knn: exact nearest neighbours of query rows among the rows of a bank, and their vote.
 *
 * Queries are multiplied with the bank in floats (simd.h); each product, scaled, is a key that a running
 * list per query keeps or drops at one comparison. (Coarser products only rule rows out, whose keys are then
 * not computed.) The keys of the survivors, a few more than asked for, are computed again in double
 * precision, in one fixed order of sums: the distances that come out are right to the last bit of a float, a
 * row's distance to itself is 0, and equal rows are equally far, so that ties go to the lower row.
 *
 * Shapes of blocks and tiles follow from the sizes alone, so no result depends on threads.
 */
#ifndef CVT_KNN_H
#define CVT_KNN_H

#include "par.h"

enum knn_metric {
	KNN_COSINE, /* 1 - q.b / (|q| |b|); a row of zeros is at distance 1 from all */
	KNN_L2,     /* |q - b| */
	KNN_DOT,    /* -q.b */
	KNN_METRICS
};

/* Names and help of the metrics, for options and lists. */
struct knn_word {
	const char *name, *help;
};
extern const struct knn_word knn_metrics[KNN_METRICS];

/* Rows of d numbers end to end, borrowed: float, or bytes that stand for v / 255. */
struct knn_bank {
	const float *f4; /* one of the two is NULL */
	const unsigned char *u1;
	size_t rows, d;
};

enum { KNN_PAD = 32 };
/* Rows that a buffer of queries must have room for: n rounded up to whole KNN_PAD. */
static inline size_t knn_padded(size_t n)
{
	return (n + KNN_PAD - 1) / KNN_PAD * KNN_PAD;
}

struct knn;

/* Prepares a search in bank, which must outlive it. CVT_INPUT when a row is not finite, naming the
 * row as "row N". Rows that products in floats would not tell apart, because they lie far from 0 (l2) or are
 * nearly 0, are copied; CVT_LIMIT when it then holds more than `most` bytes. par may be NULL. */
int knn_open(struct knn **out, enum knn_metric metric, const struct knn_bank *bank, size_t most,
	struct par *par, struct cvt_err *e);
void knn_close(struct knn *s);
/* Bytes that it holds beside the bank, without what knn_allow allows: 16 a row, and the copy. */
size_t knn_held(const struct knn *s);
/* So much further memory may searches of few queries take to be faster: of n rows of d floats they want
 * n (d + 120) bytes at most, of bytes 56 n. Results are the same. 0 if nothing is said. */
void knn_allow(struct knn *s, size_t bytes);

/* The k <= bank rows nearest to each of n queries of d floats, nearest first, into row and distance
 * (n,k). The buffer has room for knn_padded(n) rows; what lies in the spare ones is overwritten. */
int knn_search(struct knn *s, float *query, size_t n, size_t k, size_t *row, float *distance,
	struct cvt_err *e);

/* to[i] = from[i] / 255, as the search itself reads bytes. */
void knn_pixels(float *to, const unsigned char *from, size_t n);

/* What the metric says of two vectors of d floats, one pair at a time (knn_distance.c). */
double knn_distance(enum knn_metric metric, const float *a, const float *b, size_t d);

enum knn_vote {
	KNN_WEIGHTED, /* exp(-distance / T): for cosine that of Wu et al. 2018, eq. 6 */
	KNN_UNIFORM,
	KNN_VOTES
};
extern const struct knn_word knn_votes[KNN_VOTES];

/* What a row of the bank votes for. */
struct knn_ballot {
	enum knn_vote vote;
	double temperature;
	size_t classes;
	const int32_t *label; /* a class number a row, below classes */
};

/* Shares of the classes (classes floats, sum 1) among k neighbours; returns the greatest, the lower
 * class of two. */
int32_t knn_count_votes(const struct knn_ballot *b, size_t k, const size_t *row,
	const float *distance, double *sum, float *share);

#endif
