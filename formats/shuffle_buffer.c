/* shuffle_buffer: rows in another order, with memory of the last few (see shuffle_buffer.h). */
#include "shuffle_buffer.h"

#include <stdlib.h>

#include "../libcore/rng.h"

struct shuffle_buffer {
	struct batch held, kept, out;
	size_t rows, max_memory, *order;
	uint64_t seed, round; /* how often rows have left in this epoch */
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

/* A random `count` of the rows that are held leave. */
static int leave(struct shuffle_buffer *s, size_t count, struct batch **out, struct cvt_err *e)
{
	const size_t n = s->held.rows;
	struct rng r;
	free(s->order);
	s->order = mem_alloc(n, sizeof *s->order, e);
	if (!s->order)
		return CVT_SYSTEM;
	/* The highest bit keeps these draws apart from those of the permutations of a data set. */
	rng_for(&r, s->seed, RNG_SHUFFLE, s->epoch, (uint64_t)1 << 63 | s->round++);
	rng_permutation(&r, s->order, n);
	TRY(batch_gather(&s->out, &s->held, s->order, count, e));
	TRY(batch_gather(&s->kept, &s->held, s->order + count, n - count, e));
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
		TRY(leave(s, s->held.rows, out, e));
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
		return leave(s, s->held.rows, out, e);
	*at += is_validation(b, first) ? end - first : count;
	if (is_validation(b, first)) {
		TRY(batch_slice(&s->out, b, first, end - first, e));
		s->out.epoch = b->epoch;
		*out = &s->out;
		return CVT_OK;
	}
	TRY(hold(s, b, first, count, e));
	return s->held.rows == s->rows ? leave(s, s->rows / 2, out, e) : CVT_OK;
}

void shuffle_buffer_close(struct shuffle_buffer *s)
{
	if (!s)
		return;
	batch_free(&s->held);
	batch_free(&s->kept);
	batch_free(&s->out);
	free(s->order);
	free(s);
}
