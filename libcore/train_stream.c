/*
 * train_stream: a source of epochs, in the order in which its rows come: into batches, without
 * parting groups; on resume, past what was consumed (see train_feed.h).
 */
#include "train_feed_private.h"

#include <stdlib.h>
#include <string.h>

uint64_t feed_hash(uint64_t hash, int64_t index)
{
	hash = (hash ^ (uint64_t)index) * 0x9E3779B97F4A7C15u;
	return hash ^ hash >> 32;
}

/* ---- rows into batches ------------------------------------------------------------- */

static void empty(struct batch *b)
{
	b->n = 0; /* the memory stays */
	b->rows = 0;
}

/* Lends f->view the fields of b that are wanted; no number is copied. */
static int look(struct feed *f, const struct batch *b, struct cvt_err *e)
{
	static const char *const always[] = {"index", "group"};
	empty(&f->view);
	for (size_t i = 0; i < f->spec.nfields + 2; i++) {
		const char *name = i < 2 ? always[i] : f->spec.field[i - 2];
		const struct tensor *t = batch_get(b, name);
		if (!t || batch_field(&f->view, name))
			continue;
		struct field *to = batch_add(&f->view, name, e);
		if (!to)
			return CVT_SYSTEM;
		to->t = *t;
		to->t.capacity = 0;
	}
	f->view.rows = b->rows;
	f->view.epoch = b->epoch;
	return CVT_OK;
}

/* How many rows of [first, end) still fit into a batch that has `filled`, without parting a group.
 */
static int fitting(const struct feed *f, const struct batch *b, size_t first, size_t end,
	size_t filled, size_t *count, struct cvt_err *e)
{
	const size_t room = f->spec.batch_size - filled;
	if (!batch_get(b, "group")) {
		*count = end - first < room ? end - first : room;
		return CVT_OK;
	}
	for (*count = 0; first + *count < end;) {
		const size_t n = batch_unit(b, first + *count, end);
		if (n > f->spec.batch_size)
			return cvt_fail(e, CVT_USAGE,
				"%s: a group of %zu rows does not fit a batch of %zu; --batch-size "
				"%zu",
				f->spec.source->name, n, f->spec.batch_size, n);
		if (*count + n > room)
			break;
		*count += n;
	}
	return CVT_OK;
}

void feed_advance(struct feed *f, const struct batch *b, size_t first, size_t count)
{
	const struct tensor *t = batch_get(b, "index");
	for (size_t i = 0; i < count; i++)
		f->at.hash = feed_hash(f->at.hash, t ? ((const int64_t *)t->data)[first + i] : 0);
	f->at.rows += count;
}

static int flush(struct feed *f, bool whole_epoch_follows)
{
	if (!f->filling)
		return CVT_OK;
	f->filling = false;
	struct feed_item *item = &f->item[f->made % SLOTS];
	if (!whole_epoch_follows || !f->spec.drop_last || item->rows.rows == f->spec.batch_size)
		feed_publish(f, item, FEED_ROWS);
	return CVT_OK;
}

/* Adds training rows [first, end) of the view to the batch at hand; full ones leave. */
static int put_rows(struct feed *f, size_t first, size_t end, struct cvt_err *e)
{
	while (first < end) {
		struct feed_item *item = feed_slot(f);
		if (!item)
			return CVT_GONE;
		if (!f->filling)
			empty(&item->rows);
		size_t n;
		TRY(fitting(f, &f->view, first, end, f->filling ? item->rows.rows : 0, &n, e));
		if (n) {
			f->filling = true;
			item->rows.epoch = f->view.epoch;
			TRY(batch_append(&item->rows, &f->view, first, n, e));
			feed_advance(f, &f->view, first, n);
			first += n;
		}
		if (n == 0 || item->rows.rows == f->spec.batch_size)
			TRY(flush(f, false));
	}
	return CVT_OK;
}

/* ---- going on after a checkpoint --------------------------------------------------- */

int feed_other_stream(const struct feed *f, struct cvt_err *e)
{
	return cvt_fail(e, CVT_INPUT,
		"%s: these are not the rows that the checkpoint was trained on; start the same "
		"producer "
		"again, or train anew without --resume",
		f->spec.source->name);
}

/* Takes rows that were consumed before the checkpoint; *first moves behind them. */
static int skip_rows(struct feed *f, size_t *first, size_t end, struct cvt_err *e)
{
	const struct feed_position *from = &f->spec.from;
	if (f->at.epoch > from->epoch || (f->at.epoch == from->epoch && f->at.rows >= from->rows))
		return CVT_OK;
	size_t n = end - *first;
	if (f->at.epoch == from->epoch && from->rows - f->at.rows < n)
		n = (size_t)(from->rows - f->at.rows);
	feed_advance(f, &f->view, *first, n);
	*first += n;
	if (f->at.epoch < from->epoch || f->at.rows < from->rows)
		return CVT_OK;
	return f->at.hash == from->hash && f->at.whole == from->whole ? CVT_OK
								      : feed_other_stream(f, e);
}

