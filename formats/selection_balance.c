/*
 * selection_balance: an epoch in which every class has as many rows as the largest one (cv-read
 * --balance). The rows of a smaller class come round after round; of its last round only a part comes,
 * which is drawn anew in each epoch. Rows without a label come once. A later round of a row is another
 * `copy`, so that what is drawn on it differs.
 */
#include <stdlib.h>
#include <string.h>

#include "selection.h"

struct balance {
	size_t n, *row; /* those that the epoch is made of, in their order */
	size_t *times;  /* how often each comes */
	size_t largest; /* rows of the largest class */
	size_t all;     /* rows of an epoch */
	struct selection_rank *rank;
};

static int32_t label_of(const struct selection *p, size_t row)
{
	return p->hidden && p->hidden[row] ? -1 : p->label[row];
}

/* The end of the class that begins at `first` of the ranks. */
static size_t class_end(const struct balance *b, size_t first)
{
	size_t end = first;
	while (end < b->n && b->rank[end].label == b->rank[first].label)
		end++;
	return end;
}

static void rank(const struct selection *p, size_t epoch)
{
	const struct balance *b = p->balance;
	for (size_t i = 0; i < b->n; i++)
		b->rank[i] = (struct selection_rank){label_of(p, b->row[i]),
			selection_hash(p, b->row[i], SELECTION_BALANCE + ((uint64_t)epoch << 8)),
			i};
	selection_sort(b->rank, b->n);
}

/* Rows are ranked: how many an epoch has. */
static int count(struct balance *b, struct cvt_err *e)
{
	size_t classes = 0, unlabelled = 0;
	for (size_t i = 0, end; i < b->n; i = end) {
		end = class_end(b, i);
		if (b->rank[i].label < 0) {
			unlabelled += end - i;
			continue;
		}
		classes++;
		b->largest = end - i > b->largest ? end - i : b->largest;
	}
	return mem_mul(classes, b->largest, &b->all) && mem_add(b->all, unlabelled, &b->all)
		       ? CVT_OK
		       : cvt_fail(e, CVT_USAGE, "--balance: too many rows");
}

int selection_prepare_balance(struct selection *p, struct cvt_err *e)
{
	struct balance *b = p->balance = mem_alloc(1, sizeof *b, e);
	if (!b)
		return CVT_SYSTEM;
	b->n = p->trains[0];
	b->row = p->train[0];
	p->train[0] = NULL;
	b->times = mem_alloc(b->n, sizeof *b->times, e);
	b->rank = mem_alloc(b->n, sizeof *b->rank, e);
	if (!b->times || !b->rank)
		return CVT_SYSTEM;
	rank(p, 0);
	TRY(count(b, e));
	if (b->n > 0 && b->largest == 0)
		return cvt_fail(e, CVT_INPUT, "--balance: no row has a label");
	p->train[0] = mem_alloc(b->all, sizeof *p->train[0], e);
	p->repeat = mem_alloc(b->all, sizeof *p->repeat, e);
	p->trains[0] = b->all;
	return p->train[0] && p->repeat ? CVT_OK : CVT_SYSTEM;
}

void selection_draw_balance(struct selection *p, size_t epoch)
{
	const struct balance *b = p->balance;
	size_t most = 1, at = 0;
	rank(p, epoch);
	for (size_t i = 0, end; i < b->n; i = end) {
		end = class_end(b, i);
		const size_t rows = end - i, full = b->largest / rows, more = b->largest % rows;
		const bool known = b->rank[i].label >= 0;
		for (size_t k = i; k < end; k++)
			b->times[b->rank[k].place] = known ? full + (k - i < more) : 1;
		most = known && full + (more > 0) > most ? full + (more > 0) : most;
	}
	for (size_t round = 0; round < most; round++)
		for (size_t i = 0; i < b->n; i++)
			if (round < b->times[i]) {
				p->train[0][at] = b->row[i];
				p->repeat[at++] = (int32_t)round;
			}
}

void selection_close_balance(struct selection *p)
{
	if (!p->balance)
		return;
	free(p->balance->row);
	free(p->balance->times);
	free(p->balance->rank);
	free(p->balance);
}
