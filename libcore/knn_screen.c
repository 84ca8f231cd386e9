/*
 * knn_screen: few queries, without reading the bank (see knn_private.h).
 *
 * A copy of the bank in whole numbers of 8 bits, a unit a row, is a quarter of what a scan reads. Products
 * with it are exact; what rounding to whole numbers took away of a row b, and of the query q, bounds how far
 * they lie from those of knn_scan: |q.b - q'.b'| <= |q| |b - b'| + |q - q'| |b'|. The keep-th best lower
 * bound then says which rows need not be looked at; the keys of the others are computed as knn_scan does,
 * so that the same rows come out. Where bounds exclude nothing every row is read, as by knn_scan.
 *
 * A bank of bytes is such a copy itself.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "knn_private.h"
#include "simd.h"

/* Making the copy takes as long as so many queries without it. */
enum { WAIT = 4, NARROW = 32, LINE = 64, STRETCH = 448, ROWS = 256 };

/* Half a unit in the last place of a float at 1, and many of them for what is rounded a few times. */
static const double u = 0x1p-24, some_u = 32 * 0x1p-24;

static size_t pitch_of(const struct knn *s)
{
	return s->bank.f4 ? (s->bank.d + LINE - 1) / LINE * LINE : s->bank.d;
}

/* Whole numbers of a query, at most; sums of products fit 32 bits. */
static double query_most(const struct knn *s)
{
	const double most = floor(INT32_MAX / ((s->bank.f4 ? 127.0 : 255.0) * (double)s->bank.d));
	return most < INT16_MAX ? most : INT16_MAX;
}

/* ---- the copy -------------------------------------------------------------------------- */

/* Of a row b, |b| = length, whose copy, times unit, is `left` away. */
static void note_bounds(struct knn *s, size_t j, double unit, double length, double left)
{
	struct knn_screen *c = &s->screen;
	const double scale = (double)s->scale[j], sums = ((double)s->bank.d + 16) * u * 1.01;
	c->unit[j] = (float)(unit * scale);
	c->length[j] = (float)(scale * (length + left) * (1 + some_u));
	c->doubt[j] = (float)(scale * (left + (length + left) * (sums + some_u)) * (1 + some_u));
}

static void build_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	struct knn *s = context;
	const size_t d = s->bank.d, pitch = s->screen.pitch;
	size_t first;
	const size_t n = par_span(s->bank.rows, ROWS, block, &first);
	for (size_t j = first; j < first + n; j++) {
		const float *x = s->bank.f4 ? knn_float_rows(s, j) : NULL;
		float left = 0, unit = 1.0F / 255;
		if (x)
			unit = simd()->encode(x, d, s->screen.code + j * pitch, &left);
		note_bounds(s, j, (double)unit, s->length[j],
			sqrt((double)left) * (1 + ((double)d + 16) * u * 1.01));
	}
}

static bool build(struct knn *s)
{
	struct knn_screen *c = &s->screen;
	const size_t blocks = (s->bank.rows + ROWS - 1) / ROWS, all = knn_padded(s->bank.rows);
	c->pitch = pitch_of(s);
	c->code = s->bank.f4 ? mem_alloc(s->bank.rows, c->pitch, NULL) : NULL;
	c->unit = mem_alloc(all, sizeof *c->unit, NULL);
	c->doubt = mem_alloc(all, sizeof *c->doubt, NULL);
	c->length = mem_alloc(all, sizeof *c->length, NULL);
	const bool good = (c->code || !s->bank.f4) && c->unit && c->doubt && c->length;
	if (good)
		par_for(s->par, blocks, build_block, s);
	else
		knn_screen_close(s);
	return good;
}

void knn_screen_close(struct knn *s)
{
	struct knn_screen *c = &s->screen;
	free(c->code);
	free(c->unit);
	free(c->doubt);
	free(c->length);
	*c = (struct knn_screen){.hopeless = true};
}

