/* A source for the tests of the training loop: blobs of K classes in D dimensions, ROWS rows an epoch of
 * which the last VAL validate, in frames of any size, in groups, cut or hanging at a chosen row. */
#ifndef CVT_TEST_TRAIN_BLOBS_H
#define CVT_TEST_TRAIN_BLOBS_H

#include "../../libcore/rng.h"
#include "../../libcore/train.h"

#include <unistd.h>

enum { D = 6, K = 5, ROWS = 210, VAL = 40 };

struct blobs {
	size_t epochs, frame; /* rows a frame */
	size_t fail_epoch, fail_row;
	bool fails, hangs, other; /* at that row; other = rows with other numbers */
	size_t first_epoch;
	size_t group; /* rows a group; 0 = none */
	/* where it is */
	size_t epoch, row;
	bool begun;
	struct batch b;
	int pipe[2];
};

static int add(
	struct batch *b, const char *name, enum dtype type, size_t rows, size_t width, void **p)
{
	struct cvt_err e;
	const size_t dims[2] = {rows, width};
	struct field *f = batch_add(b, name, &e);
	if (!f || tensor_shape(&f->t, type, width ? 2 : 1, dims, &e) != 0)
		return CVT_SYSTEM;
	*p = f->t.data;
	return CVT_OK;
}

/* Row r of an epoch: the same in all of them, in an order that the epoch decides. */
static void fill(const struct blobs *s, size_t at, float *x, int32_t *label, int64_t *index)
{
	struct rng r;
	const size_t train = ROWS - VAL;
	const size_t k = at < train && !s->group ? (at * 13 + s->epoch * 17) % train : at;
	rng_for(&r, 5, RNG_METHOD, k, 0);
	*label = (int32_t)(k % K);
	*index = (int64_t)k + (s->other ? 1000 : 0);
	for (size_t d = 0; d < D; d++)
		x[d] = 0.5f * rng_normal(&r) + ((size_t)*label == d ? 2.0f : 0.0f);
}

static int make_rows(struct blobs *s, size_t n, struct cvt_err *e)
{
	void *x, *label, *index, *part, *group;
	struct batch *b = &s->b;
	b->n = 0;
	if (add(b, "embedding", DT_F4, n, D, &x) || add(b, "label", DT_I4, n, 0, &label)
		|| add(b, "index", DT_I8, n, 0, &index) || add(b, "part", DT_I4, n, 0, &part)
		|| (s->group && add(b, "group", DT_I8, n, 0, &group)))
		return cvt_fail(e, CVT_SYSTEM, "no memory");
	for (size_t i = 0; i < n; i++) {
		const size_t at = s->row + i;
		fill(s, at, (float *)x + i * D, (int32_t *)label + i, (int64_t *)index + i);
		((int32_t *)part)[i] = at >= ROWS - VAL;
		if (s->group)
			((int64_t *)group)[i] = (int64_t)(at / s->group);
	}
	b->rows = n;
	b->epoch = (uint32_t)s->epoch;
	return CVT_OK;
}

static int next(void *context, struct batch **rows, enum train_event *event, struct cvt_err *e)
{
	struct blobs *s = context;
	if (!s->begun)
		s->epoch = s->first_epoch;
	s->begun = true;
	const bool here = s->epoch == s->fail_epoch && s->row >= s->fail_row;
	if (here && s->fails)
		return cvt_fail(e, CVT_INPUT, "the input is cut");
	if (here && s->hangs) {
		char byte;
		return read(s->pipe[0], &byte, 1) < 0 ? CVT_SYSTEM : CVT_INPUT;
	}
	*rows = &s->b;
	if (s->epoch == s->epochs) {
		*event = TRAIN_DONE;
		return CVT_OK;
	}
	if (s->row == ROWS) {
		s->row = 0;
		s->epoch++;
		*event = TRAIN_EPOCH;
		return CVT_OK;
	}
	size_t n = ROWS - s->row < s->frame ? ROWS - s->row : s->frame;
	if (s->group)
		n = n < s->group ? s->group : n / s->group * s->group;
	if (n > ROWS - s->row)
		n = ROWS - s->row;
	TRY(make_rows(s, n, e));
	s->row += n;
	*event = TRAIN_ROWS;
	return CVT_OK;
}

#endif
