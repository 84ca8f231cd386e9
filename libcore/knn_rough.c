/*
 * knn_rough: many queries where the processor multiplies in bfloat16 much faster than in floats (see
 * knn_private.h).
 *
 * Queries and tiles of the bank are rounded to 8 bits, which takes at most 2^-9 from each number, so their
 * products tell the keys of knn_scan up to a bound. Whatever may beat the worst of a query's list gets its
 * key from the kernel that serves few queries. What comes out are the best rows by those keys, as if all had
 * been computed; a query that too many rows may be near to is left to knn_scan.
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

/* Rows of the bank, and the m queries from `query` on that meet them. */
struct tile {
	const struct knn_pass *p;
	struct room *room;
	struct topk *list; /* m, one a query */
	size_t query, m, row, rows;
	size_t most;       /* rows that may be near a query */
	const float *x;    /* the rows as floats */
	uint16_t *rounded; /* (rows, depth), zeros behind the d-th */
};

static void load_tile(struct tile *t)
{
	const struct knn *s = t->p->s;
	const size_t d = s->bank.d, c = depth(s);
	float *panel = t->room->panel;
	t->rounded = (uint16_t *)(void *)(panel + (s->bank.f4 ? 0 : ROWS * d));
	t->x = s->bank.f4 ? knn_float_rows(s, t->row) : panel;
	if (s->bank.u1)
		knn_pixels(panel, s->bank.u1 + t->row * d, t->rows * d);
	for (size_t j = 0; j < t->rows; j++) {
		simd()->bf16_round(t->x + j * d, d, t->rounded + j * c);
		memset(t->rounded + j * c + d, 0, (c - d) * sizeof *t->rounded);
	}
}

/* How far keys may be off for |q| = 1, and offsets with what rounding may do to them. */
static void bounds(const struct tile *t)
{
	const struct knn *s = t->p->s;
	const double d = (double)s->bank.d, part = 0x1p-8 + 0x1p-16 + (3 * d + 200) * u;
	for (size_t j = 0; j < t->rows; j++) {
		const size_t row = t->row + j;
		t->room->slack[j] = (float)((double)s->scale[row] * s->length[row] * part);
		t->room->offset[j] = s->offset[row] * (1 - 32 * (float)u);
	}
}

/* Keys of those that may be near, of a group of queries from the q-th on. */
static void put_hits(const struct tile *t, size_t q, size_t hits)
{
	const struct knn_pass *p = t->p;
	const struct knn *s = p->s;
	struct room *room = t->room;
	const size_t d = s->bank.d;
	float product;
	for (size_t i = 0; i < hits; i++) {
		const size_t j = room->at[i] / GROUP, k = q + room->at[i] % GROUP;
		const size_t row = t->row + j;
		struct topk *l = &t->list[k];
		if (room->near[k] >= t->most)
			continue;
		simd()->scan_floats(p->query + (t->query + k) * d, t->x + j * d, 1, d, &product);
		topk_put(l, topk_key(product, s->scale[row], s->offset[row]), (uint32_t)row);
		room->bar[k] = ++room->near[k] < t->most ? l->bar : INFINITY;
	}
}

static void scan_tile(struct tile *t)
{
	const struct knn_pass *p = t->p;
	const struct knn *s = p->s;
	struct room *room = t->room;
	const size_t c = depth(s);
	load_tile(t);
	bounds(t);
	for (size_t q = 0; q < t->m; q += GROUP) {
		const size_t query = t->query + q;
		const struct simd_bf16 view = {.pictures = 1,
			.runs = 1,
			.steps = c / DEPTH,
			.c = c,
			.pitch = t->rows,
			.rows = 1,
			.columns = t->rows,
			.outputs = GROUP,
			.y_column = GROUP,
			.tap = &no_tap,
			.w = (const uint16_t *)(const void *)p->packed + query * c};
		simd()->bf16_conv(&view, t->rounded, room->product);
		const size_t hits =
			simd()->sift(room->product, t->rows, s->scale + t->row, room->offset,
				room->slack, p->length + query, room->bar + q, room->at, room->key);
		put_hits(t, q, hits);
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
	struct tile t = {.p = p, .room = room, .list = list, .query = query, .m = m, .most = most};
	for (size_t at = 0; at < n; at += ROWS) {
		t.row = row + at;
		t.rows = n - at < ROWS ? n - at : ROWS;
		scan_tile(&t);
	}
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
