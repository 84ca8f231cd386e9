/*
 * knn_scan: the candidates of a search (see knn_private.h).
 *
 * Many queries: they are packed in groups of 32, once, as the kernel of convolutions takes weights; bank
 * rows are its places, read where they lie. A tile of rows meets one group after the other, and the
 * product, 32 keys a row, is sifted while it is in the first cache. Few queries are multiplied with the
 * bank one by one: that is bound by memory.
 */
#include <math.h>
#include <string.h>

#include "knn_private.h"
#include "simd.h"

/* Q queries a block, packed, stay in a core's own cache if rows are short; so do ROWS bank rows, which are
 * whole tiles of the kernel. Of longer rows RUN numbers are added up at a time. PANEL floats at most are
 * made of a bank of bytes. */
enum { Q = 512, GROUP = KNN_PAD, ROWS = 112, RUN = 1024, PANEL = 1 << 21 };
/* Slices are whole STRETCHes. */
enum { FEWER = 4, STRETCH = 4 * ROWS, SLICES = 8, LEAST = 9 * STRETCH };

static const size_t no_tap = 0;
static const float zeros[ROWS];

enum knn_way knn_scan_way(struct knn *s, size_t n)
{
	if (n >= KNN_FEW)
		return KNN_IN_BLOCKS;
	if (knn_screen_ready(s, n))
		return KNN_SCREENED;
	return n < FEWER ? KNN_ONE_BY_ONE : KNN_IN_BLOCKS;
}

static size_t tile_rows(const struct knn *s)
{
	const size_t fit = PANEL / s->bank.d;
	return fit < 1 ? 1 : fit < ROWS ? fit : ROWS;
}

void knn_scan_cut(struct knn_pass *p, size_t n)
{
	const size_t blocks = (n + Q - 1) / Q, want = blocks < SLICES ? SLICES / blocks : 1;
	const size_t rows = p->s->bank.rows, each = (rows + want - 1) / want;
	const size_t whole = (each + STRETCH - 1) / STRETCH * STRETCH;
	p->slice_rows = whole > LEAST ? whole : LEAST;
	p->slices = (rows + p->slice_rows - 1) / p->slice_rows;
}

/* A thread's own: of many queries or of few. */
struct room {
	float bar[Q];
	union {
		struct {
			float product[ROWS * GROUP], key[ROWS * GROUP];
			uint32_t at[ROWS * GROUP];
		} many;
		float few[KNN_FEW][STRETCH];
	} of;
	float panel[]; /* rows of bytes as floats */
};

size_t knn_scan_room(const struct knn *s)
{
	const size_t panel = s->bank.f4 ? 0 : tile_rows(s) * s->bank.d;
	const size_t bytes = sizeof(struct room) + panel * sizeof(float);
	const size_t rough = knn_rough_can(s) ? knn_rough_room(s) : 0;
	return ((rough > bytes ? rough : bytes) + 63) / 64 * 64;
}

void *knn_scan_own(const struct knn_pass *p, unsigned thread)
{
	return p->room + thread * knn_scan_room(p->s);
}

float *knn_scan_panel(const struct knn_pass *p, unsigned thread)
{
	return p->s->bank.f4 ? NULL : ((struct room *)knn_scan_own(p, thread))->panel;
}

static const float *panel_rows(const struct knn *s, size_t first, size_t rows, float *panel)
{
	if (s->bank.f4)
		return knn_float_rows(s, first);
	knn_pixels(panel, s->bank.u1 + first * s->bank.d, rows * s->bank.d);
	return panel;
}

void knn_scan_begin(const struct knn_pass *p, size_t slice, size_t query)
{
	struct topk *l = &p->list[slice * p->n + query];
	topk_start(l, l->item, p->keep);
	if (slice > 0)
		l->bar = p->list[query].bar;
}

void knn_scan_all(const struct knn_pass *p, size_t queries,
	void (*work)(void *part, size_t task, unsigned thread))
{
	const size_t blocks = (p->n + queries - 1) / queries;
	struct knn_part first = {p, 0, 1}, others = {p, 1, p->slices - 1};
	par_for(p->s->par, blocks, work, &first);
	par_for(p->s->par, blocks * others.slices, work, &others);
}

/* ---- many queries -------------------------------------------------------------------- */

static void pack_group(void *context, size_t group, unsigned thread)
{
	(void)thread;
	const struct knn_pass *p = context;
	const size_t d = p->s->bank.d;
	size_t first;
	const size_t m = par_span(p->n, GROUP, group, &first);
	for (size_t at = 0; at < d; at += RUN) {
		const struct simd_weights weights = {.w = p->query + first * d + at,
			.taps = 1,
			.run = d - at < RUN ? d - at : RUN,
			.tap = &no_tap,
			.run_step = 1,
			.output_step = d,
			.outputs = m};
		simd()->conv_pack(&weights, p->packed + first * d + at * GROUP);
	}
}

