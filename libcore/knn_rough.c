/*
 * knn_rough: many queries where the processor multiplies in bfloat16 much faster than in floats (see
 * knn_private.h).
 *
 * Queries and tiles of the bank are rounded to 8 bits, which takes at most 2^-9 from each number, so their
 * products tell the keys of knn_scan up to a bound. Whatever may beat the worst of a query's list gets its key
 * from the kernel that serves few queries. What comes out are the best rows by those keys, as if all had been
 * computed; a query that too many rows may be near to is left to knn_scan.
 */
#include <math.h>
#include <string.h>

#include "knn_private.h"
#include "simd.h"

/* A block of Q queries stays in a core's own cache beside a tile of ROWS rows. Products are of groups of
 * queries and DEPTH numbers at a time, sides of tiles are LINES; the kernel reads BEYOND the last row. */
enum { Q = 512, GROUP = KNN_PAD, ROWS = 128, DEPTH = 32, LINES = 16, BEYOND = 31 };
enum { NARROW = 64, WIDE = 8192 };
/* So many rows of a slice may be near, or so many times those that are kept. */
enum { SHARE = 16, TIMES = 16 };

static const double u = 0x1p-24;
static const size_t no_tap = 0;

struct room {
	float bar[Q], slack[ROWS], offset[ROWS];
	float product[ROWS * GROUP], key[ROWS * GROUP];
	uint32_t at[ROWS * GROUP], near[Q];
	float panel[]; /* of a bank of bytes ROWS rows as floats; then those rows, rounded */
};

static size_t depth(const struct knn *s)
{
	return (s->bank.d + DEPTH - 1) / DEPTH * DEPTH;
}

bool knn_rough_can(const struct knn *s)
{
	return simd()->bf16 && !s->short_rows && s->bank.d >= NARROW && s->bank.d <= WIDE;
}

size_t knn_rough_room(const struct knn *s)
{
	const size_t panel = s->bank.f4 ? 0 : ROWS * s->bank.d;
	return sizeof(struct room) + panel * sizeof(float)
	       + (ROWS + BEYOND) * depth(s) * sizeof(uint16_t);
}

/* ---- queries ------------------------------------------------------------------------- */

/* LINES queries from `first` on, numbers begin..begin + DEPTH, in pairs. */
static void pack_tile(
	const struct knn_pass *p, size_t first, size_t queries, size_t begin, uint16_t *to)
{
	uint16_t column[LINES * DEPTH] = {0};
	const size_t d = p->s->bank.d, n = d - begin < DEPTH ? d - begin : DEPTH;
	for (size_t i = 0; i < LINES && i < queries; i++)
		simd()->bf16_round(p->query + (first + i) * d + begin, n, column + i * DEPTH);
	simd()->bf16_turn(column, DEPTH, to, DEPTH);
}

static void pack_group(void *context, size_t group, unsigned thread)
{
	(void)thread;
	const struct knn_pass *p = context;
	const size_t d = p->s->bank.d;
	uint16_t *to = (uint16_t *)(void *)p->packed + group * GROUP * depth(p->s);
	size_t first;
	const size_t m = par_span(p->n, GROUP, group, &first);
	for (size_t begin = 0; begin < d; begin += DEPTH)
		for (size_t i = 0; i < GROUP; i += LINES, to += LINES * DEPTH)
			pack_tile(p, first + i, m > i ? m - i : 0, begin, to);
	for (size_t i = first; i < first + m; i++) {
		const double length = sqrt(knn_dot(p->query + i * d, p->query + i * d, d));
		p->length[i] = (float)(length * (1 + 8 * u));
		p->left[i] = !knn_long_enough(length);
	}
	for (size_t i = m; i < GROUP; i++)
		p->length[first + i] = 0;
}

/* ---- the bank -------------------------------------------------------------------------- */

/* Rows as floats, and rounded behind them. */
static const float *load_tile(
	const struct knn *s, size_t row, size_t rows, struct room *room, uint16_t **rounded)
{
	const size_t d = s->bank.d, c = depth(s);
	const float *x = room->panel;
	*rounded = (uint16_t *)(void *)(room->panel + (s->bank.f4 ? 0 : ROWS * d));
	if (s->bank.f4)
		x = knn_float_rows(s, row);
	else
		knn_pixels(room->panel, s->bank.u1 + row * d, rows * d);
	for (size_t j = 0; j < rows; j++)
		simd()->bf16_round(x + j * d, d, *rounded + j * c);
	return x;
}

