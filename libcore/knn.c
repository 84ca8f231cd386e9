/* knn: exact nearest neighbours and their vote (see knn.h). */
#include "knn.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "blas.h"
#include "centre.h"
#include "topk.h"

/* Q queries a block and B bank rows a tile share a product of 1 MiB, which stays in a core's own
 * cache until it is sifted. Fewer than FEW queries are multiplied row by row: a matrix product
 * would rearrange the whole bank for them. Long rows make tiles smaller: PANEL floats at most. */
enum { Q = 512, B = 512, FEW = 12, NORM_ROWS = 256, SLICES = 16, PANEL = 1 << 21 };
enum { LIST_BYTES = 64 << 20 };

const struct knn_word knn_metrics[KNN_METRICS] = {
	[KNN_COSINE] = {"cosine", "1 - the cosine of the angle between two rows (default)"},
	[KNN_L2] = {"l2", "Euclidean distance"},
	[KNN_DOT] = {"dot", "the inner product, greatest first; its negative is the distance"},
};

struct knn {
	enum knn_metric metric;
	struct knn_bank bank;
	struct par *par;
	size_t tile, tiles;    /* rows of a tile; how many */
	float *scale, *offset; /* key = product * scale - offset; rows rounded up to whole tiles */
	double *norm;          /* |b| */
	float *tail; /* the last tile of a float bank, filled up with zeros; NULL if whole */
	/* Of a float bank whose rows lie farther from 0 than from each other: their mean, and the rows
	 * without it, for the products; else NULL. */
	float *mean, *centred;
};

void knn_pixels(float *to, const unsigned char *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (float)from[i] * (1.0f / 255.0f);
}

/* ---- sums in double precision ------------------------------------------------------ */

enum { LANES = 8 };