/* Whether it may be made, and products for the most queries, and promises something. */
static bool is_worth_it(const struct knn *s)
{
	const size_t d = s->bank.d, numbers = 3 * sizeof(float) + (KNN_FEW - 1) * sizeof(int32_t);
	const size_t bytes =
		knn_padded(s->bank.rows) * numbers + (s->bank.f4 ? s->bank.rows * pitch_of(s) : 0);
	return !s->short_rows && d >= NARROW && query_most(s) >= INT8_MAX
	       && bytes <= s->screen.allowed;
}

bool knn_screen_ready(struct knn *s, size_t n)
{
	struct knn_screen *c = &s->screen;
	if (c->hopeless || c->unit)
		return !c->hopeless;
	c->asked += n < WAIT ? n : WAIT;
	if (s->bank.f4 && c->asked <= WAIT)
		return false;
	if (!is_worth_it(s) || !build(s))
		c->hopeless = true;
	return !c->hopeless;
}

/* ---- a query --------------------------------------------------------------------------- */

/* A query in whole numbers, times unit; its length, and that of what they leave, both rounded up. */
struct coded {
	int16_t *code;
	float unit, length, left;
	float bar; /* the keep-th best lower bound */
};

struct look {
	struct knn_pass *p;
	struct coded *query; /* n of them */
	int16_t *code;
	int32_t *product; /* (n, rows) */
	uint64_t *all;    /* slices * keep */
};

static bool code_query(const struct knn *s, const float *q, struct coded *c)
{
	const size_t d = s->bank.d;
	const double most = query_most(s), length = sqrt(knn_dot(q, q, d));
	float greatest = 0;
	double left = 0;
	if (!knn_long_enough(length))
		return false;
	for (size_t i = 0; i < d; i++)
		greatest = fabsf(q[i]) > greatest ? fabsf(q[i]) : greatest;
	c->unit = (float)((double)greatest / most);
	for (size_t i = 0; i < d; i++) {
		const double x = greatest > 0 ? rint((double)q[i] / (double)c->unit) : 0;
		c->code[i] = (int16_t)(x > most ? most : x < -most ? -most : x);
		const double rest = (double)q[i] - (double)c->code[i] * (double)c->unit;
		left += rest * rest;
	}
	c->length = (float)(length * (1 + some_u));
	c->left = (float)((sqrt(left) + length * some_u) * (1 + some_u));
	return true;
}

/* Bounds of the keys of rows first..first + 31. */
static void bounds(const struct look *l, size_t i, size_t first, float *low, float *high)
{
	const struct knn *s = l->p->s;
	const struct knn_screen *c = &s->screen;
	const struct coded *q = &l->query[i];
	const int32_t *product = l->product + i * knn_padded(s->bank.rows) + first;
	for (size_t j = 0; j < KNN_PAD; j++) {
		const float offset = s->offset[first + j];
		const float key = (float)product[j] * q->unit * c->unit[first + j] - offset;
		const float off = q->length * c->doubt[first + j] + q->left * c->length[first + j]
				  + offset * (float)some_u;
		low[j] = key - off;
		high[j] = key + off;
	}
}

/* Products of query i with some rows, and their best lower bounds. */
static void look_at(const struct look *l, size_t i, size_t first, size_t rows, struct topk *list)
{
	const struct knn *s = l->p->s;
	const size_t pitch = s->screen.pitch;
	const int16_t *q = l->query[i].code;
	int32_t *product = l->product + i * knn_padded(s->bank.rows) + first;
	float low[KNN_PAD], high[KNN_PAD];
	if (s->bank.f4)
		simd()->scan_codes(q, s->screen.code + first * pitch, rows, pitch, pitch, product);
	else
		simd()->scan_bytes(q, s->bank.u1 + first * pitch, rows, pitch, pitch, product);
	for (size_t j = 0; j < rows; j += KNN_PAD) {
		bounds(l, i, first + j, low, high);
		topk_offer_keys(list, low, (uint32_t)(first + j));
	}
}