/* How far keys may be off for |q| = 1, and offsets with what rounding may do to them. */
static void bounds(const struct knn *s, size_t row, size_t rows, struct room *room)
{
	const double d = (double)s->bank.d, part = 0x1p-8 + 0x1p-16 + (3 * d + 200) * u;
	for (size_t j = 0; j < rows; j++) {
		const float offset = s->offset[row + j];
		const double length =
			s->metric == KNN_L2 ? sqrt(2 * (double)offset) : s->norm[row + j];
		room->slack[j] = (float)((double)s->scale[row + j] * length * part);
		room->offset[j] = offset * (1 - 32 * (float)u);
	}
}

/* Keys of those that may be near. */
static void put_hits(const struct knn_pass *p, const float *x, size_t row, size_t query, size_t q,
	size_t hits, size_t most, struct topk *list, struct room *room)
{
	const struct knn *s = p->s;
	const size_t d = s->bank.d;
	float product;
	for (size_t i = 0; i < hits; i++) {
		const size_t j = room->at[i] / GROUP, k = q + room->at[i] % GROUP;
		struct topk *l = &list[k];
		if (room->near[k] >= most)
			continue;
		simd()->scan_floats(p->query + (query + k) * d, x + j * d, 1, d, &product);
		topk_put(l, topk_key(product, s->scale[row + j], s->offset[row + j]),
			(uint32_t)(row + j));
		room->bar[k] = ++room->near[k] < most ? l->bar : INFINITY;
	}
}

static void scan_tile(const struct knn_pass *p, struct topk *list, size_t query, size_t m,
	size_t row, size_t rows, size_t most, struct room *room)
{
	const struct knn *s = p->s;
	const size_t c = depth(s);
	uint16_t *rounded;
	const float *x = load_tile(s, row, rows, room, &rounded);
	bounds(s, row, rows, room);
	for (size_t q = 0; q < m; q += GROUP) {
		const struct simd_bf16 view = {.pictures = 1,
			.runs = 1,
			.steps = c / DEPTH,
			.c = c,
			.pitch = rows,
			.rows = 1,
			.columns = rows,
			.outputs = GROUP,
			.y_column = GROUP,
			.tap = &no_tap,
			.w = (const uint16_t *)(const void *)p->packed + (query + q) * c};
		simd()->bf16_conv(&view, rounded, room->product);
		const size_t hits = simd()->sift(room->product, rows, s->scale + row, room->offset,
			room->slack, p->length + query + q, room->bar + q, room->at, room->key);
		put_hits(p, x, row, query, q, hits, most, list, room);
	}
}

static void scan_block(void *context, size_t task, unsigned thread)
{
	const struct knn_part *part = context;
	const struct knn_pass *p = part->p;
	struct room *room = knn_scan_own(p, thread);
	const size_t slice = part->from + task % part->slices;
	size_t query, row;
	const size_t m = par_span(p->n, Q, task / part->slices, &query);
	const size_t n = par_span(p->s->bank.rows, p->slice_rows, slice, &row);
	const size_t most = n / SHARE + TIMES * p->keep;
	struct topk *list = p->list + slice * p->n + query;
	memset(room->near, 0, sizeof room->near);
	for (size_t i = 0; i < Q; i++) {
		room->bar[i] = INFINITY; /* nothing comes in */
		if (i >= m || p->left[query + i])
			continue;
		knn_scan_begin(p, slice, query + i);
		room->bar[i] = list[i].bar;
	}
	for (size_t at = 0; at < n; at += ROWS)
		scan_tile(p, list, query, m, row + at, n - at < ROWS ? n - at : ROWS, most, room);
	for (size_t i = 0; i < m; i++)
		p->tired[slice * p->n + query + i] = room->near[i] >= most;
}

bool knn_rough_scan(struct knn_pass *p)
{
	bool all = true;
	par_for(p->s->par, par_blocks(p->n, GROUP), pack_group, p);
	knn_scan_all(p, Q, scan_block);
	for (size_t i = 0; i < p->n; i++) {
		for (size_t slice = 0; slice < p->slices; slice++)
			p->left[i] |= p->tired[slice * p->n + i];
		all = all && !p->left[i];
	}
	return all;
}
