/* episodes: few-shot tasks drawn from labelled rows (see episodes.h). */
#include "episodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../libcore/rng.h"

/* ---- sizes ------------------------------------------------------------------------- */

/* A whole number of at most seven digits, not beginning with 0; moves *s behind it. */
static bool take_number(const char **s, size_t *to)
{
	const size_t digits = strspn(*s, "0123456789");
	if (digits == 0 || digits > 7 || (**s == '0' && digits > 1))
		return false;
	*to = strtoul(*s, NULL, 10);
	*s += digits;
	return true;
}

int episodes_parse(const char *text, struct episodes_size *to, struct cvt_err *e)
{
	const char *s = text;
	*to = (struct episodes_size){0};
	bool good = take_number(&s, &to->ways) && *s++ == 'x' && take_number(&s, &to->shots);
	if (good && *s == '+') {
		s++;
		good = take_number(&s, &to->queries);
	}
	size_t rows;
	if (!good || *s || to->ways == 0 || to->shots == 0)
		return cvt_fail(e, CVT_USAGE,
			"--episodes: '%s' should be WAYSxSHOTS+QUERIES, as 5x1+15", text);
	if (!mem_mul(to->ways, to->shots + to->queries, &rows) || rows > SIZE_MAX / 64)
		return cvt_fail(e, CVT_USAGE, "--episodes: '%s' is too many rows", text);
	return CVT_OK;
}

size_t episodes_rows(const struct episodes_size *size)
{
	return size->ways * (size->shots + size->queries);
}

bool episodes_is_query(const struct episodes_size *size, size_t place)
{
	return place >= size->ways * size->shots;
}

size_t episodes_way(const struct episodes_size *size, size_t place)
{
	return episodes_is_query(size, place) ? (place - size->ways * size->shots) / size->queries
					      : place / size->shots;
}

/* ---- pools ------------------------------------------------------------------------- */

struct labelled {
	int32_t label;
	size_t row;
};

static int compare_labelled(const void *a, const void *b)
{
	const struct labelled *x = a, *y = b;
	if (x->label != y->label)
		return x->label < y->label ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

static void pool_close(struct episodes_pool *p)
{
	free(p->row);
	free(p->first);
	free(p->label);
	*p = (struct episodes_pool){0};
}

/* The classes of n sorted rows that have `need` of them. */
static void fill_pool(struct episodes_pool *p, const struct labelled *r, size_t n, size_t need)
{
	size_t kept = 0;
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && r[end].label == r[i].label; end++)
			;
		if (r[i].label < 0 || end - i < need)
			continue;
		p->label[p->classes] = r[i].label;
		p->first[p->classes++] = kept;
		for (size_t k = i; k < end; k++)
			p->row[kept++] = r[k].row;
	}
	p->first[p->classes] = kept;
}

static int pool_open(
	struct episodes_pool *p, const struct episodes_rows *from, size_t need, struct cvt_err *e)
{
	struct labelled *r = mem_alloc(from->n, sizeof *r, e);
	p->row = mem_alloc(from->n, sizeof *p->row, e);
	p->first = mem_alloc(from->n + 1, sizeof *p->first, e);
	p->label = mem_alloc(from->n, sizeof *p->label, e);
	if (!r || !p->row || !p->first || !p->label) {
		free(r);
		return CVT_SYSTEM;
	}
	for (size_t i = 0; i < from->n; i++) {
		const size_t number = from->number ? from->number[i] : i;
		r[i] = (struct labelled){from->label[number], number};
	}
	qsort(r, from->n, sizeof *r, compare_labelled);
	fill_pool(p, r, from->n, need);
	free(r);
	return CVT_OK;
}

/* Class `from` becomes class `to`, which is not behind it; what lies behind `from` stays. */
static void move_class(struct episodes_pool *p, size_t from, size_t to)
{
	const size_t n = p->first[from + 1] - p->first[from];
	memmove(p->row + p->first[to], p->row + p->first[from], n * sizeof *p->row);
	p->label[to] = p->label[from];
	p->first[to + 1] = p->first[to] + n;
}

/* Leaves the classes that both pools have, in the same order. */
static void keep_common(struct episodes_pool *a, struct episodes_pool *b)
{
	size_t both = 0;
	for (size_t i = 0, k = 0; i < a->classes; i++) {
		while (k < b->classes && b->label[k] < a->label[i])
			k++;
		if (k == b->classes || b->label[k] != a->label[i])
			continue;
		move_class(a, i, both);
		move_class(b, k++, both++);
	}
	a->classes = b->classes = both;
}

int episodes_open(struct episodes *s, const struct episodes_size *size,
	const struct episodes_rows *support, const struct episodes_rows *query, struct cvt_err *e)
{
	const size_t need = size->shots + size->queries;
	*s = (struct episodes){.size = *size, .apart = query != NULL};
	TRY(pool_open(&s->support, support, query ? size->shots : need, e));
	if (query) {
		TRY(pool_open(&s->query, query, size->queries, e));
		keep_common(&s->support, &s->query);
	}
	if (s->support.classes >= size->ways)
		return CVT_OK;
	if (query)
		return cvt_fail(e, CVT_INPUT,
			"--episodes: %zu classes have %zu rows or more for support and %zu for "
			"queries, and %zu are wanted",
			s->support.classes, size->shots, size->queries, size->ways);
	return cvt_fail(e, CVT_INPUT,
		"--episodes: %zu classes have %zu rows or more, and %zu are wanted",
		s->support.classes, need, size->ways);
}

void episodes_close(struct episodes *s)
{
	pool_close(&s->support);
	pool_close(&s->query);
	*s = (struct episodes){0};
}

/* ---- drawing ----------------------------------------------------------------------- */

/* k different ones of 0..n-1, in random order (Floyd's algorithm, then shuffled as it goes). */
static void draw_some(struct rng *r, size_t *to, size_t k, size_t n)
{
	for (size_t have = 0; have < k; have++) {
		const size_t top = n - k + have, x = (size_t)rng_below(r, top + 1);
		const size_t place = (size_t)rng_below(r, have + 1);
		bool taken = false;
		for (size_t i = 0; i < have; i++)
			taken = taken || to[i] == x;
		to[have] = to[place];
		to[place] = taken ? top : x;
	}
}

static void draw_class(
	struct rng *r, const struct episodes_pool *p, size_t class, size_t *to, size_t n)
{
	draw_some(r, to, n, p->first[class + 1] - p->first[class]);
	for (size_t i = 0; i < n; i++)
		to[i] = p->row[p->first[class] + to[i]];
}

void episodes_draw(const struct episodes *s, uint64_t seed, size_t epoch, size_t episode,
	size_t *row, size_t *scratch)
{
	const size_t ways = s->size.ways, shots = s->size.shots, queries = s->size.queries;
	size_t *way = scratch, *pick = scratch + ways;
	struct rng r;
	rng_for(&r, seed, RNG_EPISODE, epoch, episode);
	draw_some(&r, way, ways, s->support.classes);
	for (size_t w = 0; w < ways; w++) {
		draw_class(&r, &s->support, way[w], pick, s->apart ? shots : shots + queries);
		if (s->apart)
			draw_class(&r, &s->query, way[w], pick + shots, queries);
		memcpy(row + w * shots, pick, shots * sizeof *row);
		memcpy(row + ways * shots + w * queries, pick + shots, queries * sizeof *row);
	}
}
