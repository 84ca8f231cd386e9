/* train_fit: for methods that are no graph to descend (k-means, PCA): the training rows of one epoch
 * are held once, as compactly as they came, and learned from together (see train.h). */
#include "train_private.h"

static int hold(struct train *t, struct batch *all, const struct batch *rows, struct cvt_err *e)
{
	const size_t most = graph_left(t->l->graph, t->o.max_memory);
	size_t bytes = 0;
	TRY(batch_append(all, rows, 0, rows->rows, e));
	for (size_t i = 0; i < all->n; i++)
		bytes += all->field[i].t.bytes;
	if (bytes <= most)
		return CVT_OK;
	return cvt_fail(e, CVT_LIMIT,
		"%s: --method %s holds all rows, which take more than %zu MiB; raise --max-memory, "
		"or take fewer: cv-read --take N",
		t->source.name, t->l->method->name, most >> 20);
}

static int gather(struct train *t, struct batch *all, struct cvt_err *e)
{
	const struct feed_item *item;
	for (;;) {
		if (t->o.stop && *t->o.stop)
			return TRAIN_STOPPED;
		TRY(feed_next(t->feed, &item, &t->waited, e));
		if (item->kind != FEED_ROWS)
			break;
		TRY(hold(t, all, &item->rows, e));
		t->c.at = item->end;
	}
	return all->rows ? CVT_OK
			 : cvt_fail(e, CVT_INPUT, "%s: there are no rows to learn from",
				 t->source.name);
}

int train_fit(struct train *t, struct cvt_err *e)
{
	struct batch all = {0};
	const struct run run = {.par = t->o.par, .seed = t->o.seed, .stop = t->o.stop};
	int code = gather(t, &all, e);
	if (code == CVT_OK)
		code = t->l->method->fit(t->l, &all, &run, e);
	batch_free(&all);
	return code == CVT_GONE && t->o.stop && *t->o.stop ? TRAIN_STOPPED : code;
}
