/*
 * train_replay: a source of one epoch, held as compactly as it came and replayed, each time in
 * another order (see train_feed.h).
 */
#include "train_feed_private.h"

#include "rng.h"

#include <stdlib.h>

/* ---- one epoch, again and again ---------------------------------------------------- */

static int hold_rows(struct feed *f, size_t first, size_t end, struct cvt_err *e)
{
	TRY(feed_charge(f, end - first, e));
	feed_advance(f, &f->view, first, end - first);
	return batch_append(&f->held, &f->view, first, end - first, e);
}

/* Reads the whole epoch; f->at.hash is its hash. */
static int hold(struct feed *f, struct cvt_err *e)
{
	struct batch *b = NULL;
	enum train_event event;
	bool complete = false;
	for (;;) {
		TRY(feed_read(f, &b, &event, e));
		if (event == TRAIN_DONE)
			break;
		if (complete)
			return cvt_fail(e, CVT_USAGE,
				"%s: has more than one epoch, which --epochs and --steps would "
				"repeat; leave "
				"them out, or say cv-read --epochs",
				f->spec.source->name);
		if (event == TRAIN_ROWS)
			TRY(feed_sort(f, b, hold_rows, e));
		else
			complete = true;
	}
	f->validation_done = true;
	f->held_rows = f->held.rows;
	return CVT_OK;
}

/* The order of an epoch: groups, or rows, in a permutation that epoch and seed decide. */
struct order {
	size_t n, *start; /* units: rows start[i] .. start[i+1]-1 */
	size_t *unit, *row;
};

static void order_free(struct order *o)
{
	free(o->start);
	free(o->unit);
	free(o->row);
}

static int order_make(struct order *o, const struct batch *held, struct cvt_err *e)
{
	*o = (struct order){0};
	o->start = mem_alloc(held->rows + 1, sizeof *o->start, e);
	o->unit = mem_alloc(held->rows, sizeof *o->unit, e);
	o->row = mem_alloc(held->rows, sizeof *o->row, e);
	if (!o->start || !o->unit || !o->row)
		return CVT_SYSTEM;
	for (size_t first = 0; first < held->rows; first += batch_unit(held, first, held->rows))
		o->start[o->n++] = first;
	o->start[o->n] = held->rows;
	return CVT_OK;
}

static void order_draw(struct order *o, uint64_t seed, uint64_t epoch)
{
	struct rng r;
	rng_for(&r, seed, RNG_REPLAY, epoch, 0);
	rng_permute_runs(&r, o->start, o->n, o->unit, o->row);
}

/* The next batch of the order: how many rows from `first` on. */
static size_t take_units(const struct feed *f, const struct order *o, size_t *next_unit)
{
	size_t n = 0;
	for (; *next_unit < o->n; ++*next_unit) {
		const size_t u = o->unit[*next_unit], rows = o->start[u + 1] - o->start[u];
		if (n + rows > f->spec.batch_size)
			break;
		n += rows;
	}
	return n;
}

static int replay_epoch(struct feed *f, struct order *o, struct cvt_err *e)
{
	size_t next_unit = 0;
	order_draw(o, f->spec.seed, f->at.epoch);
	for (size_t first = 0, n; first < f->held.rows; first += n) {
		n = take_units(f, o, &next_unit);
		if (n == 0)
			return cvt_fail(e, CVT_USAGE,
				"%s: a group of rows does not fit a batch of %zu; raise "
				"--batch-size",
				f->spec.source->name, f->spec.batch_size);
		if (first + n <= f->at.rows
			|| (f->spec.drop_last && n < f->spec.batch_size
				&& first + n == f->held.rows))
			continue;
		struct feed_item *item = feed_slot(f);
		if (!item)
			return CVT_GONE;
		TRY(batch_gather(&item->rows, &f->held, o->row + first, n, e));
		item->rows.epoch = (uint32_t)f->at.epoch;
		f->at.rows = first + n;
		feed_publish(f, item, FEED_ROWS);
	}
	f->at.epoch++;
	f->at.rows = 0;
	return feed_mark(f, FEED_EPOCH);
}

int feed_run_replay(struct feed *f, struct cvt_err *e)
{
	struct order o;
	TRY(hold(f, e));
	const bool resumed = f->spec.from.epoch + f->spec.from.rows > 0;
	if (resumed && f->at.hash != f->spec.from.hash)
		return feed_other_stream(f, e);
	f->at.epoch = f->spec.from.epoch;
	f->at.rows = f->spec.from.rows;
	int code = order_make(&o, &f->held, e);
	while (code == CVT_OK && f->held.rows && (f->spec.endless || f->at.epoch < f->spec.epochs))
		code = replay_epoch(f, &o, e);
	order_free(&o);
	return code ? code : feed_mark(f, FEED_END);
}
