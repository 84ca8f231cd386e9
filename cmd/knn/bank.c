/* bank: the rows that cv-knn searches (see bank.h). */
#include "bank.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CLASSES = 1 << 16 };

int bank_choose_field(const struct head *h, const char *asked, const char *source,
	const struct head_field **field, struct cvt_err *e)
{
	const struct head_field *f = head_field(h, asked ? asked : "embedding");
	if (!f && !asked)
		f = head_field(h, "image");
	if (!f && asked)
		return cvt_fail(e, CVT_INPUT, "%s: there is no field '%s'; see cv-view --head",
			source, asked);
	if (!f)
		return cvt_fail(e, CVT_INPUT,
			"%s: there is neither 'embedding' nor 'image'; make one with cv-embed, or "
			"say --field",
			source);
	if (f->dtype != DT_U1 && f->dtype != DT_F4)
		return cvt_fail(e, CVT_INPUT,
			"%s: field '%s' is %s; only |u1 and <f4 can be compared", source, f->name,
			dtype_name(f->dtype));
	bool fixed = !(f->flags & FIELD_WHOLE);
	for (int i = 0; i < f->ndim; i++)
		fixed = fixed && f->dims[i] != HEAD_VARIES;
	if (!fixed)
		return cvt_fail(e, CVT_INPUT,
			"%s: '%s' differs in size from row to row; put cv-augment resize=32 before",
			source, f->name);
	*field = f;
	return CVT_OK;
}

/* ---- reading ----------------------------------------------------------------------- */

/* The greatest of a row of soft labels; -1 when all are zero. */
static int32_t hard_label(const float *soft, size_t k)
{
	int32_t best = -1;
	float most = 0;
	for (size_t c = 0; c < k; c++)
		if (soft[c] > most) {
			most = soft[c];
			best = (int32_t)c;
		}
	return best;
}

/* Makes soft labels hard, in place. */
static int harden(struct batch *b, struct cvt_err *e)
{
	struct tensor *t = batch_get(b, "label"), hard = {0};
	if (!t || (t->dtype == DT_I4 && t->ndim == 1))
		return CVT_OK;
	if (t->dtype != DT_F4 || t->ndim != 2)
		return cvt_fail(e, CVT_INPUT, "'label' is neither <i4 (N) nor <f4 (N,K)");
	TRY(tensor_shape(&hard, DT_I4, 1, &b->rows, e));
	for (size_t i = 0; i < b->rows; i++)
		((int32_t *)hard.data)[i] =
			hard_label((const float *)t->data + i * t->dims[1], t->dims[1]);
	tensor_free(t);
	*t = hard;
	return CVT_OK;
}

/* Numbers of the rows to keep into pick; returns how many. */
static size_t pick_rows(const struct batch *b, bool labelled, size_t *pick)
{
	const struct tensor *label = batch_get(b, "label"), *part = batch_get(b, "part");
	const int32_t *l = label ? label->data : NULL;
	const int32_t *p = part && part->dtype == DT_I4 && part->ndim == 1 ? part->data : NULL;
	size_t n = 0;
	for (size_t i = 0; i < b->rows; i++)
		if (!labelled || ((!l || l[i] >= 0) && (!p || p[i] != 1)))
			pick[n++] = i;
	return n;
}

/* Leaves nothing but what a bank holds, in a fixed order. */
static int strip(struct batch *b, const char *field, struct cvt_err *e)
{
	for (size_t i = b->n; i-- > 0;) {
		const char *name = b->field[i].name;
		if (strcmp(name, field) != 0 && strcmp(name, "label") != 0
			&& strcmp(name, "index") != 0)
			batch_remove(b, name);
	}
	return harden(b, e);
}

/* The memory of all fields grows by doubling, as rows arrive, but not beyond what HEAD announces.
 */
static int make_room(struct batch *rows, size_t more, size_t announced, struct cvt_err *e)
{
	const size_t now = rows->rows;
	for (size_t i = 0; i < rows->n; i++) {
		struct tensor *t = &rows->field[i].t;
		if (tensor_row_bytes(t) * (now + more) <= t->capacity || announced < now + more)
			continue;
		TRY(tensor_rows(t, announced < 2 * now + more ? announced : 2 * now + more, e));
		TRY(tensor_rows(t, now, e));
	}
	return CVT_OK;
}

static int take(struct bank *b, const struct bank_options *o, struct batch *in, struct cvt_err *e)
{
	struct batch some = {0};
	size_t *pick = mem_alloc(in->rows, sizeof *pick, e), bytes = 0;
	if (!pick)
		return CVT_SYSTEM;
	int code = harden(in, e);
	const size_t n = code == CVT_OK ? pick_rows(in, o->labelled, pick) : 0;
	if (code == CVT_OK)
		code = strip(in, b->field, e);
	if (code == CVT_OK && n < in->rows)
		code = batch_gather(&some, in, pick, n, e);
	const struct batch *from = n < in->rows ? &some : in;
	if (code == CVT_OK && n > 0)
		code = make_room(&b->rows, n, b->head.rows, e);
	if (code == CVT_OK && n > 0)
		code = batch_append(&b->rows, from, 0, n, e);
	for (size_t i = 0; i < b->rows.n; i++)
		bytes += b->rows.field[i].t.bytes;
	if (code == CVT_OK && bytes > o->max_memory)
		code = cvt_fail(e, CVT_LIMIT,
			"the bank needs more than %zu bytes of memory; raise --max-memory, or take "
			"fewer rows "
			"with cv-read --take",
			o->max_memory);
	batch_free(&some);
	free(pick);
	return code;
}