/* product (rows, GROUP) of bank rows x and the m queries from `first` on. */
static void multiply(const struct knn_pass *p, const float *x, size_t rows, size_t first, size_t m,
	float *product)
{
	const size_t d = p->s->bank.d;
	for (size_t at = 0; at < d; at += RUN) {
		const struct simd_conv view = {.taps = 1,
			.run = d - at < RUN ? d - at : RUN,
			.tap = &no_tap,
			.outputs = m,
			.rows = 1,
			.columns = rows,
			.x_column = d,
			.y_column = GROUP,
			.w = p->packed + first * d + at * GROUP,
			.tail = {.plus = at ? product : NULL}};
		simd()->conv(&view, x + at, product);
	}
}

static bool any_left(const struct knn_pass *p, size_t first, size_t n)
{
	return !p->left || memchr(p->left + first, 1, n);
}

/* One tile of bank rows and m queries, groups of which stand at list[0], list[GROUP], ... */
static void scan_tile(const struct knn_pass *p, struct topk *list, size_t first_query, size_t m,
	size_t row, size_t rows, struct room *room)
{
	const struct knn *s = p->s;
	const float *x = panel_rows(s, row, rows, room->panel);
	const size_t groups = (m + GROUP - 1) / GROUP;
	for (size_t g = 0; g < groups; g++) {
		size_t q;
		const size_t some = par_span(m, GROUP, g, &q);
		if (!any_left(p, first_query + q, some))
			continue;
		multiply(p, x, rows, first_query + q, some, room->of.many.product);
		const size_t hits =
			simd()->sift(room->of.many.product, rows, s->scale + row, s->offset + row,
				zeros, zeros, room->bar + q, room->of.many.at, room->of.many.key);
		for (size_t i = 0; i < hits; i++) {
			const uint32_t at = room->of.many.at[i];
			struct topk *l = &list[q + at % GROUP];
			topk_put(l, room->of.many.key[i], (uint32_t)row + at / GROUP);
			room->bar[q + at % GROUP] = l->bar;
		}
	}
}

static void scan_block(void *context, size_t task, unsigned thread)
{
	const struct knn_part *part = context;
	const struct knn_pass *p = part->p;
	struct room *room = knn_scan_own(p, thread);
	const size_t slice = part->from + task % part->slices, tile = tile_rows(p->s);
	size_t q, row;
	const size_t m = par_span(p->n, Q, task / part->slices, &q);
	const size_t n = par_span(p->s->bank.rows, p->slice_rows, slice, &row);
	struct topk *list = p->list + slice * p->n + q;
	for (size_t i = 0; i < Q; i++) {
		room->bar[i] = INFINITY; /* nothing comes in */
		if (i >= m || (p->left && !p->left[q + i]))
			continue;
		knn_scan_begin(p, slice, q + i);
		room->bar[i] = list[i].bar;
	}
	for (size_t at = 0; at < n; at += tile)
		scan_tile(p, list, q, m, row + at, n - at < tile ? n - at : tile, room);
}

/* ---- few queries ----------------------------------------------------------------------- */

static void few_products(const struct knn_pass *p, size_t first, size_t rows, struct room *room)
{
	const struct knn *s = p->s;
	const size_t d = s->bank.d, step = s->bank.f4 ? rows : 1;
	for (size_t j = 0; j < rows; j += step) {
		const float *x = panel_rows(s, first + j, step, room->panel);
		for (size_t i = 0; i < p->n; i++)
			simd()->scan_floats(p->query + i * d, x, step, d, room->of.few[i] + j);
	}
}

static void scan_slice(void *context, size_t slice, unsigned thread)
{
	const struct knn_pass *p = context;
	const struct knn *s = p->s;
	struct room *room = knn_scan_own(p, thread);
	size_t first;
	const size_t n = par_span(s->bank.rows, p->slice_rows, slice, &first);
	memset(room->of.few, 0, sizeof room->of.few);
	for (size_t at = 0; at < n; at += STRETCH) {
		const size_t rows = n - at < STRETCH ? n - at : STRETCH, row = first + at;
		few_products(p, row, rows, room);
		for (size_t i = 0; i < p->n; i++)
			topk_offer(&p->list[slice * p->n + i], room->of.few[i], s->scale + row,
				s->offset + row, knn_padded(rows), (uint32_t)row);
	}
}

void knn_scan(struct knn_pass *p)
{
	for (size_t i = 0; i < p->n * p->slices; i++)
		topk_start(&p->list[i], p->item + i * 2 * p->keep, p->keep);
	if (p->way == KNN_SCREENED && knn_screen_scan(p))
		return;
	if (p->way != KNN_IN_BLOCKS) {
		par_for(p->s->par, p->slices, scan_slice, p);
		return;
	}
	if (p->left && knn_rough_scan(p))
		return;
	par_for(p->s->par, par_blocks(p->n, GROUP), pack_group, p);
	knn_scan_all(p, Q, scan_block);
}
