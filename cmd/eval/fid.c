/* eval_fid: two streams of features to one distance (see fid.h). */
#include "fid.h"

#include "rows.h"

#include "../../libcore/metric/fid.h"

static int features(const struct source *s, const char *field, size_t *D, struct cvt_err *e)
{
	const struct head_field *f = head_field(source_head(s), field);
	if (!f || f->dtype != DT_F4 || (f->flags & FIELD_WHOLE) || f->ndim == 0)
		return cvt_fail(e, CVT_INPUT,
			"%s: has no features (<f4) in '%s'; cv-embed -w MODEL makes them",
			source_name(s), field);
	return tensor_count(f->ndim, f->dims, D, e);
}

/* The rows of a batch that count. */
static int add_rows(
	struct fid_set *to, const struct eval_fid *o, const struct batch *b, struct cvt_err *e)
{
	const float *row = batch_get(b, o->field)->data;
	const int32_t *part = o->by_part ? batch_get(b, "part")->data : NULL;
	if (!part)
		return fid_add(to, row, b->rows, e);
	for (size_t i = 0; i < b->rows; i++)
		if (part[i] == o->part)
			TRY(fid_add(to, row + i * to->D, 1, e));
	return CVT_OK;
}

static int read_all(
	struct source *s, const struct eval_fid *o, struct fid_set *to, struct cvt_err *e)
{
	bool ended = false;
	size_t D = 0;
	TRY(features(s, o->field, &D, e));
	if (o->by_part)
		TRY(eval_check_part(source_head(s), source_name(s), e));
	if (fid_open(to, D, e) != CVT_OK)
		return cvt_fail_at(e, "%s", source_name(s));
	for (;;) {
		struct batch *b;
		enum stream_event event;
		TRY(source_next(s, &b, &event, e));
		if (event == STREAM_DONE)
			return CVT_OK;
		if (event == STREAM_BATCH && ended)
			return cvt_fail(e, CVT_INPUT,
				"%s: several epochs, which hold the same rows again; cv-read "
				"--epochs 1",
				source_name(s));
		if (event == STREAM_BATCH && add_rows(to, o, b, e) != CVT_OK)
			return cvt_fail_at(e, "%s", source_name(s));
		ended = ended || event == STREAM_EPOCH;
	}
}

/* All rows of it. */
static int read_reference(const struct eval_fid *o, const struct dataset_options *reading,
	struct fid_set *to, struct cvt_err *e)
{
	const struct eval_fid whole = {.field = o->field};
	struct source *s;
	TRY(source_open(&s, o->reference, reading, e));
	const int code = read_all(s, &whole, to, e);
	source_close(s);
	return code;
}

int eval_fid(struct source *in, const struct eval_fid *o, const struct dataset_options *reading,
	struct report *to, struct cvt_err *e)
{
	struct fid_set truth = {0}, made = {0};
	double distance = 0;
	int code = read_reference(o, reading, &truth, e);
	if (code == CVT_OK)
		code = read_all(in, o, &made, e);
	if (code == CVT_OK && fid_distance(&truth, &made, &distance, e) != CVT_OK)
		code = cvt_fail_at(e, "%s against %s", source_name(in), o->reference);
	if (code == CVT_OK)
		code = report_share(to, "fid", distance, e);
	if (code == CVT_OK)
		code = report_count(to, "rows", made.rows, e);
	if (code == CVT_OK)
		code = report_count(to, "reference", truth.rows, e);
	fid_free(&truth);
	fid_free(&made);
	return code;
}
