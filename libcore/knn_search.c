/* knn_search: queries in passes, their candidates measured and put in order (see knn.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "knn_private.h"

enum { LIST_BYTES = 64 << 20, WHOLE = 512, FINISH = 32 };

struct found {
	double distance;
	size_t row;
};

struct search {
	struct knn_pass pass;
	const float *query; /* as they came */
	float *copy;        /* as they are multiplied; NULL where that is as they came */
	bool copies;
	size_t k;
	float *panel;        /* a thread each: a row of bytes as floats */
	struct found *found; /* a thread each: keep */
	uint64_t *all;       /* a thread each: slices * keep */
	size_t *row;
	float *distance;
};

static int by_distance(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

/* The lists of one query as one: the best `keep` candidates stay in the first list's room when
 * there is one slice, else in `all`. */
static size_t join_lists(
	const struct knn_pass *p, size_t query, uint64_t *all, const uint64_t **best)
{
	struct topk *first = &p->list[query];
	size_t n = 0;
	*best = p->slices == 1 ? first->item : all;
	for (size_t i = 0; i < p->slices; i++) {
		const struct topk *l = &p->list[i * p->n + query];
		topk_select(l->item, l->n, l->keep);
		const size_t m = l->n < l->keep ? l->n : l->keep;
		if (p->slices > 1)
			memcpy(all + n, l->item, m * sizeof *all);
		n += m;
	}
	if (p->slices > 1)
		topk_select(all, n, p->keep);
	return n < p->keep ? n : p->keep;
}

/* Candidates lie all over the bank: the memory is asked for a row before its turn. */
static void ask_for(const struct knn *s, size_t row)
{
	enum { LINE = 64, MOST = 1 << 12 };
	const size_t bytes = s->bank.f4 ? s->bank.d * sizeof(float) : s->bank.d;
	const char *p = s->bank.f4 ? (const char *)s->bank.f4 : (const char *)s->bank.u1;
	for (size_t at = 0; at < bytes && at < MOST; at += LINE)
		__builtin_prefetch(p + row * bytes + at);
}

/* Candidates of FINISH queries: exact distances, order, the first k. */
static void finish_block(void *context, size_t block, unsigned thread)
{
	const struct search *x = context;
	const struct knn_pass *p = &x->pass;
	const struct knn *s = p->s;
	size_t first;
	const size_t n = par_span(p->n, FINISH, block, &first), d = s->bank.d;
	struct found *found = x->found + thread * p->keep;
	uint64_t *all = x->all + thread * p->slices * p->keep;
	float *room = s->bank.f4 ? NULL : x->panel + thread * d;
	for (size_t i = first; i < first + n; i++) {
		const float *q = x->query + i * d;
		const double q_norm = sqrt(knn_dot(q, q, d));
		const uint64_t *best;
		const size_t m = join_lists(p, i, all, &best);
		for (size_t j = 0; j < m; j++) {
			if (j + 2 < m)
				ask_for(s, topk_row(best[j + 2]));
			const size_t row = topk_row(best[j]);
			found[j] = (struct found){knn_exact(s, q, q_norm, row, room), row};
		}
		qsort(found, m, sizeof *found, by_distance);
		for (size_t j = 0; j < x->k; j++) {
			x->row[i * x->k + j] = found[j].row;
			x->distance[i * x->k + j] = (float)found[j].distance;
		}
	}
}

static void search_free(struct search *x)
{
	free(x->copy);
	free(x->pass.list);
	free(x->pass.item);
	free(x->pass.packed);
	free(x->pass.length);
	free(x->pass.left);
	free(x->pass.tired);
	free(x->pass.room);
	free(x->panel);
	free(x->found);
	free(x->all);
}

/* Room for passes of up to n queries. */
static int search_alloc(struct search *x, size_t n, struct cvt_err *e)
{
	struct knn_pass *p = &x->pass;
	const struct knn *s = p->s;
	const size_t threads = par_threads(s->par), lists = n * p->slices,
		     row = s->bank.d * sizeof(float);
	if (x->copies && !(x->copy = mem_alloc(n, row, e)))
		return CVT_SYSTEM;
	p->list = mem_alloc(lists, sizeof *p->list, e);
	p->item = mem_alloc(lists, 2 * p->keep * sizeof *p->item, e);
	p->packed = mem_alloc(p->way == KNN_IN_BLOCKS ? knn_padded(n) : 0, row, e);
	p->room = mem_alloc(threads, knn_scan_room(s), e);
	x->panel = mem_alloc(s->bank.u1 ? threads : 0, row, e);
	x->found = mem_alloc(threads, p->keep * sizeof *x->found, e);
	x->all = mem_alloc(threads, p->slices * p->keep * sizeof *x->all, e);
	const bool rough = p->way == KNN_IN_BLOCKS && knn_rough_can(s);
	if (rough
		&& (!(p->length = mem_alloc(knn_padded(n), sizeof *p->length, e))
			|| !(p->left = mem_alloc(n, 1, e)) || !(p->tired = mem_alloc(lists, 1, e))))
		return CVT_SYSTEM;
	return p->list && p->item && p->packed && p->room && x->panel && x->found && x->all
		       ? CVT_OK
		       : CVT_SYSTEM;
}

static void run_pass(struct search *x, size_t n)
{
	struct knn_pass *p = &x->pass;
	p->n = n;
	p->query = x->query;
	const size_t d = p->s->bank.d;
	for (size_t i = 0; i < n && x->copies; i++)
		knn_copy_query(p->s, x->copy + i * d, x->query + i * d);
	if (x->copies)
		p->query = x->copy;
	knn_scan(p);
	par_for(p->s->par, par_blocks(n, FINISH), finish_block, x);
}

/* Queries a pass: their lists stay below LIST_BYTES where whole blocks allow it. */
static size_t pass_rows(const struct knn_pass *p, size_t n)
{
	const size_t fit = LIST_BYTES / (2 * p->keep * sizeof *p->item) / WHOLE * WHOLE;
	const size_t rows =
		fit ? fit : LIST_BYTES / (2 * p->keep * sizeof *p->item) / KNN_PAD * KNN_PAD;
	return n < rows ? n : rows ? rows : n < KNN_PAD ? n : KNN_PAD;
}

static int check_queries(
	const struct knn *s, const float *query, size_t n, bool *copies, struct cvt_err *e)
{
	const size_t d = s->bank.d;
	for (size_t i = 0; i < n; i++) {
		const double length = sqrt(knn_dot(query + i * d, query + i * d, d));
		if (!knn_norm_ok(length))
			return cvt_fail(e, CVT_INPUT,
				"row %zu holds numbers that are infinite, undefined or huge", i);
		*copies = *copies || knn_copies_query(s, length);
	}
	return CVT_OK;
}

int knn_search(struct knn *s, float *query, size_t n, size_t k, size_t *row, float *distance,
	struct cvt_err *e)
{
	if (k == 0 || k > s->bank.rows)
		return cvt_fail(e, CVT_USAGE, "%zu neighbours of %zu rows", k, s->bank.rows);
	const size_t d = s->bank.d, spare = k / 4 + 8;
	const size_t keep = s->bank.rows - k < spare ? s->bank.rows : k + spare;
	struct search x = {.pass = {.s = s, .keep = keep}, .k = k};
	if (n == 0)
		return CVT_OK;
	TRY(check_queries(s, query, n, &x.copies, e));
	const size_t rows = pass_rows(&x.pass, n);
	x.pass.way = knn_scan_way(s, rows);
	knn_scan_cut(&x.pass, rows);
	int code = search_alloc(&x, rows, e);
	for (size_t at = 0; at < n && code == CVT_OK; at += rows) {
		x.query = query + at * d;
		x.row = row + at * k;
		x.distance = distance + at * k;
		run_pass(&x, n - at < rows ? n - at : rows);
	}
	search_free(&x);
	return code;
}
