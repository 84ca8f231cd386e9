/* place: gives the buffers of a plan their places in the arena. Largest first, each takes the lowest that is
 * free throughout its life (greedy by size: Pisarchyk and Lee, "Efficient memory management for deep neural
 * net inference", 2020). */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

static int larger_first(const void *a, const void *b)
{
	const struct buffer *const *x = a, *const *y = b;
	if ((*x)->floats != (*y)->floats)
		return (*x)->floats < (*y)->floats ? 1 : -1;
	return *x < *y ? -1 : 1; /* both point into one array: a fixed order for equals */
}

/* The lowest offset at which b fits beside those placed so far (sorted by offset) that live at the
 * same time; *at is where it belongs in that order. */
static size_t lowest_place(
	struct buffer *const *placed, size_t n, const struct buffer *b, size_t *at)
{
	size_t offset = 0;
	for (size_t i = 0; i < n; i++) {
		const struct buffer *q = placed[i];
		if (q->last < b->first || b->last < q->first)
			continue;
		if (q->offset >= offset + b->floats)
			break;
		const size_t end = q->offset + q->floats;
		offset = end > offset ? end : offset;
	}
	for (*at = 0; *at < n && placed[*at]->offset <= offset; ++*at)
		;
	return offset;
}

int plan_place(struct plan *p, struct cvt_err *e)
{
	struct buffer **order = mem_alloc(p->nbuffers, sizeof *order, e);
	struct buffer **placed = mem_alloc(p->nbuffers, sizeof *placed, e);
	for (size_t i = 0; order && placed && i < p->nbuffers; i++)
		order[i] = &p->buffer[i];
	if (order && placed)
		qsort(order, p->nbuffers, sizeof *order, larger_first);
	for (size_t i = 0; order && placed && i < p->nbuffers; i++) {
		size_t at;
		struct buffer *b = order[i];
		b->offset = lowest_place(placed, i, b, &at);
		memmove(placed + at + 1, placed + at, (i - at) * sizeof *placed);
		placed[at] = b;
		const size_t end = b->offset + b->floats;
		p->arena_floats = end > p->arena_floats ? end : p->arena_floats;
	}
	const bool done = order && placed;
	free(order);
	free(placed);
	return done ? CVT_OK : CVT_SYSTEM;
}
