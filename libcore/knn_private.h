/*
 * knn_private: what the files of the search share: knn.c prepares the bank (knn_copy.c makes what is
 * multiplied in its place), knn_search.c leads a search, knn_scan.c finds its candidates (knn_screen.c those
 * of few queries, knn_rough.c of many, faster), knn_exact.c measures those.
 */
#ifndef CVT_KNN_PRIVATE_H
#define CVT_KNN_PRIVATE_H

#include "knn.h"
#include "topk.h"

/* Made by the first searches of few queries (knn_screen.c). */
struct knn_screen {
	size_t allowed; /* bytes that it may take */
	size_t asked;   /* queries so far */
	bool hopeless;  /* it cannot be, or not worth it */
	int8_t *code;   /* (rows, pitch), zeros behind the d-th; NULL for a bank of bytes */
	size_t pitch;
	float *unit; /* key = code . query * unit - offset, as far as they tell; NULL: not made yet */
	float *doubt;  /* times |query|: how far the key may be off at most */
	float *length; /* times what rounding took from the query: how much further */
};

struct knn {
	enum knn_metric metric;
	struct knn_bank bank;
	struct par *par;
	/* key = product * scale - offset, the greater the nearer; rows rounded up to whole KNN_PAD, those
	 * behind the last have the offset infinity */
	float *scale, *offset;
	double *norm; /* |b| */
	/* What is multiplied in place of a float bank (knn_copy.c), else NULL: its rows without their mean,
	 * if that is there, and times powers of two. */
	float *copy, *mean;
	int power;       /* of two, for all rows; not for the cosine, where each has its own */
	double *length;  /* of rows as they are multiplied: norm itself without a copy */
	bool short_rows; /* some are, of those: knn_long_enough */
	struct knn_screen screen;
};

/* Bank row j as floats: where it lies, or converted into room (d floats; NULL for a float bank). */
const float *knn_row(const struct knn *s, size_t j, float *room);
/* Float rows from j on as the products take them. */
static inline const float *knn_float_rows(const struct knn *s, size_t j)
{
	return (s->copy ? s->copy : s->bank.f4) + j * s->bank.d;
}
/* Its squares can be added up in floats. */
bool knn_norm_ok(double norm);
/* Nothing of a vector that is so long, or 0, comes so near to 0 that rounding takes more of it than of other
 * numbers, for which the bounds of knn_screen.c and knn_rough.c hold. */
static inline bool knn_long_enough(double length)
{
	return length == 0 || length >= 1e-8;
}

/* ---- knn_copy.c ---------------------------------------------------------------------- */

/* Makes the copy where the bank lies too far from 0. CVT_LIMIT when it takes more than `most` bytes. */
int knn_copy_centred(struct knn *s, size_t most, struct cvt_err *e);
/* And where its rows are too short, by their lengths, which it sets anew. */
int knn_copy_scaled(struct knn *s, size_t most, struct cvt_err *e);
/* Whether a query of that length is multiplied in a copy as well. */
bool knn_copies_query(const struct knn *s, double length);
void knn_copy_query(const struct knn *s, float *to, const float *from);

/* ---- knn_exact.c --------------------------------------------------------------------- */

/* a . b in double precision. */
double knn_dot(const float *a, const float *b, size_t d);
/* The distance of bank row j from q, whose length is q_norm; room as in knn_row. */
double knn_exact(const struct knn *s, const float *q, double q_norm, size_t j, float *room);

/* ---- knn_scan.c ---------------------------------------------------------------------- */

enum knn_way {
	KNN_IN_BLOCKS,
	KNN_ONE_BY_ONE,
	KNN_SCREENED, /* one by one, by knn_screen_scan */
};

/* The queries of one pass and their candidates: the best `keep` rows by keys in floats. Queries are cut
 * into blocks, the bank into slices, so that there is work for all threads; each query has a list for each
 * slice. What comes out depends on neither. */
struct knn_pass {
	const struct knn *s;
	const float *query; /* (n, d), as they are multiplied */
	size_t n, keep;
	enum knn_way way;
	size_t slices, slice_rows;
	struct topk *list; /* (slices, n) */
	uint64_t *item;
	float *packed; /* queries as the products take them: rows for the most queries of a pass */
	float *length; /* of queries; as many */
	unsigned char *left;  /* n: queries that are still to be scanned, all of them if NULL */
	unsigned char *tired; /* (slices, n), for knn_rough.c */
	unsigned char *room;  /* knn_scan_room a thread */
};

/* Fewer queries may go one by one. */
enum { KNN_FEW = 12 };
/* How passes of n queries go; counts them. */
enum knn_way knn_scan_way(struct knn *s, size_t n);
/* Cuts the bank for n queries; sets slices. */
void knn_scan_cut(struct knn_pass *p, size_t n);
/* Bytes of a thread's room, a multiple of 64. */
size_t knn_scan_room(const struct knn *s);
/* Calls work(part, task, thread) for every block of `queries` queries and every slice, the first slices
 * before all others: those begin with its bar (knn_scan_begin), so that few of their rows come in. */
void knn_scan_all(const struct knn_pass *p, size_t queries,
	void (*work)(void *part, size_t task, unsigned thread));
/* What a task is about. */
struct knn_part {
	const struct knn_pass *p;
	size_t from, slices; /* task = block * slices + slice - from */
};
/* Starts a list of a slice, where the list of slice 0 is full-grown but for slice 0 itself. */
void knn_scan_begin(const struct knn_pass *p, size_t slice, size_t query);
void *knn_scan_own(const struct knn_pass *p, unsigned thread);
/* Of it, for bytes as floats: a row at least. NULL for a float bank. */
float *knn_scan_panel(const struct knn_pass *p, unsigned thread);
/* Fills the lists, which it starts. */
void knn_scan(struct knn_pass *p);

/* ---- knn_screen.c -------------------------------------------------------------------- */

/* Whether there is one, after n more queries; makes it when it is due. */
bool knn_screen_ready(struct knn *s, size_t n);
/* Fills the lists, which were started, with what knn_scan would leave in them, joined; false: it cannot, of
 * these queries or for want of memory, and has not touched them. */
bool knn_screen_scan(struct knn_pass *p);
void knn_screen_close(struct knn *s);

/* ---- knn_rough.c --------------------------------------------------------------------- */

/* Whether it is of use here. */
bool knn_rough_can(const struct knn *s);
/* Bytes of a thread's room. */
size_t knn_rough_room(const struct knn *s);
/* Fills the lists, which were started; false: but for the queries that are `left` now. */
bool knn_rough_scan(struct knn_pass *p);

#endif