static int read_rows(
	struct bank *b, struct source *s, const struct bank_options *o, struct cvt_err *e)
{
	for (size_t epochs = 0;;) {
		struct batch *in;
		enum stream_event event;
		TRY(source_next(s, &in, &event, e));
		if (source_parts(s) > 1)
			return cvt_fail(e, CVT_INPUT,
				"%s: several streams end to end, whose rows share numbers; join "
				"them with "
				"cv-read a.cvt b.cvt",
				b->name);
		if (event == STREAM_DONE)
			return CVT_OK;
		epochs += event == STREAM_EPOCH;
		if (event != STREAM_BATCH)
			continue;
		if (epochs > 0)
			return cvt_fail(e, CVT_INPUT,
				"%s: several epochs of the same rows; write the bank with --epochs "
				"1",
				b->name);
		if (take(b, o, in, e) != CVT_OK)
			return cvt_fail_at(e, "%s", b->name);
	}
}

static int read_source(
	struct bank *b, struct source *s, const struct bank_options *o, struct cvt_err *e)
{
	const struct head_field *f = NULL;
	b->name = mem_strdup(source_name(s), e);
	if (!b->name)
		return CVT_SYSTEM;
	TRY(head_copy(&b->head, source_head(s), e));
	TRY(bank_choose_field(&b->head, o->field, b->name, &f, e));
	b->field = mem_strdup(f->name, e);
	if (!b->field)
		return CVT_SYSTEM;
	if (o->labelled && !head_field(&b->head, "label"))
		return cvt_fail(e, CVT_INPUT,
			"%s: a bank without 'label' cannot classify; search it with --output "
			"neighbours",
			b->name);
	TRY(read_rows(b, s, o, e));
	if (b->rows.rows == 0)
		return cvt_fail(e, CVT_INPUT, "%s: no rows%s", b->name,
			o->labelled ? " with a class that may be learned from" : "");
	const struct tensor *t = batch_get(&b->rows, b->field);
	b->vectors = (struct knn_bank){t->dtype == DT_F4 ? t->data : NULL,
		t->dtype == DT_U1 ? t->data : NULL, b->rows.rows, tensor_row_items(t)};
	return CVT_OK;
}

int bank_read(struct bank *b, const struct bank_options *o, struct cvt_err *e)
{
	struct source *s = NULL;
	*b = (struct bank){0};
	head_init(&b->head);
	int code = source_open(&s, o->path, &o->data, e);
	if (code == CVT_OK)
		code = read_source(b, s, o, e);
	source_close(s);
	if (code != CVT_OK)
		bank_free(b);
	return code;
}

void bank_free(struct bank *b)
{
	head_free(&b->head);
	batch_free(&b->rows);
	free(b->name);
	free(b->field);
	*b = (struct bank){0};
}

/* ---- classes ----------------------------------------------------------------------- */

/* Both ways: a name that either list lacks is an error. */
static int match_by_name(const struct head_classes *bank, const struct head_classes *queries,
	int32_t **to_queries, struct cvt_err *e)
{
	int32_t *back = NULL;
	TRY(head_match_classes(queries, bank, &back, e));
	free(back);
	return head_match_classes(bank, queries, to_queries, e);
}

/* Renumbers labels by `to` (NULL = not at all, named entries) and finds the greatest. */
static int renumber(
	struct bank *b, const int32_t *to, size_t named, size_t *classes, struct cvt_err *e)
{
	const struct tensor *t = batch_get(&b->rows, "label");
	int32_t *label = t->data;
	for (size_t i = 0; i < b->rows.rows; i++) {
		if (label[i] < 0)
			continue;
		const bool many = label[i] >= MOST_CLASSES;
		const bool nameless = to && ((size_t)label[i] >= named || to[label[i]] < 0);
		if (many || nameless)
			return cvt_fail(e, CVT_INPUT, "%s: row %zu has class %d, %s", b->name, i,
				label[i], many ? "more than can be counted" : "which has no name");
		if (to)
			label[i] = to[label[i]];
		*classes = *classes > (size_t)label[i] ? *classes : (size_t)label[i] + 1;
	}
	return CVT_OK;
}

int bank_match_classes(struct bank *b, const struct head *queries, bool by_number, size_t *classes,
	struct cvt_err *e)
{
	const struct head_classes *ours = head_classes(&b->head, "label");
	const struct head_classes *theirs = head_classes(queries, "label");
	int32_t *to = NULL;
	*classes = theirs ? theirs->n : ours ? ours->n : 0;
	if (ours && theirs && !by_number && match_by_name(ours, theirs, &to, e) != CVT_OK)
		return cvt_fail_at(e, "%s", b->name);
	const int code = renumber(b, to, ours ? ours->n : 0, classes, e);
	free(to);
	return code;
}
