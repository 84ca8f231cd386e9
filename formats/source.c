/* source: rows in order, from a stream or a data set (see source.h). */
#include "source.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of a batch made from a data set; frames are cut by the writer, so nothing depends on it. */
enum { BATCH_BYTES = 1 << 18, BATCH_ROWS = 4096, RAGGED_ROWS = 16, RAGGED_BYTES = 16 << 20 };

struct source {
	char *name;
	int fd;
	struct stream_reader *stream; /* NULL = data set */
	struct dataset *set;
	struct batch batch;
	size_t at, *pick;
	bool ended;
};

/* Of pictures of different sizes: a few, or one large one. */
static size_t ragged_rows(size_t largest)
{
	const size_t rows = largest ? RAGGED_BYTES / largest : RAGGED_ROWS;
	return rows < 1 ? 1 : rows > RAGGED_ROWS ? RAGGED_ROWS : rows;
}

size_t source_batch_rows(const struct head *h, size_t largest)
{
	size_t bytes = 0, items;
	for (size_t i = 0; i < h->nfields; i++) {
		const struct head_field *f = &h->field[i];
		size_t dims[TENSOR_DIMS];
		for (int k = 0; k < f->ndim; k++)
			dims[k] = f->dims[k] == HEAD_VARIES ? 64 : f->dims[k];
		if (f->flags & FIELD_WHOLE)
			return ragged_rows(largest);
		if (tensor_count(f->ndim, dims, &items, NULL) != CVT_OK)
			return 1;
		bytes += items < SIZE_MAX / 64 ? items * dtype_size(f->dtype) : BATCH_BYTES;
	}
	const size_t rows = bytes ? BATCH_BYTES / bytes : BATCH_ROWS;
	return rows < 1 ? 1 : rows > BATCH_ROWS ? BATCH_ROWS : rows;
}

/* Owns in. */
static int open_input(
	struct source *s, struct input *in, const struct dataset_options *o, struct cvt_err *e)
{
	const unsigned char *start = NULL;
	size_t n = 0;
	s->fd = input_fd(in);
	if (!input_is_folder(in) && input_peek(in, 8, &start, &n, e) != CVT_OK) {
		input_close(in);
		return e ? e->code : CVT_SYSTEM;
	}
	const bool other = o && o->format && strcmp(o->format, "cvt") != 0;
	if (n >= 8 && stream_is_magic(start, n) && !other) {
		TRY(stream_open(&s->stream, in, e));
		stream_limit(s->stream, o && o->max_memory ? o->max_memory : mem_default_budget());
		return CVT_OK;
	}
	TRY(dataset_open_input(&s->set, in, o, e));
	s->pick = mem_alloc(source_batch_rows(&s->set->head, s->set->largest), sizeof *s->pick, e);
	return s->pick ? CVT_OK : CVT_SYSTEM;
}

int source_open_input(
	struct source **to, struct input *in, const struct dataset_options *o, struct cvt_err *e)
{
	struct source *s = mem_alloc(1, sizeof *s, e);
	if (s)
		s->name = mem_strdup(input_name(in), e);
	if (!s || !s->name) {
		free(s);
		input_close(in);
		return CVT_SYSTEM;
	}
	const int code = open_input(s, in, o, e);
	if (code != CVT_OK) {
		source_close(s);
		return code;
	}
	*to = s;
	return CVT_OK;
}

int source_open(
	struct source **s, const char *path, const struct dataset_options *o, struct cvt_err *e)
{
	struct input *in = NULL;
	TRY(input_open(&in, path, e));
	return source_open_input(s, in, o, e);
}

void source_close(struct source *s)
{
	if (!s)
		return;
	if (s->stream)
		stream_close(s->stream);
	dataset_close(s->set);
	batch_free(&s->batch);
	free(s->pick);
	free(s->name);
	free(s);
}

const struct head *source_head(const struct source *s)
{
	return s->stream ? stream_head(s->stream) : &s->set->head;
}

static int next_of_set(
	struct source *s, struct batch **batch, enum stream_event *event, struct cvt_err *e)
{
	const size_t most = source_batch_rows(&s->set->head, s->set->largest),
		     left = s->set->rows - s->at;
	const size_t n = left < most ? left : most;
	*batch = &s->batch;
	if (n == 0) {
		*event = s->ended ? STREAM_DONE : STREAM_EPOCH;
		s->ended = true;
		return CVT_OK;
	}
	for (size_t i = 0; i < n; i++)
		s->pick[i] = s->at + i;
	s->at += n;
	*event = STREAM_BATCH;
	return dataset_read(s->set, s->pick, n, &s->batch, e);
}

int source_next(struct source *s, struct batch **batch, enum stream_event *event, struct cvt_err *e)
{
	return s->stream ? stream_next(s->stream, batch, event, e)
			 : next_of_set(s, batch, event, e);
}

const struct stream_frame *source_other(const struct source *s)
{
	return s->stream ? stream_other(s->stream) : NULL;
}

bool source_is_stream(const struct source *s)
{
	return s->stream != NULL;
}

size_t source_parts(const struct source *s)
{
	return s->stream ? stream_parts(s->stream) : 1;
}

const char *source_name(const struct source *s)
{
	return s->name;
}

int source_fd(const struct source *s)
{
	return s->fd;
}

/* ---- everything at once ------------------------------------------------------------ */

int source_refuse_epochs(const struct source *s, struct cvt_err *e)
{
	return cvt_fail(e, CVT_INPUT,
		"%s: has several epochs where one is wanted; make it with --epochs 1", s->name);
}

int source_refuse_parts(const struct source *s, struct cvt_err *e)
{
	return source_parts(s) < 2
		       ? CVT_OK
		       : cvt_fail(e, CVT_INPUT,
			       "%s: is several streams end to end; name them one by one: cv-read "
			       "a.cvt b.cvt",
			       s->name);
}

int source_read_all(
	struct source *s, struct batch *all, size_t max_memory, bool allow_empty, struct cvt_err *e)
{
	struct batch *b = NULL;
	enum stream_event event = STREAM_BATCH;
	*all = (struct batch){0};
	for (size_t epochs = 0; event != STREAM_DONE;) {
		TRY(source_next(s, &b, &event, e));
		epochs += event == STREAM_EPOCH;
		if (event == STREAM_BATCH && epochs > 0)
			return source_refuse_epochs(s, e);
		if (event == STREAM_BATCH && batch_append(all, b, 0, b->rows, e) != CVT_OK)
			return cvt_fail_at(e, "%s", s->name);
		if (batch_bytes(all) > max_memory)
			return cvt_fail(e, CVT_LIMIT,
				"%s: its rows take more than %zu MiB in memory; raise --max-memory",
				s->name, max_memory >> 20);
	}
	if (all->rows == 0 && !allow_empty)
		return cvt_fail(
			e, CVT_INPUT, "%s: has no rows; --allow-empty lets that pass", s->name);
	return CVT_OK;
}
