/*
 * stream_writer: rows in, frames out (see stream.h). A frame is closed after the row that fills it,
 * or, where rows are grouped, before the first row of the next group; so where frames are cut
 * depends on the rows alone.
 */
#include "stream.h"
#include "stream_gather.h"

#include <stdlib.h>
#include <string.h>

enum { FULL = 512 << 10 }; /* bytes of rows that fill a frame */

struct stream_writer {
	struct output *out;
	struct head head;    /* as it was written */
	struct head settled; /* with the fields as the first rows made them */
	struct gather gather;
	uint64_t seq, rows, batches, epoch_rows; /* of this part */
	uint32_t epoch, first_epoch;
	bool epoch_is_known; /* rows or an EPOC were put */
	size_t cost;         /* of the rows since the last frame */
	int64_t last_group;
};

/* ---- frames ------------------------------------------------------------------------ */

/* Writes f, whose body is pieces 1..pieces-1; piece 0 is for the header. */
static int write_frame(struct stream_writer *w, struct frame *f, struct iovec *piece, size_t pieces,
	struct cvt_err *e)
{
	unsigned char header[FRAME_BYTES];
	f->seq = w->seq++;
	frame_pack(f, header);
	piece[0] = (struct iovec){header, sizeof header};
	return output_writev(w->out, piece, pieces, e);
}

/* A frame whose body is n bytes, padded here. */
static int write_bytes(
	struct stream_writer *w, struct frame *f, const void *bytes, size_t n, struct cvt_err *e)
{
	const size_t padded = frame_padded(n);
	unsigned char *body = mem_alloc(padded, 1, e);
	if (!body)
		return CVT_SYSTEM;
	if (n)
		memcpy(body, bytes, n);
	struct iovec piece[2] = {{0}, {body, padded}};
	f->body = padded;
	f->crc = frame_crc(0, body, padded);
	const int code = write_frame(w, f, piece, 2, e);
	free(body);
	return code;
}

static struct frame new_frame(const char *type, uint32_t epoch)
{
	struct frame f = {.epoch = epoch};
	memcpy(f.type, type, 4);
	return f;
}

static int write_head(struct stream_writer *w, struct cvt_err *e)
{
	struct frame f = new_frame("HEAD", 0);
	struct str text = {0};
	int code = head_format(&w->head, &text, e);
	w->seq = w->rows = w->batches = w->epoch_rows = 0;
	if (code == CVT_OK)
		code = write_bytes(w, &f, text.p, text.n, e);
	free(text.p);
	return code;
}

static int write_done(struct stream_writer *w, struct cvt_err *e)
{
	struct frame f = new_frame("DONE", w->epoch ? w->epoch - 1 : 0);
	f.rows = w->rows;
	f.batches = w->batches;
	return write_bytes(w, &f, NULL, 0, e);
}

/* ---- rows -------------------------------------------------------------------------- */

/* Sends what is gathered together with rows [first, end) of the mapped batch, as one frame. */
static int send_rows(struct stream_writer *w, size_t first, size_t end, struct cvt_err *e)
{
	struct frame f = new_frame("BATC", w->epoch);
	size_t pieces = 0;
	if (w->gather.rows == 0 && end > first)
		TRY(gather_lay_out_mapped(&w->gather, first, end - first, &f, &pieces, e));
	else {
		if (end > first)
			TRY(gather_rows(&w->gather, first, end - first, e));
		TRY(gather_lay_out(&w->gather, &f, &pieces, e));
	}
	gather_clear(&w->gather);
	w->cost = 0;
	w->batches++;
	w->rows += f.rows;
	w->epoch_rows += f.rows;
	return write_frame(w, &f, w->gather.piece, pieces, e);
}

static int send_gathered(struct stream_writer *w, struct cvt_err *e)
{
	return w->gather.rows ? send_rows(w, 0, 0, e) : CVT_OK;
}

/* The column that says which rows belong together; NULL when there is none. */
static const struct tensor *group_of(const struct batch *b)
{
	const struct tensor *t = batch_get(b, "group");
	return t && t->dtype == DT_I8 && t->ndim == 1 ? t : NULL;
}

/* Cuts the rows of the mapped batch into frames; what does not fill one is gathered. */
static int put_rows(struct stream_writer *w, const struct batch *b, struct cvt_err *e)
{
	const struct tensor *group = group_of(b);
	size_t first = 0;
	for (size_t r = 0; r < b->rows; r++) {
		const int64_t g = group ? ((const int64_t *)group->data)[r] : 0;
		if (w->cost >= FULL && (!group || g != w->last_group)) {
			TRY(send_rows(w, first, r, e));
			first = r;
		}
		w->last_group = g;
		w->cost += gather_cost(&w->gather, r);
		if (w->cost >= FULL && !group) {
			TRY(send_rows(w, first, r + 1, e));
			first = r + 1;
		}
	}
	return first < b->rows ? gather_rows(&w->gather, first, b->rows - first, e) : CVT_OK;
}

