/*
 * knn_private: what the files of the search share: knn.c prepares the bank, knn_search.c leads a search,
 * knn_scan.c finds its candidates, knn_exact.c measures those.
 */
#ifndef CVT_KNN_PRIVATE_H
#define CVT_KNN_PRIVATE_H

#include "knn.h"
#include "topk.h"

struct knn {
	enum knn_metric metric;
	struct knn_bank bank;
	struct par *par;
	/* key = product * scale - offset, the greater the nearer; rows rounded up to whole KNN_PAD, those
	 * behind the last have the offset infinity */
	float *scale, *offset;
	double *norm; /* |b| */
	/* Of a float bank whose rows lie farther from 0 than from each other: their mean, and the rows
	 * without it, for the products; else NULL. */
	float *mean, *centred;
};

/* Bank row j as floats: where it lies, or converted into room (d floats; NULL for a float bank). */
const float *knn_row(const struct knn *s, size_t j, float *room);
/* Its squares can be added up in floats. */
bool knn_norm_ok(double norm);

/* ---- knn_exact.c --------------------------------------------------------------------- */

/* a . b in double precision. */
double knn_dot(const float *a, const float *b, size_t d);
/* The distance of bank row j from q, whose length is q_norm; room as in knn_row. */
double knn_exact(const struct knn *s, const float *q, double q_norm, size_t j, float *room);

/* ---- knn_scan.c ---------------------------------------------------------------------- */

/* The queries of one pass and their candidates: the best `keep` rows by keys in floats. Queries are cut
 * into blocks, the bank into slices, so that there is work for all threads; each query has a list for each
 * slice. What comes out depends on neither. */
struct knn_pass {
	const struct knn *s;
	const float *query; /* (n, d), without the bank's mean where that is taken away */
	size_t n, keep;
	size_t slices, slice_rows;
	struct topk *list; /* (slices, n) */
	uint64_t *item;
	float *packed; /* queries as the products take them: rows for the most queries of a pass */
	unsigned char *room; /* knn_scan_room a thread */
};

/* Fewer queries go through the bank one by one. */
bool knn_is_few(size_t n);
/* Blocks of n queries; sets slices. */
void knn_scan_cut(struct knn_pass *p, size_t n);
/* Bytes of a thread's room, a multiple of 64. */
size_t knn_scan_room(const struct knn *s);
/* Fills the lists, which it starts. */
void knn_scan(struct knn_pass *p);

#endif
