/* stream_file: a stream in a file, read in order without being held (see stream_file.h). */
#include "stream_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One number of each row, kept. */
struct column {
	const char *name;
	enum dtype dtype;
	bool known;
	void *p;
	size_t capacity;
};

enum { INDEX, PART, LABEL, GROUP, COLUMNS };

struct stream_file {
	char *path;
	size_t max_memory;
	struct stat was; /* when it was read through */
	struct head head;
	size_t rows;
	struct column column[COLUMNS];
	/* while its rows are wanted */
	struct source *source;
	struct batch *batch; /* rows [first, first + batch->rows) */
	size_t first;
	struct batch piece;
	size_t *place, places;
};

/* ---- reading it through ------------------------------------------------------------ */

static int keep_column(struct column *c, size_t rows, const struct batch *b, struct cvt_err *e)
{
	const struct tensor *t = batch_get(b, c->name);
	c->known = c->known && t && t->dtype == c->dtype && t->ndim == 1;
	if (!c->known)
		return CVT_OK;
	const size_t size = dtype_size(c->dtype);
	TRY(mem_grow(&c->p, &c->capacity, rows + b->rows, size, e));
	memcpy((char *)c->p + rows * size, t->data, b->rows * size);
	return CVT_OK;
}

static int read_through(struct stream_file *f, struct source *s, struct cvt_err *e)
{
	enum stream_event event = STREAM_BATCH;
	for (size_t epochs = 0; event != STREAM_DONE;) {
		struct batch *b;
		TRY(source_next(s, &b, &event, e));
		epochs += event == STREAM_EPOCH;
		if (event != STREAM_BATCH)
			continue;
		if (epochs > 0)
			return source_refuse_epochs(s, e);
		for (size_t i = 0; i < COLUMNS; i++)
			TRY(keep_column(&f->column[i], f->rows, b, e));
		f->rows += b->rows;
	}
	return source_refuse_parts(s, e);
}

static int understand(struct stream_file *f, struct source *s, struct cvt_err *e)
{
	static const struct column columns[COLUMNS] = {
		[INDEX] = {.name = "index", .dtype = DT_I8, .known = true},
		[PART] = {.name = "part", .dtype = DT_I4, .known = true},
		[LABEL] = {.name = "label", .dtype = DT_I4, .known = true},
		[GROUP] = {.name = "group", .dtype = DT_I8, .known = true},
	};
	memcpy(f->column, columns, sizeof columns);
	if (fstat(source_fd(s), &f->was) != 0)
		return cvt_fail_errno(e, "%s", source_name(s));
	TRY(head_copy(&f->head, source_head(s), e));
	return read_through(f, s, e);
}

int stream_file_open(
	struct stream_file **to, struct input *in, size_t max_memory, struct cvt_err *e)
{
	const struct dataset_options o = {.max_memory = max_memory};
	struct source *s = NULL;
	struct stream_file *f = mem_alloc(1, sizeof *f, e);
	if (!f || !(f->path = mem_strdup(input_path(in), e))) {
		free(f);
		input_close(in);
		return CVT_SYSTEM;
	}
	f->max_memory = max_memory;
	head_init(&f->head);
	int code = source_open_input(&s, in, &o, e);
	if (code == CVT_OK)
		code = understand(f, s, e);
	source_close(s);
	if (code == CVT_OK)
		*to = f;
	else
		stream_file_close(f);
	return code;
}

void stream_file_close(struct stream_file *f)
{
	if (!f)
		return;
	stream_file_rest(f);
	for (size_t i = 0; i < COLUMNS; i++)
		free(f->column[i].p);
	head_free(&f->head);
	free(f->path);
	free(f);
}

/* ---- rows -------------------------------------------------------------------------- */

void stream_file_rest(struct stream_file *f)
{
	source_close(f->source);
	f->source = NULL;
	f->batch = NULL;
	batch_free(&f->piece);
	free(f->place);
	f->place = NULL;
	f->places = 0;
}

static int begin_again(struct stream_file *f, struct cvt_err *e)
{
	const struct dataset_options o = {.max_memory = f->max_memory};
	struct stat now;
	stream_file_rest(f);
	f->first = 0;
	TRY(source_open(&f->source, f->path, &o, e));
	if (fstat(source_fd(f->source), &now) != 0)
		return cvt_fail_errno(e, "%s", source_name(f->source));
	if (now.st_dev != f->was.st_dev || now.st_ino != f->was.st_ino
		|| now.st_size != f->was.st_size || now.st_mtim.tv_sec != f->was.st_mtim.tv_sec
		|| now.st_mtim.tv_nsec != f->was.st_mtim.tv_nsec)
		return cvt_fail(
			e, CVT_INPUT, "%s: was changed while it was read", source_name(f->source));
	return CVT_OK;
}

/* Reads on until the batch at hand, *batch, has that row. */
static int seek_row(
	struct stream_file *f, size_t row, const struct batch **batch, struct cvt_err *e)
{
	if (!f->source || row < f->first)
		TRY(begin_again(f, e));
	while (!f->batch || row >= f->first + f->batch->rows) {
		enum stream_event event;
		struct batch *b;
		const size_t after = f->first + (f->batch ? f->batch->rows : 0);
		f->batch = NULL;
		TRY(source_next(f->source, &b, &event, e));
		if (event == STREAM_DONE)
			return cvt_fail(e, CVT_INPUT, "%s: was changed while it was read",
				source_name(f->source));
		f->first = after;
		f->batch = event == STREAM_BATCH ? b : NULL;
	}
	*batch = f->batch;
	return CVT_OK;
}

static int make_places(struct stream_file *f, size_t n, struct cvt_err *e)
{
	if (n <= f->places)
		return CVT_OK;
	free(f->place);
	f->places = 0;
	f->place = mem_alloc(n, sizeof *f->place, e);
	if (!f->place)
		return CVT_SYSTEM;
	f->places = n;
	return CVT_OK;
}

int stream_file_read(
	struct stream_file *f, const size_t *pick, size_t n, struct batch *out, struct cvt_err *e)
{
	for (size_t i = 0, k; i < n; i += k) {
		const struct batch *b = NULL;
		TRY(seek_row(f, pick[i], &b, e));
		TRY(make_places(f, n, e));
		for (k = 0;
			i + k < n && pick[i + k] >= f->first && pick[i + k] - f->first < b->rows;
			k++)
			f->place[k] = pick[i + k] - f->first;
		TRY(batch_gather(i ? &f->piece : out, b, f->place, k, e));
		if (i)
			TRY(batch_append(out, &f->piece, 0, k, e));
	}
	return CVT_OK;
}

/* ---- what is known ----------------------------------------------------------------- */

const struct head *stream_file_head(const struct stream_file *f)
{
	return &f->head;
}

size_t stream_file_rows(const struct stream_file *f)
{
	return f->rows;
}

const int64_t *stream_file_index(const struct stream_file *f)
{
	return f->column[INDEX].known ? f->column[INDEX].p : NULL;
}

const int32_t *stream_file_part(const struct stream_file *f)
{
	return f->column[PART].known ? f->column[PART].p : NULL;
}

const int32_t *stream_file_label(const struct stream_file *f)
{
	return f->column[LABEL].known ? f->column[LABEL].p : NULL;
}

const int64_t *stream_file_group(const struct stream_file *f)
{
	return f->column[GROUP].known ? f->column[GROUP].p : NULL;
}