int stream_put(struct stream_writer *w, const struct batch *b, struct cvt_err *e)
{
	if (b->rows == 0)
		return CVT_OK;
	if (!w->epoch_is_known)
		w->epoch = w->first_epoch = b->epoch;
	w->epoch_is_known = true;
	int code = gather_map(&w->gather, b, e);
	if (code != CVT_OK)
		return cvt_fail_at(e, "%s", output_name(w->out));
	if (gather_constants_differ(&w->gather))
		TRY(send_gathered(w, e));
	return put_rows(w, b, e);
}

int stream_flush(struct stream_writer *w, struct cvt_err *e)
{
	return head_field(&w->head, "group") ? CVT_OK : send_gathered(w, e);
}

/* ---- epochs and parts -------------------------------------------------------------- */

int stream_put_epoch(struct stream_writer *w, struct cvt_err *e)
{
	TRY(send_gathered(w, e));
	if (w->head.rows != HEAD_UNKNOWN && w->head.rows != w->epoch_rows)
		return cvt_fail(e, CVT_INPUT, "%s: an epoch of %llu rows, but HEAD promised %zu",
			output_name(w->out), (unsigned long long)w->epoch_rows, w->head.rows);
	struct frame f = new_frame("EPOC", w->epoch);
	f.rows = w->epoch_rows;
	w->epoch_is_known = true;
	w->epoch++;
	w->epoch_rows = 0;
	return write_bytes(w, &f, NULL, 0, e);
}

/* EPOC if rows were put since the last one, then DONE. */
static int end_part(struct stream_writer *w, struct cvt_err *e)
{
	if (w->gather.rows || w->epoch_rows)
		TRY(stream_put_epoch(w, e));
	return write_done(w, e);
}

int stream_put_part(struct stream_writer *w, struct cvt_err *e)
{
	TRY(end_part(w, e));
	w->head.rows = w->head.val = w->head.epochs = w->head.index = HEAD_UNKNOWN;
	w->epoch = w->first_epoch; /* the parts are one epoch */
	return write_head(w, e);
}

int stream_put_other(struct stream_writer *w, const struct stream_frame *f, struct cvt_err *e)
{
	struct frame out = {.n = f->n, .epoch = f->epoch, .rows = f->rows};
	TRY(stream_flush(w, e));
	memcpy(out.type, f->type, 4);
	return write_bytes(w, &out, f->body, f->bytes, e);
}

/* ---- beginning and end ------------------------------------------------------------- */

static void writer_free(struct stream_writer *w)
{
	gather_stop(&w->gather);
	head_free(&w->head);
	head_free(&w->settled);
	free(w);
}

static int begin(struct stream_writer *w, const struct head *h, struct cvt_err *e)
{
	head_init(&w->head);
	head_init(&w->settled);
	TRY(head_copy(&w->head, h, e));
	if (!head_field(h, "part") && h->val) /* it was dropped, and readers count by it */
		w->head.val = HEAD_UNKNOWN;
	TRY(head_settle_ragged(&w->head, e));
	TRY(head_copy(&w->settled, &w->head, e));
	TRY(gather_start(&w->gather, &w->settled, e));
	return write_head(w, e);
}

int stream_create(
	struct stream_writer **to, struct output *out, const struct head *h, struct cvt_err *e)
{
	struct stream_writer *w = calloc(1, sizeof *w);
	*to = NULL;
	if (!w) {
		output_abandon(out);
		return cvt_fail(e, CVT_SYSTEM, "out of memory");
	}
	w->out = out;
	const int code = begin(w, h, e);
	if (code == CVT_OK) {
		*to = w;
		return CVT_OK;
	}
	output_abandon(out);
	writer_free(w);
	return code;
}

int stream_finish(struct stream_writer *w, struct cvt_err *e)
{
	int code = end_part(w, e);
	if (code == CVT_OK)
		code = output_commit(w->out, e);
	else
		output_abandon(w->out);
	writer_free(w);
	return code;
}

/* The line of FAIL: "PROGRAM: reason", or the reason of the first program as it came. */
static int fail_text(struct str *text, const char *program, const struct cvt_err *why)
{
	if (!why->upstream || why->cut)
		TRY(str_printf(text, NULL, "%s: ", program));
	TRY(str_puts(text, why->text, NULL));
	text->n = text->n < FRAME_FAIL_MOST ? text->n : FRAME_FAIL_MOST;
	for (size_t i = 0; i < text->n; i++)
		if (text->p[i] == '\n')
			text->p[i] = ' ';
	return CVT_OK;
}

bool stream_give_up(struct stream_writer *w, const char *program, const struct cvt_err *why)
{
	bool told = false;
	if (!w)
		return false;
	if (output_in_place(w->out)) {
		struct frame f = new_frame("FAIL", w->epoch);
		struct str text = {0};
		told = fail_text(&text, program, why) == CVT_OK
		       && write_bytes(w, &f, text.p, text.n, NULL) == CVT_OK
		       && output_is_pipe(w->out);
		free(text.p);
	}
	output_abandon(w->out);
	writer_free(w);
	return told;
}
