/*
 * selection_episodes: few-shot tasks (Vinyals et al., "Matching networks for one shot learning",
 * NIPS 2016): every episode draws some classes, and of each class the support and the query rows.
 * An episode is a function of the seed, the epoch and its number.
 */
#include <stdlib.h>
#include <string.h>

#include "../libcore/rng.h"
#include "selection.h"

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

/* Keeps classes that have rows enough: their rows end to end in train[0], class_first says where.
 */
static void keep_large_classes(struct selection *p, const struct labelled *r, size_t n)
{
	const size_t need = p->o.shots + p->o.queries;
	size_t kept = 0;
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && r[end].label == r[i].label; end++)
			;
		if (r[i].label < 0 || end - i < need)
			continue;
		p->class_first[p->classes++] = kept;
		for (size_t k = i; k < end; k++)
			p->train[0][kept++] = r[k].row;
	}
	p->class_first[p->classes] = p->trains[0] = kept;
}

int selection_prepare_episodes(struct selection *p, struct cvt_err *e)
{
	const size_t n = p->trains[0], need = p->o.shots + p->o.queries;
	struct labelled *r = mem_alloc(n, sizeof *r, e);
	p->class_first = mem_alloc(n + 1, sizeof *p->class_first, e);
	size_t rows;
	p->draw = mem_alloc(p->o.ways + need, sizeof *p->draw, e);
	if (!r || !p->class_first || !p->draw) {
		free(r);
		return CVT_SYSTEM;
	}
	for (size_t i = 0; i < n; i++)
		r[i] = (struct labelled){p->label[p->train[0][i]], p->train[0][i]};
	qsort(r, n, sizeof *r, compare_labelled);
	keep_large_classes(p, r, n);
	free(r);
	if (p->classes < p->o.ways)
		return cvt_fail(e, CVT_INPUT,
			"--episodes: %zu classes have %zu rows or more, and %zu are wanted",
			p->classes, need, p->o.ways);
	if (!mem_mul(p->o.episodes, p->o.ways, &rows) || !mem_mul(rows, need, &rows)
		|| rows > SIZE_MAX / 64)
		return cvt_fail(e, CVT_USAGE, "--episodes: too many rows");
	return CVT_OK;
}

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

void selection_draw_episodes(struct selection *p, size_t epoch)
{
	const size_t ways = p->o.ways, shots = p->o.shots, need = shots + p->o.queries;
	for (size_t episode = 0; episode < p->o.episodes; episode++) {
		struct rng r;
		size_t *way = p->draw, *pick = p->draw + ways;
		size_t *row = p->row + episode * ways * need;
		rng_for(&r, p->o.seed, RNG_EPISODE, epoch, episode);
		draw_some(&r, way, ways, p->classes);
		for (size_t w = 0; w < ways; w++) {
			const size_t *of_class = p->train[0] + p->class_first[way[w]];
			draw_some(&r, pick, need,
				p->class_first[way[w] + 1] - p->class_first[way[w]]);
			for (size_t i = 0; i < need; i++) {
				const size_t at =
					i < shots ? w * shots + i
						  : ways * shots + w * p->o.queries + (i - shots);
				row[at] = of_class[pick[i]];
			}
		}
		for (size_t i = 0; i < ways * need; i++)
			p->copy[episode * ways * need + i] = (int32_t)episode;
	}
	p->n = p->o.episodes * ways * need;
}
