/* pass: choosing rows of a stream as they go by (see pass.h). */
#include "pass.h"

#include <stdlib.h>

struct pass {
	struct selection_options o;
	unsigned char *member; /* of the classes; NULL = all are wanted */
	size_t classes;
	size_t seen, kept; /* of this epoch: rows of a wanted class, those within skip and take */
	struct batch chosen;
	size_t *pick, picks;
};

/* Rows that skip, take and shard leave of n. */
static size_t rows_left(const struct selection_options *o, size_t n)
{
	n = n > o->skip ? n - o->skip : 0;
	n = n < o->take ? n : o->take;
	return o->shards ? (n + o->shards - 1 - o->shard) / o->shards : n;
}

int pass_open(
	struct pass **to, const struct selection_options *o, struct head *h, struct cvt_err *e)
{
	struct pass *p = mem_alloc(1, sizeof *p, e);
	if (!p)
		return CVT_SYSTEM;
	p->o = *o;
	if (o->classes && selection_classes(o->classes, h, &p->member, &p->classes, e) != CVT_OK) {
		pass_close(p);
		return e->code;
	}
	const bool chooses = o->classes || o->skip || o->take != SIZE_MAX || o->shards;
	if (chooses)
		h->val = HEAD_UNKNOWN;
	if (o->classes)
		h->rows = HEAD_UNKNOWN;
	else if (h->rows != HEAD_UNKNOWN)
		h->rows = rows_left(o, h->rows);
	*to = p;
	return CVT_OK;
}

static bool wanted(struct pass *p, const struct tensor *label, size_t row)
{
	const int32_t k = p->member ? dataset_class(label, row) : -1;
	if (p->member && (k < 0 || (size_t)k >= p->classes || !p->member[k]))
		return false;
	if (p->seen++ < p->o.skip || p->kept >= p->o.take)
		return false;
	const size_t place = p->kept++;
	return !p->o.shards || place % p->o.shards == p->o.shard;
}

int pass_rows(struct pass *p, struct batch *b, struct batch **rows, struct cvt_err *e)
{
	const struct tensor *t = batch_get(b, "label");
	size_t n = 0;
	if (p->member && !t)
		return cvt_fail(e, CVT_INPUT, "--classes: the rows have no label");
	if (b->rows > p->picks) {
		free(p->pick);
		p->pick = mem_alloc(b->rows, sizeof *p->pick, e);
		p->picks = p->pick ? b->rows : 0;
		if (!p->pick)
			return CVT_SYSTEM;
	}
	for (size_t i = 0; i < b->rows; i++)
		if (wanted(p, t, i))
			p->pick[n++] = i;
	*rows = b;
	if (n == b->rows)
		return CVT_OK;
	*rows = &p->chosen;
	return batch_gather(&p->chosen, b, p->pick, n, e);
}

void pass_epoch(struct pass *p)
{
	p->seen = p->kept = 0;
}

bool pass_has_enough(const struct pass *p)
{
	return p->kept >= p->o.take;
}

void pass_close(struct pass *p)
{
	if (!p)
		return;
	free(p->member);
	free(p->pick);
	batch_free(&p->chosen);
	free(p);
}
