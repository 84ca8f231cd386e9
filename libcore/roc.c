/* roc: area under the curve and equal error rate (see roc.h). */
#include "roc.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const struct roc_item *x = a, *y = b;
	return (x->score < y->score) - (x->score > y->score);
}

/* A point of the curve: the share of negatives taken, of positives refused, when all down to that
 * score are taken. */
struct point {
	double taken, refused, score;
};

/* The line between two neighbours crosses taken = refused in between. */
static void cross(const struct point *a, const struct point *b, struct roc *r)
{
	const double da = a->refused - a->taken, db = b->refused - b->taken;
	const double t = da > db ? da / (da - db) : 0;
	r->eer = a->taken + t * (b->taken - a->taken);
	r->threshold = isinf(a->score) ? b->score : a->score + t * (b->score - a->score);
}

void roc_measure(struct roc_item *item, size_t n, struct roc *r)
{
	*r = (struct roc){.auc = NAN, .eer = NAN, .threshold = NAN};
	for (size_t i = 0; i < n; i++)
		*(item[i].positive ? &r->positives : &r->negatives) += 1;
	if (!r->positives || !r->negatives)
		return;
	const double P = (double)r->positives, N = (double)r->negatives;
	struct point last = {0, 1, INFINITY};
	double area = 0, hits = 0, alarms = 0;
	qsort(item, n, sizeof *item, compare);
	for (size_t i = 0, end; i < n; i = end) {
		const double before = hits;
		for (end = i; end < n && !(item[end].score < item[i].score); end++)
			*(item[end].positive ? &hits : &alarms) += 1;
		const struct point now = {alarms / N, 1 - hits / P, item[i].score};
		area += (now.taken - last.taken) * (before + hits) / 2 / P;
		if (isnan(r->eer) && now.refused <= now.taken)
			cross(&last, &now, r);
		last = now;
	}
	r->auc = area;
}
