/*
 * cvt: a stream as a data set. It must have one epoch. A file whose rows are wanted in order is read
 * again for them (stream_file.h); a pipe, or rows wanted in another order, are held whole.
 */
#include <stdlib.h>
#include <string.h>

#include "dataset.h"
#include "stream_file.h"

struct rows {
	struct stream_file *file; /* NULL = they are held */
	struct batch held;
};

static int cvt_probe(struct input *in, const unsigned char *start, size_t n)
{
	(void)in;
	return stream_is_magic(start, n) ? 2 : 0;
}

static int check_magic(struct input *in, struct cvt_err *e)
{
	const unsigned char *start;
	size_t n;
	TRY(input_peek(in, 8, &start, &n, e));
	return n >= 8 && stream_is_magic(start, n)
		       ? CVT_OK
		       : cvt_fail(e, CVT_INPUT, "%s: is no stream, or its first bytes are missing",
			       input_name(in));
}

static int open_file(struct dataset *d, struct rows *r, struct input *in,
	const struct dataset_options *o, struct cvt_err *e)
{
	TRY(stream_file_open(&r->file, in, o->max_memory, e));
	d->rows = stream_file_rows(r->file);
	d->index = stream_file_index(r->file);
	d->part = stream_file_part(r->file);
	d->group = stream_file_group(r->file);
	return head_copy(&d->head, stream_file_head(r->file), e);
}

static int hold_source(struct dataset *d, struct batch *all, struct source *s,
	const struct dataset_options *o, struct cvt_err *e)
{
	const int code = source_read_all(s, all, o->max_memory, true, e);
	if (code == CVT_LIMIT)
		return cvt_fail(e, CVT_LIMIT,
			"%s: its rows take more than %zu MiB in memory; raise --max-memory, or %s",
			source_name(s), o->max_memory >> 20,
			o->in_order ? "write them to a file first"
				    : "shuffle them as they go by: cv-read --shuffle-buffer N");
	TRY(code);
	TRY(source_refuse_parts(s, e));
	d->rows = all->rows;
	d->held += batch_bytes(all);
	const struct tensor *index = batch_get(all, "index"), *part = batch_get(all, "part"),
			    *group = batch_get(all, "group");
	if (index && index->dtype == DT_I8 && index->ndim == 1)
		d->index = index->data;
	if (part && part->dtype == DT_I4 && part->ndim == 1)
		d->part = part->data;
	if (group && group->dtype == DT_I8 && group->ndim == 1)
		d->group = group->data;
	return head_copy(&d->head, source_head(s), e);
}

static int hold(struct dataset *d, struct rows *r, struct input *in,
	const struct dataset_options *o, struct cvt_err *e)
{
	const struct dataset_options all = {.max_memory = o->max_memory};
	struct source *s = NULL;
	TRY(source_open_input(&s, in, &all, e));
	const int code = hold_source(d, &r->held, s, o, e);
	source_close(s);
	return code;
}

static int cvt_open(
	struct dataset *d, struct input *in, const struct dataset_options *o, struct cvt_err *e)
{
	struct rows *r = d->state = mem_alloc(1, sizeof *r, e);
	size_t chosen;
	int code = r ? dataset_choose_split(input_name(in), NULL, 0, o, &chosen, e) : CVT_SYSTEM;
	if (code == CVT_OK)
		code = check_magic(in, e);
	if (code != CVT_OK) {
		input_close(in);
		return code;
	}
	if (o->in_order && input_can_seek(in) && input_path(in))
		return open_file(d, r, in, o, e);
	return hold(d, r, in, o, e);
}

static int cvt_read(
	struct dataset *d, const size_t *pick, size_t n, struct batch *out, struct cvt_err *e)
{
	struct rows *r = d->state;
	return r->file ? stream_file_read(r->file, pick, n, out, e)
		       : batch_gather(out, &r->held, pick, n, e);
}

static int cvt_labels(struct dataset *d, int32_t *label, struct cvt_err *e)
{
	const struct rows *r = d->state;
	const int32_t *from =
		r->file ? stream_file_label(r->file) : batch_get(&r->held, "label")->data;
	(void)e;
	if (d->rows)
		memcpy(label, from, d->rows * sizeof *label);
	return CVT_OK;
}

static void cvt_rest(struct dataset *d)
{
	struct rows *r = d->state;
	if (r->file)
		stream_file_rest(r->file);
}

static void cvt_close(struct dataset *d)
{
	struct rows *r = d->state;
	stream_file_close(r->file);
	batch_free(&r->held);
	free(r);
}

const struct format format_cvt = {
	.name = "cvt",
	.help = "streams of this suite (cv-stream(5))",
	.probe = cvt_probe,
	.open = cvt_open,
	.read = cvt_read,
	.close = cvt_close,
	.rest = cvt_rest,
	.labels = cvt_labels,
};
