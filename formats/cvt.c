/*
 * cvt: a stream as a data set: held whole, because its rows are wanted in another order, or more
 * than once. It must have one epoch.
 */
#include <stdlib.h>

#include "dataset.h"
#include "source.h"

static int cvt_probe(struct input *in, const unsigned char *start, size_t n)
{
	(void)in;
	return stream_is_magic(start, n) ? 2 : 0;
}

/* The stream itself, whatever format was named; owns in. */
static int open_stream(struct source **s, struct input *in, const struct dataset_options *options,
	struct cvt_err *e)
{
	const unsigned char *start;
	size_t n;
	struct dataset_options o = *options;
	o.format = NULL;
	int code = input_peek(in, 8, &start, &n, e);
	if (code == CVT_OK && (n < 8 || !stream_is_magic(start, n)))
		code = cvt_fail(e, CVT_INPUT, "%s: is no stream, or its first bytes are missing",
			input_name(in));
	if (code == CVT_OK)
		return source_open_input(s, in, &o, e);
	input_close(in);
	return code;
}

static int cvt_open(
	struct dataset *d, struct input *in, const struct dataset_options *o, struct cvt_err *e)
{
	struct source *s = NULL;
	struct batch *all = mem_alloc(1, sizeof *all, e);
	size_t chosen;
	int code = all ? dataset_choose_split(input_name(in), NULL, 0, o, &chosen, e) : CVT_SYSTEM;
	d->state = all;
	if (code != CVT_OK) {
		input_close(in);
		return code;
	}
	TRY(open_stream(&s, in, o, e));
	code = source_read_all(s, all, o->max_memory, true, e);
	if (code == CVT_OK && source_parts(s) > 1)
		code = cvt_fail(e, CVT_INPUT,
			"%s: is several streams end to end; name them one by one: cv-read a.cvt "
			"b.cvt",
			source_name(s));
	if (code == CVT_OK)
		code = head_copy(&d->head, source_head(s), e);
	source_close(s);
	TRY(code);
	d->rows = all->rows;
	for (size_t i = 0; i < all->n; i++)
		d->held += all->field[i].t.bytes;
	const struct tensor *index = batch_get(all, "index"), *part = batch_get(all, "part");
	if (index && index->dtype == DT_I8 && index->ndim == 1)
		d->index = index->data;
	if (part && part->dtype == DT_I4 && part->ndim == 1)
		d->part = part->data;
	return CVT_OK;
}

static int cvt_read(
	struct dataset *d, const size_t *pick, size_t n, struct batch *out, struct cvt_err *e)
{
	return batch_gather(out, d->state, pick, n, e);
}

static int cvt_labels(struct dataset *d, int32_t *label, struct cvt_err *e)
{
	const int32_t *from = batch_get(d->state, "label")->data;
	(void)e;
	for (size_t i = 0; i < d->rows; i++)
		label[i] = from[i];
	return CVT_OK;
}

static void cvt_close(struct dataset *d)
{
	batch_free(d->state);
	free(d->state);
}

const struct format format_cvt = {
	.name = "cvt",
	.help = "streams of this suite (cv-stream(5))",
	.probe = cvt_probe,
	.open = cvt_open,
	.read = cvt_read,
	.close = cvt_close,
	.labels = cvt_labels,
};