/* The first rows tell with which epoch the source begins. */
static int begin(struct feed *f, const struct batch *b, struct cvt_err *e)
{
	f->begun = true;
	f->at.epoch = b->epoch;
	f->from_start = b->epoch == 0;
	if (b->epoch > f->spec.from.epoch && f->spec.from.epoch + f->spec.from.rows > 0)
		return cvt_fail(e, CVT_INPUT,
			"%s: begins with epoch %u, but the checkpoint stands in epoch %llu; "
			"cv-read "
			"--start-epoch %llu",
			f->spec.source->name, b->epoch, (unsigned long long)f->spec.from.epoch,
			(unsigned long long)f->spec.from.epoch);
	if (!f->from_start && b->epoch == f->spec.from.epoch)
		f->at.whole = f->spec.from.whole;
	return CVT_OK;
}

/* ---- a stream ---------------------------------------------------------------------- */

int feed_charge(struct feed *f, size_t rows, struct cvt_err *e)
{
	size_t bytes = 0;
	for (size_t i = 0; i < f->view.n; i++)
		bytes += tensor_row_bytes(&f->view.field[i].t);
	f->held_bytes += bytes * rows;
	if (f->held_bytes <= f->spec.max_memory)
		return CVT_OK;
	return cvt_fail(e, CVT_LIMIT,
		"%s: rows for replay and validation would take more than %zu MiB; raise "
		"--max-memory, or "
		"let cv-read --epochs N --shuffle repeat the rows",
		f->spec.source->name, f->spec.max_memory >> 20);
}

int feed_sort(struct feed *f, const struct batch *b,
	int (*take)(struct feed *f, size_t first, size_t end, struct cvt_err *e), struct cvt_err *e)
{
	const struct tensor *part = batch_get(b, "part");
	const int32_t *p = part ? part->data : NULL;
	TRY(look(f, b, e));
	for (size_t first = 0, n; first < b->rows; first += n) {
		for (n = 1; first + n < b->rows && (!p || p[first + n] == p[first]); n++)
			;
		if (!p || p[first] == 0)
			TRY(take(f, first, first + n, e));
		else if (!f->validation_done) {
			TRY(feed_charge(f, n, e));
			TRY(batch_append(&f->validation, &f->view, first, n, e));
		}
	}
	return CVT_OK;
}

static int stream_rows(struct feed *f, size_t first, size_t end, struct cvt_err *e)
{
	TRY(skip_rows(f, &first, end, e));
	return put_rows(f, first, end, e);
}

static int stream_epoch(struct feed *f, struct cvt_err *e)
{
	const struct feed_position *from = &f->spec.from;
	TRY(flush(f, true));
	f->validation_done = true;
	if (f->at.epoch == from->epoch && f->at.rows < from->rows)
		return feed_other_stream(f, e);
	const bool behind = f->at.epoch < from->epoch;
	f->at = (struct feed_position){
		.epoch = f->at.epoch + 1, .whole = feed_hash(f->at.whole, (int64_t)f->at.hash)};
	if (behind && f->at.epoch == from->epoch && f->from_start && f->at.whole != from->whole)
		return feed_other_stream(f, e);
	if (behind && f->at.epoch == from->epoch)
		f->at.whole = from->whole;
	return behind ? CVT_OK : feed_mark(f, FEED_EPOCH);
}

/* Who has enough does not drain; but where the end must be near it is read, because only it tells
 * that all went well upstream. */
int feed_run_stream(struct feed *f, struct cvt_err *e)
{
	const size_t come = f->spec.source->epochs;
	const bool more = f->spec.epochs && come != TRAIN_UNKNOWN && come > f->spec.epochs;
	struct batch *b = NULL;
	enum train_event event = TRAIN_ROWS;
	for (;;) {
		const bool enough = f->spec.epochs && f->at.epoch >= f->spec.epochs;
		if (enough && more)
			break;
		TRY(feed_read(f, &b, &event, e));
		if (event == TRAIN_DONE || (event == TRAIN_ROWS && enough))
			break;
		if (event == TRAIN_ROWS && !f->begun)
			TRY(begin(f, b, e));
		TRY(event == TRAIN_ROWS ? feed_sort(f, b, stream_rows, e) : stream_epoch(f, e));
	}
	if (event == TRAIN_DONE && f->at.rows > 0)
		TRY(stream_epoch(f, e));
	if (f->at.epoch < f->spec.from.epoch)
		return feed_other_stream(f, e);
	return feed_mark(f, FEED_END);
}
