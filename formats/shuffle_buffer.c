/* shuffle_buffer: rows in another order, with memory of the last few (see shuffle_buffer.h). */
#include "shuffle_buffer.h"

#include <stdlib.h>

#include "../libcore/rng.h"

struct shuffle_buffer {
	struct batch held, kept, out;
	size_t rows, max_memory;
	size_t capacity, *order, *unit, *turn; /* of rows; where units of them begin; of units */
	uint64_t seed, round;                  /* how often rows have left in this epoch */
	uint32_t epoch;
};

int shuffle_buffer_open(struct shuffle_buffer **to, size_t rows, uint64_t seed, size_t max_memory,
	struct cvt_err *e)
{
	struct shuffle_buffer *s = mem_alloc(1, sizeof *s, e);
	if (!s)
		return CVT_SYSTEM;
	*s = (struct shuffle_buffer){.rows = rows, .max_memory = max_memory, .seed = seed};
	*to = s;
	return CVT_OK;
}

/* Groups that are whole, or rows, into unit[0..]; the last group is not if more rows may come. */
static size_t find_units(struct shuffle_buffer *s, bool last)
{
	const struct batch *b = &s->held;
	size_t n = 0;
	for (size_t i = 0; i < b->rows; i += batch_unit(b, i, b->rows))
		s->unit[n++] = i;
	s->unit[n] = b->rows;
	return n - (!last && batch_get(b, "group"));
}

/* order = whole units in random order, then the rows of the one that is not; returns how many rows
 * leave: units that have `count` of them, or all. */
static size_t draw_order(struct shuffle_buffer *s, size_t units, size_t count)
{
	struct rng r;
	size_t leaving = 0;
	/* The highest bit keeps these draws apart from those of the permutations of a data set. */
	rng_for(&r, s->seed, RNG_SHUFFLE, s->epoch, (uint64_t)1 << 63 | s->round++);
	rng_permute_runs(&r, s->unit, units, s->turn, s->order);
	for (size_t u = 0; u < units && leaving < count; u++)
		leaving += s->unit[s->turn[u] + 1] - s->unit[s->turn[u]];
	for (size_t i = s->unit[units]; i < s->held.rows; i++)
		s->order[i] = i;
	return leaving;
}

static int make_room(struct shuffle_buffer *s, struct cvt_err *e)
{
	size_t **list[] = {&s->order, &s->unit, &s->turn};
	const size_t need = s->held.rows + 1;
	if (need <= s->capacity)
		return CVT_OK;
	s->capacity = 0;
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		free(*list[i]);
		*list[i] = mem_alloc(need, sizeof **list[i], e);
		if (!*list[i])
			return CVT_SYSTEM;
	}
	s->capacity = need;
	return CVT_OK;
}

/* A random `count` of the rows that are held leave, or more where a group would be parted. */
static int leave(
	struct shuffle_buffer *s, size_t count, bool last, struct batch **out, struct cvt_err *e)
{
	TRY(make_room(s, e));
	const size_t units = find_units(s, last);
	if (units == 0)
		return cvt_fail(e, CVT_LIMIT,
			"--shuffle-buffer: a group of rows does not fit %zu; make it larger",
			s->rows);
	const size_t leaving = draw_order(s, units, count);
	TRY(batch_gather(&s->out, &s->held, s->order, leaving, e));
	TRY(batch_gather(&s->kept, &s->held, s->order + leaving, s->held.rows - leaving, e));
	const struct batch was = s->held;
	s->held = s->kept;
	s->kept = was;
	s->out.epoch = s->epoch;
	*out = &s->out;
	return CVT_OK;
}

int shuffle_buffer_flush(struct shuffle_buffer *s, struct batch **out, struct cvt_err *e)
{
	*out = NULL;
	if (s->held.rows)
		TRY(leave(s, s->held.rows, true, out, e));
	return CVT_OK;
}

static bool is_validation(const struct batch *b, size_t row)
{
	const struct tensor *part = batch_get(b, "part");
	return part && part->dtype == DT_I4 && part->ndim == 1 && ((int32_t *)part->data)[row] != 0;
}

/* The end of the rows of one part that begin at `at`. */
static size_t run_end(const struct batch *b, size_t at)
{
	const bool validation = is_validation(b, at);
	while (at < b->rows && is_validation(b, at) == validation)
		at++;
	return at;
}

static int hold(struct shuffle_buffer *s, const struct batch *b, size_t first, size_t count,
	struct cvt_err *e)
{
	if (b->epoch != s->epoch)
		s->round = 0;
	s->epoch = b->epoch;
	TRY(batch_append(&s->held, b, first, count, e));
	if (batch_bytes(&s->held) > s->max_memory / 3)
		return cvt_fail(e, CVT_LIMIT,
			"--shuffle-buffer: the rows of the buffer and those that leave take more "
			"than "
			"%zu MiB; make it smaller, or raise --max-memory",
			s->max_memory >> 20);
	return CVT_OK;
}

int shuffle_buffer_take(struct shuffle_buffer *s, const struct batch *b, size_t *at,
	struct batch **out, struct cvt_err *e)
{
	const size_t end = run_end(b, *at), room = s->rows - s->held.rows;
	const size_t count = end - *at < room ? end - *at : room, first = *at;
	*out = NULL;
	if (is_validation(b, first) && s->held.rows)
		return leave(s, s->held.rows, true, out, e);
	*at += is_validation(b, first) ? end - first : count;
	if (is_validation(b, first)) {
		TRY(batch_slice(&s->out, b, first, end - first, e));
		s->out.epoch = b->epoch;
		*out = &s->out;
		return CVT_OK;
	}
	TRY(hold(s, b, first, count, e));
	return s->held.rows == s->rows ? leave(s, s->rows / 2, false, out, e) : CVT_OK;
}

void shuffle_buffer_close(struct shuffle_buffer *s)
{
	if (!s)
		return;
	batch_free(&s->held);
	batch_free(&s->kept);
	batch_free(&s->out);
	free(s->order);
	free(s->unit);
	free(s->turn);
	free(s);
}