static void look_at_slice(void *context, size_t slice, unsigned thread)
{
	(void)thread;
	const struct look *l = context;
	const struct knn_pass *p = l->p;
	size_t first;
	const size_t n = par_span(p->s->bank.rows, p->slice_rows, slice, &first);
	for (size_t at = 0; at < n; at += STRETCH)
		for (size_t i = 0; i < p->n; i++)
			look_at(l, i, first + at, n - at < STRETCH ? n - at : STRETCH,
				&p->list[slice * p->n + i]);
}

/* What the rows are held to; the lists are empty again. */
static void settle(const struct look *l, size_t i)
{
	const struct knn_pass *p = l->p;
	size_t n = 0;
	for (size_t slice = 0; slice < p->slices; slice++) {
		struct topk *list = &p->list[slice * p->n + i];
		topk_select(list->item, list->n, p->keep);
		const size_t m = list->n < p->keep ? list->n : p->keep;
		memcpy(l->all + n, list->item, m * sizeof *l->all);
		n += m;
		topk_start(list, list->item, p->keep);
	}
	l->query[i].bar = topk_worst(l->all, n, p->keep);
}

/* Those of 32 rows that may be among the best get the keys that knn_scan gives them. */
static void check_rows(const struct look *l, size_t i, size_t first, float *room, struct topk *list)
{
	const struct knn *s = l->p->s;
	const size_t d = s->bank.d;
	const float bar = l->query[i].bar;
	float low[KNN_PAD], high[KNN_PAD], product;
	int any = 0;
	bounds(l, i, first, low, high);
	for (size_t j = 0; j < KNN_PAD; j++)
		any |= high[j] >= bar;
	for (size_t j = first; any && j < first + KNN_PAD; j++) {
		if (!(high[j - first] >= bar) || j >= s->bank.rows)
			continue;
		const float *x = s->bank.f4 ? knn_float_rows(s, j) : knn_row(s, j, room);
		simd()->scan_floats(l->p->query + i * d, x, 1, d, &product);
		topk_put(list, topk_key(product, s->scale[j], s->offset[j]), (uint32_t)j);
	}
}

static void check_slice(void *context, size_t slice, unsigned thread)
{
	const struct look *l = context;
	const struct knn_pass *p = l->p;
	float *room = knn_scan_panel(p, thread);
	size_t first;
	const size_t n = par_span(p->s->bank.rows, p->slice_rows, slice, &first);
	for (size_t i = 0; i < p->n; i++)
		for (size_t at = 0; at < n; at += KNN_PAD)
			check_rows(l, i, first + at, room, &p->list[slice * p->n + i]);
}

/* Whether all queries can be looked at so. */
static bool prepare(struct look *l)
{
	const struct knn_pass *p = l->p;
	const size_t pitch = p->s->screen.pitch;
	bool good = true;
	l->query = mem_alloc(p->n, sizeof *l->query, NULL);
	l->code = mem_alloc(p->n * pitch, sizeof *l->code, NULL);
	l->product = mem_alloc(p->n * knn_padded(p->s->bank.rows), sizeof *l->product, NULL);
	l->all = mem_alloc(p->slices * p->keep, sizeof *l->all, NULL);
	if (!l->query || !l->code || !l->product || !l->all)
		return false;
	for (size_t i = 0; i < p->n; i++) {
		l->query[i].code = l->code + i * pitch;
		good = code_query(p->s, p->query + i * p->s->bank.d, &l->query[i]) && good;
	}
	return good;
}

bool knn_screen_scan(struct knn_pass *p)
{
	struct look l = {.p = p};
	const bool good = prepare(&l);
	if (good) {
		par_for(p->s->par, p->slices, look_at_slice, &l);
		for (size_t i = 0; i < p->n; i++)
			settle(&l, i);
		par_for(p->s->par, p->slices, check_slice, &l);
	}
	free(l.query);
	free(l.code);
	free(l.product);
	free(l.all);
	return good;
}