static double add_lanes(const double *s)
{
	return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

static double dot(const float *a, const float *b, size_t d)
{
	double s[LANES] = {0};
	size_t i = 0;
	for (; i + LANES <= d; i += LANES)
		for (size_t l = 0; l < LANES; l++)
			s[l] += (double)a[i + l] * (double)b[i + l];
	for (size_t l = 0; i + l < d; l++)
		s[l] += (double)a[i + l] * (double)b[i + l];
	return add_lanes(s);
}

static double squared_distance(const float *a, const float *b, size_t d)
{
	double s[LANES] = {0};
	size_t i = 0;
	for (; i + LANES <= d; i += LANES)
		for (size_t l = 0; l < LANES; l++) {
			const double x = (double)a[i + l] - (double)b[i + l];
			s[l] += x * x;
		}
	for (size_t l = 0; i + l < d; l++) {
		const double x = (double)a[i + l] - (double)b[i + l];
		s[l] += x * x;
	}
	return add_lanes(s);
}

/* A thread's own part of the room that byte banks are converted into; float banks need none. */
static float *own_room(const struct knn *s, float *room, unsigned thread, size_t rows)
{
	return s->bank.f4 ? NULL : room + thread * rows * s->bank.d;
}

/* Bank row j as floats: where it lies, or converted into room. */
static const float *bank_row(const struct knn *s, size_t j, float *room)
{
	if (s->bank.f4)
		return s->bank.f4 + j * s->bank.d;
	knn_pixels(room, s->bank.u1 + j * s->bank.d, s->bank.d);
	return room;
}

static double distance_of(const struct knn *s, const float *q, double q_norm, size_t j, float *room)
{
	const float *b = bank_row(s, j, room);
	if (s->metric == KNN_L2)
		return sqrt(squared_distance(q, b, s->bank.d));
	const double product = dot(q, b, s->bank.d);
	if (s->metric == KNN_DOT)
		return -product;
	const double norms = q_norm * s->norm[j];
	const double x = norms > 0 ? 1 - product / norms : 1;
	return x > 0 ? x : 0;
}

/* Float rows as the products take them. */
static const float *panel_rows(const struct knn *s)
{
	return s->centred ? s->centred : s->bank.f4;
}

/* ---- the bank ---------------------------------------------------------------------- */

struct norms {
	struct knn *s;
	float *room; /* a row a thread */
};

static void norms_of_block(void *context, size_t block, unsigned thread)
{
	const struct norms *c = context;
	struct knn *s = c->s;
	size_t first;
	const size_t n = par_span(s->bank.rows, NORM_ROWS, block, &first);
	float *room = own_room(s, c->room, thread, 1);
	for (size_t j = first; j < first + n; j++) {
		const float *b = bank_row(s, j, room);
		const double squared = dot(b, b, s->bank.d);
		s->norm[j] = sqrt(squared);
		s->scale[j] = 1;
		if (s->metric == KNN_COSINE)
			s->scale[j] = squared > 0 ? (float)(1 / s->norm[j]) : 0;
		const float *short_b = s->centred ? s->centred + j * s->bank.d : NULL;
		const double length = short_b ? dot(short_b, short_b, s->bank.d) : squared;
		s->offset[j] = s->metric == KNN_L2 ? (float)(length / 2) : 0;
	}
}

/* Squares beyond a float's range would make keys infinite. */
static bool norm_ok(double norm)
{
	return norm * norm <= (double)FLT_MAX / 4;
}

static int compute_norms(struct knn *s, struct cvt_err *e)
{
	struct norms c = {
		s, mem_alloc(s->bank.u1 ? par_threads(s->par) : 1, s->bank.d * sizeof(float), e)};
	if (!c.room)
		return CVT_SYSTEM;
	par_for(s->par, (s->bank.rows + NORM_ROWS - 1) / NORM_ROWS, norms_of_block, &c);
	free(c.room);
	for (size_t j = 0; j < s->bank.rows; j++)
		if (!norm_ok(s->norm[j]))
			return cvt_fail(e, CVT_INPUT,
				"row %zu holds numbers that are infinite, undefined or huge", j);
	return CVT_OK;
}

/* Rows behind the last one are products of zeros with the key -infinity. */
static int fill_last_tile(struct knn *s, struct cvt_err *e)
{
	const size_t all = s->tiles * s->tile, d = s->bank.d,
		     whole = s->bank.rows / s->tile * s->tile;
	for (size_t j = s->bank.rows; j < all; j++)
		s->offset[j] = INFINITY;
	if (!s->bank.f4 || whole == s->bank.rows)
		return CVT_OK;
	s->tail = mem_alloc(s->tile * d, sizeof *s->tail, e);
	if (!s->tail)
		return CVT_SYSTEM;
	memcpy(s->tail, panel_rows(s) + whole * d, (s->bank.rows - whole) * d * sizeof *s->tail);
	return CVT_OK;
}

static size_t tile_rows(const struct knn_bank *bank)
{
	size_t rows = PANEL / bank->d / KNN_PAD * KNN_PAD;
	rows = rows < KNN_PAD ? KNN_PAD : rows < B ? rows : B;
	return bank->rows < rows ? knn_padded(bank->rows) : rows;
}

int knn_open(struct knn **out, enum knn_metric metric, const struct knn_bank *bank, struct par *par,
	struct cvt_err *e)
{
	*out = NULL;
	if (bank->rows == 0 || bank->rows > UINT32_MAX - B || bank->d == 0 || bank->d > INT32_MAX)
		return cvt_fail(e, CVT_INPUT,
			"a bank of %zu rows of %zu numbers cannot be searched", bank->rows,
			bank->d);
	TRY(blas_open(e));
	TRY(blas_reserve(par_threads(par), e));
	struct knn *s = mem_alloc(1, sizeof *s, e);
	if (!s)
		return CVT_SYSTEM;
	*s = (struct knn){.metric = metric, .bank = *bank, .par = par, .tile = tile_rows(bank)};
	s->tiles = (bank->rows + s->tile - 1) / s->tile;
	s->scale = mem_alloc(s->tiles * s->tile, sizeof *s->scale, e);
	s->offset = mem_alloc(s->tiles * s->tile, sizeof *s->offset, e);
	s->norm = mem_alloc(bank->rows, sizeof *s->norm, e);
	int code = s->scale && s->offset && s->norm ? CVT_OK : CVT_SYSTEM;
	if (code == CVT_OK && metric == KNN_L2 && bank->f4)
		code = centre_rows(bank->f4, bank->rows, bank->d, &s->mean, &s->centred, e);
	if (code == CVT_OK)
		code = compute_norms(s, e);
	if (code == CVT_OK)
		code = fill_last_tile(s, e);
	if (code != CVT_OK) {
		knn_close(s);
		return code;
	}
	*out = s;
	return CVT_OK;
}

void knn_close(struct knn *s)
{
	if (!s)
		return;
	free(s->scale);
	free(s->offset);
	free(s->norm);
	free(s->tail);
	free(s->mean);
	free(s->centred);
	free(s);
}

/* ---- the search -------------------------------------------------------------------- */

/* One pass: n queries in blocks of Q, the bank in slices of tiles (several only where queries are
 * few, so that there is work for all threads), a list for each query and slice. */
struct pass {
	const struct knn *s;
	float *query, *centred; /* without the bank's mean; NULL where that stays */
	size_t n, k, keep;
	size_t slices, slice_tiles;
	struct topk *list; /* (slices, n) */
	uint64_t *item;
	float *product, *panel; /* a thread each */
	struct found *found;    /* a thread each: keep */
	uint64_t *all;          /* a thread each: slices * keep */
	size_t *row;
	float *distance;
};

struct found {
	double distance;
	size_t row;
};

/* The rows of a tile as floats; zeros behind the bank's last row. */
static const float *tile_panel(const struct knn *s, size_t tile, float *room)
{
	const size_t d = s->bank.d, first = tile * s->tile, left = s->bank.rows - first;
	if (s->bank.f4)
		return left < s->tile ? s->tail : panel_rows(s) + first * d;
	const size_t rows = left < s->tile ? left : s->tile;
	knn_pixels(room, s->bank.u1 + first * d, rows * d);
	memset(room + rows * d, 0, (s->tile - rows) * d * sizeof *room);
	return room;
}

typedef float vector __attribute__((vector_size(16)));

static vector times(const float *a, const float *b)
{
	vector x, y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x * y;
}

/* In single precision, 16 sums side by side. */
static float quick_dot(const float *a, const float *b, size_t d)
{
	vector s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
	size_t i = 0;
	for (; i + 16 <= d; i += 16) {
		s0 += times(a + i, b + i);
		s1 += times(a + i + 4, b + i + 4);
		s2 += times(a + i + 8, b + i + 8);
		s3 += times(a + i + 12, b + i + 12);
	}
	const vector s = (s0 + s2) + (s1 + s3);
	float sum = (s[0] + s[2]) + (s[1] + s[3]);
	for (; i < d; i++)
		sum += a[i] * b[i];
	return sum;
}

static void multiply(
	const struct knn *s, const float *query, size_t m, const float *panel, float *product)
{
	const size_t d = s->bank.d;
	if (m >= FEW) {
		blas_gemm(false, true, knn_padded(m), s->tile, d, 1, query, d, panel, d, 0, product,
			s->tile);
		return;
	}
	for (size_t j = 0; j < s->tile; j++)
		for (size_t i = 0; i < m; i++)
			product[i * s->tile + j] = quick_dot(query + i * d, panel + j * d, d);
}

static void scan_block(void *context, size_t task, unsigned thread)
{
	const struct pass *p = context;
	const struct knn *s = p->s;
	const size_t slice = task % p->slices;
	size_t first_query, first_tile;
	const size_t m = par_span(p->n, Q, task / p->slices, &first_query);
	const size_t tiles = par_span(s->tiles, p->slice_tiles, slice, &first_tile);
	float *product = p->product + thread * (size_t)Q * s->tile;
	const float *query = p->centred ? p->centred : p->query;
	float *room = own_room(s, p->panel, thread, s->tile);
	struct topk *list = p->list + slice * p->n + first_query;
	for (size_t t = first_tile; t < first_tile + tiles; t++) {
		const float *panel = tile_panel(s, t, room);
		multiply(s, query + first_query * s->bank.d, m, panel, product);
		const size_t row = t * s->tile;
		for (size_t i = 0; i < m; i++)
			topk_offer(&list[i], product + i * s->tile, s->scale + row, s->offset + row,
				s->tile, (uint32_t)row);
	}
}

static int by_distance(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

/* The lists of one query as one: the best `keep` candidates stay in the first list's room when
 * there is one slice, else in `all`. */
static size_t join_lists(const struct pass *p, size_t query, uint64_t *all, const uint64_t **best)
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

enum { FINISH = 32 };

/* Candidates of FINISH queries: exact distances, order, the first k. */
static void finish_block(void *context, size_t block, unsigned thread)
{
	const struct pass *p = context;
	const struct knn *s = p->s;
	size_t first;
	const size_t n = par_span(p->n, FINISH, block, &first), d = s->bank.d;
	struct found *found = p->found + thread * p->keep;
	uint64_t *all = p->all + thread * p->slices * p->keep;
	float *room = own_room(s, p->panel, thread, s->tile);
	for (size_t i = first; i < first + n; i++) {
		const float *q = p->query + i * d;
		const double q_norm = sqrt(dot(q, q, d));
		const uint64_t *best;
		const size_t m = join_lists(p, i, all, &best);
		for (size_t j = 0; j < m; j++) {
			const size_t row = topk_row(best[j]);
			found[j] = (struct found){distance_of(s, q, q_norm, row, room), row};
		}
		qsort(found, m, sizeof *found, by_distance);
		for (size_t j = 0; j < p->k; j++) {
			p->row[i * p->k + j] = found[j].row;
			p->distance[i * p->k + j] = (float)found[j].distance;
		}
	}
}

static void pass_free(struct pass *p)
{
	free(p->centred);
	free(p->list);
	free(p->item);
	free(p->product);
	free(p->panel);
	free(p->found);
	free(p->all);
}

/* Room for passes of up to n queries. */
static int pass_alloc(struct pass *p, size_t n, struct cvt_err *e)
{
	const struct knn *s = p->s;
	const size_t threads = par_threads(s->par), lists = n * p->slices;
	const bool panels = s->bank.u1 != NULL;
	if (s->mean && !(p->centred = mem_alloc(knn_padded(n), s->bank.d * sizeof(float), e)))
		return CVT_SYSTEM;
	p->list = mem_alloc(lists, sizeof *p->list, e);
	p->item = mem_alloc(lists, 2 * p->keep * sizeof *p->item, e);
	p->product = mem_alloc(threads * Q, s->tile * sizeof *p->product, e);
	p->panel = mem_alloc(panels ? threads * s->tile : 1, s->bank.d * sizeof *p->panel, e);
	p->found = mem_alloc(threads, p->keep * sizeof *p->found, e);
	p->all = mem_alloc(threads, p->slices * p->keep * sizeof *p->all, e);
	return p->list && p->item && p->product && p->panel && p->found && p->all ? CVT_OK
										  : CVT_SYSTEM;
}

static void pass_run(struct pass *p, size_t n)
{
	p->n = n;
	if (p->centred)
		centre_subtract(p->centred, p->query, p->s->mean, n, p->s->bank.d);
	for (size_t i = 0; i < n * p->slices; i++)
		topk_start(&p->list[i], p->item + i * 2 * p->keep, p->keep);
	par_for(p->s->par, (n + Q - 1) / Q * p->slices, scan_block, p);
	par_for(p->s->par, (n + FINISH - 1) / FINISH, finish_block, p);
}

/* Few queries share the bank out to the threads; many are shared out themselves. */
static void cut_into_slices(struct pass *p, size_t n)
{
	const size_t blocks = (n + Q - 1) / Q, want = blocks < SLICES ? SLICES / blocks : 1;
	const size_t tiles = (p->s->tiles + want - 1) / want, least = 8;
	p->slice_tiles = tiles > least ? tiles : least;
	p->slices = (p->s->tiles + p->slice_tiles - 1) / p->slice_tiles;
}

/* Queries a pass: their lists stay below LIST_BYTES where whole blocks allow it. */
static size_t pass_rows(const struct pass *p, size_t n)
{
	const size_t fit = LIST_BYTES / (2 * p->keep * sizeof *p->item) / Q * Q;
	const size_t rows =
		fit ? fit : LIST_BYTES / (2 * p->keep * sizeof *p->item) / KNN_PAD * KNN_PAD;
	return n < rows ? n : rows ? rows : n < KNN_PAD ? n : KNN_PAD;
}

static int check_queries(const struct knn *s, const float *query, size_t n, struct cvt_err *e)
{
	const size_t d = s->bank.d;
	for (size_t i = 0; i < n; i++)
		if (!norm_ok(sqrt(dot(query + i * d, query + i * d, d))))
			return cvt_fail(e, CVT_INPUT,
				"row %zu holds numbers that are infinite, undefined or huge", i);
	return CVT_OK;
}

int knn_search(struct knn *s, float *query, size_t n, size_t k, size_t *row, float *distance,
	struct cvt_err *e)
{
	if (k == 0 || k > s->bank.rows)
		return cvt_fail(e, CVT_USAGE, "%zu neighbours of %zu rows", k, s->bank.rows);
	const size_t d = s->bank.d, spare = k / 4 + 8;
	const size_t keep = s->bank.rows - k < spare ? s->bank.rows : k + spare;
	struct pass p = {.s = s, .k = k, .keep = keep};
	if (n == 0)
		return CVT_OK;
	TRY(check_queries(s, query, n, e));
	const size_t rows = pass_rows(&p, n);
	cut_into_slices(&p, rows);
	int code = pass_alloc(&p, rows, e);
	memset(query + n * d, 0, (knn_padded(n) - n) * d * sizeof *query);
	for (size_t at = 0; at < n && code == CVT_OK; at += rows) {
		p.query = query + at * d;
		p.row = row + at * k;
		p.distance = distance + at * k;
		pass_run(&p, n - at < rows ? n - at : rows);
	}
	pass_free(&p);
	return code;
}
