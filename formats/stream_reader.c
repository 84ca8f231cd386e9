/*
 * stream_reader: frames in, events out (see stream.h). It is a small machine: the frame at hand,
 * and an EPOC that is held back until the frame after it tells whether the epoch goes on in a
 * further part of a concatenated stream.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "stream.h"
#include "stream_body.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FIRST_CHUNK = 1 << 20 };

/* What a part (HEAD..DONE) promised in its HEAD, and what was counted since. */
struct counts {
	size_t rows, val, epochs; /* promised; HEAD_UNKNOWN */
	uint64_t all_rows, epoch_rows, epoch_val, batches, epochs_seen;
};

struct stream_reader {
	struct input *in;
	struct head head; /* of the first part */
	struct body_reader body_reader;
	struct batch batch;
	struct stream_frame other;

	struct frame frame; /* the frame at hand, with its body */
	bool at_hand;
	uint64_t at, seq; /* where it begins; its number, also of the one that comes next */
	unsigned char *body;
	size_t capacity;
	uint64_t most; /* bytes of a body */

	struct counts part;
	size_t parts;
	uint32_t epoch;
	bool epoch_is_known, epoch_is_held, finished;
};

static int damaged(const struct stream_reader *r, struct cvt_err *e)
{
	return cvt_fail_at(e, "%s: frame %llu at byte %llu", input_name(r->in),
		(unsigned long long)r->seq, (unsigned long long)r->at);
}

static int cut(const struct stream_reader *r, struct cvt_err *e)
{
	cvt_fail(e, CVT_INPUT, "the stream ends here without DONE; what wrote it did not finish");
	damaged(r, e);
	if (e)
		e->upstream = e->cut = true;
	return CVT_INPUT;
}

/* ---- frames ------------------------------------------------------------------------ */

static void free_body(struct stream_reader *r)
{
	if (r->body)
		(void)munmap(r->body, r->capacity);
	r->body = NULL;
	r->capacity = 0;
}

/* A larger body with the `used` bytes that are there already. Pages of its own: a program that opens
 * a thousand streams, one after the other, would break up a heap by a body for each. */
static int grow_body(struct stream_reader *r, size_t used, size_t want, struct cvt_err *e)
{
	if (want <= r->capacity)
		return CVT_OK;
	void *p = mmap(NULL, want, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return cvt_fail(e, CVT_SYSTEM, "%s: out of memory for a frame of %zu bytes",
			input_name(r->in), want);
	if (used)
		memcpy(p, r->body, used);
	free_body(r);
	r->body = p;
	r->capacity = want;
	return CVT_OK;
}

/* Memory grows only as bytes arrive, at most to twice what has come: a header that lies costs
 * nothing. */
static int read_body(struct stream_reader *r, struct cvt_err *e)
{
	const size_t all = (size_t)r->frame.body;
	for (size_t have = 0; have < all;) {
		size_t want = have < FIRST_CHUNK ? FIRST_CHUNK : 2 * have, got;
		want = want < r->capacity ? r->capacity : want;
		want = want < all ? want : all;
		TRY(grow_body(r, have, want, e));
		TRY(input_read(r->in, r->body + have, want - have, &got, e));
		have += got;
		if (have < want)
			return cut(r, e);
	}
	if (frame_crc(0, r->body, all) != r->frame.crc) {
		cvt_fail(e, CVT_INPUT, "the body is damaged (CRC)");
		return damaged(r, e);
	}
	return CVT_OK;
}

/* Reads the next frame whole, unless there is one at hand. */
static int need_frame(struct stream_reader *r, struct cvt_err *e)
{
	unsigned char header[FRAME_BYTES];
	size_t got;
	if (r->at_hand)
		return CVT_OK;
	r->at = input_offset(r->in);
	TRY(input_read(r->in, header, sizeof header, &got, e));
	if (got < sizeof header)
		return cut(r, e);
	int code = frame_unpack(&r->frame, header, e);
	if (code == CVT_OK && r->frame.seq != r->seq)
		code = cvt_fail(e, CVT_INPUT,
			"it says that it is frame %llu; frames were lost or mixed up",
			(unsigned long long)r->frame.seq);
	if (code == CVT_OK && r->frame.body > r->most)
		code = cvt_fail(e, CVT_LIMIT,
			"its rows take %llu MiB, and at most %llu are allowed; raise --max-memory",
			(unsigned long long)(r->frame.body >> 20),
			(unsigned long long)(r->most >> 20));
	if (code != CVT_OK)
		return damaged(r, e);
	TRY(read_body(r, e));
	r->at_hand = true;
	return CVT_OK;
}

/* Done with the frame at hand. */
static void next_frame(struct stream_reader *r)
{
	r->at_hand = false;
	r->seq++;
}

/* ---- HEAD -------------------------------------------------------------------------- */

/* Bytes of a body that is text: up to its padding, which must be NUL. */
static size_t text_bytes(const struct stream_reader *r)
{
	size_t n = (size_t)r->frame.body;
	while (n > 0 && r->body[n - 1] == '\0')
		n--;
	return n;
}

static int read_head(struct stream_reader *r, struct head *h, struct cvt_err *e)
{
	r->seq = 0;
	TRY(need_frame(r, e));
	int code = CVT_OK;
	if (!frame_is(&r->frame, "HEAD"))
		code = cvt_fail(e, CVT_INPUT, "a stream begins with HEAD, not %s", r->frame.type);
	if (code == CVT_OK)
		code = head_parse(h, (const char *)r->body, text_bytes(r), e);
	if (code != CVT_OK)
		return damaged(r, e);
	next_frame(r);
	r->part = (struct counts){.rows = h->rows, .val = h->val, .epochs = h->epochs};
	r->parts++;
	return CVT_OK;
}

static bool same_field(const struct head_field *a, const struct head_field *b)
{
	return b && a->dtype == b->dtype && a->flags == b->flags && a->ndim == b->ndim
	       && memcmp(a->dims, b->dims, (size_t)a->ndim * sizeof *a->dims) == 0;
}

static bool same_classes(const struct head_classes *a, const struct head_classes *b)
{
	if (!b || a->n != b->n)
		return false;
	for (size_t k = 0; k < a->n; k++)
		if (!a->name[k] != !b->name[k]
			|| (a->name[k] && strcmp(a->name[k], b->name[k]) != 0))
			return false;
	return true;
}

static int check_agreement(const struct head *a, const struct head *b, struct cvt_err *e)
{
	bool same = a->nfields == b->nfields;
	for (size_t i = 0; same && i < a->nfields; i++)
		same = same_field(&a->field[i], head_field(b, a->field[i].name));
	if (!same)
		return cvt_fail(e, CVT_INPUT,
			"a further part begins here whose fields are not those of the first");
	same = a->nclasses == b->nclasses;
	for (size_t i = 0; same && i < a->nclasses; i++)
		same = same_classes(&a->classes[i], head_classes(b, a->classes[i].field));
	return same ? CVT_OK
		    : cvt_fail(e, CVT_INPUT,
			    "a further part begins here whose classes are not those of the first");
}

/* The HEAD of a further part of a concatenated stream. */
static int begin_part(struct stream_reader *r, struct cvt_err *e)
{
	struct head h;
	head_init(&h);
	const uint64_t epochs = r->part.epochs_seen, at = input_offset(r->in);
	TRY(read_head(r, &h, e));
	int code = check_agreement(&r->head, &h, e);
	if (code == CVT_OK && (epochs > 1 || (h.epochs != HEAD_UNKNOWN && h.epochs > 1)))
		code = cvt_fail(e, CVT_INPUT,
			"a further part begins here, and only streams of one epoch can be joined; "
			"use cv-read a.cvt b.cvt");
	r->body_reader.index = h.index;
	head_free(&h);
	if (code == CVT_OK)
		return CVT_OK;
	r->seq = 0;
	r->at = at;
	return damaged(r, e);
}

int stream_open(struct stream_reader **to, struct input *in, struct cvt_err *e)
{
	struct stream_reader *r = calloc(1, sizeof *r);
	*to = NULL;
	if (!r) {
		input_close(in);
		return cvt_fail(e, CVT_SYSTEM, "out of memory");
	}
	r->in = in;
	r->most = FRAME_BODY_MOST;
	head_init(&r->head);
	int code = read_head(r, &r->head, e);
	if (code == CVT_OK)
		code = body_start(&r->body_reader, &r->head, e);
	if (code != CVT_OK) {
		stream_close(r);
		return code;
	}
	*to = r;
	return CVT_OK;
}

void stream_limit(struct stream_reader *r, size_t max_memory)
{
	r->most = head_rows_most(max_memory);
}

void stream_close(struct stream_reader *r)
{
	if (!r)
		return;
	body_stop(&r->body_reader);
	batch_free(&r->batch);
	head_free(&r->head);
	input_close(r->in);
	free_body(r);
	free(r);
}

/* ---- the frames that count --------------------------------------------------------- */

static int contradicts(const char *what, uint64_t promised, uint64_t seen, struct cvt_err *e)
{
	return cvt_fail(e, CVT_INPUT, "%s says %llu, but there were %llu", what,
		(unsigned long long)promised, (unsigned long long)seen);
}

/* Frames of rows and EPOC carry the number of the epoch, counted from where the first one begins.
 */
static int check_epoch(struct stream_reader *r, struct cvt_err *e)
{
	if (!r->epoch_is_known)
		r->epoch = r->frame.epoch;
	r->epoch_is_known = true;
	return r->frame.epoch == r->epoch ? CVT_OK
					  : contradicts("epoch", r->frame.epoch, r->epoch, e);
}

static int take_batch(struct stream_reader *r, struct cvt_err *e)
{
	size_t val;
	TRY(check_epoch(r, e));
	TRY(body_read(&r->body_reader, &r->frame, r->body, &r->batch, &val, e));
	r->part.batches++;
	r->part.epoch_rows += r->batch.rows;
	r->part.all_rows += r->batch.rows;
	r->part.epoch_val += val;
	if (r->part.rows != HEAD_UNKNOWN && r->part.epoch_rows > r->part.rows)
		return contradicts("rows of HEAD", r->part.rows, r->part.epoch_rows, e);
	return CVT_OK;
}

/* The counts of the epoch that ends here. */
static int end_epoch(struct stream_reader *r, struct cvt_err *e)
{
	struct counts *c = &r->part;
	if (c->rows != HEAD_UNKNOWN && c->rows != c->epoch_rows)
		return contradicts("rows of HEAD", c->rows, c->epoch_rows, e);
	if (c->val != HEAD_UNKNOWN && c->val != c->epoch_val)
		return contradicts("val of HEAD", c->val, c->epoch_val, e);
	c->epochs_seen++;
	if (c->epochs != HEAD_UNKNOWN && c->epochs_seen > c->epochs)
		return contradicts("epochs of HEAD", c->epochs, c->epochs_seen, e);
	c->epoch_rows = c->epoch_val = 0;
	return CVT_OK;
}

static int take_epoch(struct stream_reader *r, struct cvt_err *e)
{
	TRY(check_epoch(r, e));
	if (r->frame.rows != r->part.epoch_rows)
		return contradicts("EPOC", r->frame.rows, r->part.epoch_rows, e);
	TRY(end_epoch(r, e));
	r->epoch_is_held = true;
	return CVT_OK;
}

/* `epochs E`: E of them, or (after --start-epoch) the numbers up to E - 1. */
static int check_epochs(const struct stream_reader *r, struct cvt_err *e)
{
	const struct counts *c = &r->part;
	const bool none = c->epochs_seen == 0 && (c->rows == 0 || c->rows == HEAD_UNKNOWN);
	const uint64_t next = (uint64_t)r->epoch + (r->epoch_is_held ? 1 : 0);
	if (c->epochs == HEAD_UNKNOWN || none || c->epochs == c->epochs_seen || c->epochs == next)
		return CVT_OK;
	return contradicts("epochs of HEAD", c->epochs, c->epochs_seen, e);
}

static int take_done(struct stream_reader *r, struct cvt_err *e)
{
	struct counts *c = &r->part;
	if (r->frame.rows != c->all_rows)
		return contradicts("DONE (rows)", r->frame.rows, c->all_rows, e);
	if (r->frame.batches != c->batches)
		return contradicts("DONE (batches)", r->frame.batches, c->batches, e);
	if (c->epoch_rows) { /* the last EPOC is missing */
		TRY(end_epoch(r, e));
		r->epoch_is_held = true;
	}
	if (c->epochs_seen == 0 && c->rows != HEAD_UNKNOWN && c->rows != 0)
		return contradicts("rows of HEAD", c->rows, 0, e);
	return check_epochs(r, e);
}

static int take_fail(const struct stream_reader *r, struct cvt_err *e)
{
	const size_t n = text_bytes(r);
	const unsigned char *newline = n ? memchr(r->body, '\n', n) : NULL;
	if (n == 0)
		return cvt_fail(e, CVT_INPUT, "what wrote the stream gave up without a reason");
	cvt_fail(e, CVT_INPUT, "%.*s", (int)(newline ? (size_t)(newline - r->body) : n),
		(const char *)r->body);
	if (e)
		e->upstream = true;
	return CVT_INPUT;
}

static void take_other(struct stream_reader *r)
{
	memcpy(r->other.type, r->frame.type, sizeof r->other.type);
	r->other.n = r->frame.n;
	r->other.epoch = r->frame.epoch;
	r->other.rows = r->frame.rows;
	r->other.bytes = (size_t)r->frame.body;
	r->other.body = r->body;
}

/* After DONE: the end of the input, or a further part. */
static int after_done(struct stream_reader *r, struct cvt_err *e)
{
	const unsigned char *p;
	size_t n;
	next_frame(r);
	TRY(input_peek(r->in, 1, &p, &n, e));
	r->finished = n == 0;
	if (r->finished)
		return CVT_OK;
	r->epoch_is_held = false; /* it goes on */
	return begin_part(r, e);
}

/* An EPOC is given out when the frame after it shows that the epoch is over. */
static bool must_give_epoch(const struct stream_reader *r)
{
	const bool tells =
		r->at_hand && !frame_is(&r->frame, "DONE") && !frame_is_optional(&r->frame);
	return r->epoch_is_held && (r->finished || tells);
}

/* Deals with the frame at hand; *event is set if there is something to give. */
static int take_frame(
	struct stream_reader *r, bool *give, enum stream_event *event, struct cvt_err *e)
{
	const struct frame *f = &r->frame;
	*give = true;
	if (frame_is(f, "BATC")) {
		TRY(take_batch(r, e));
		*give = r->batch.rows > 0;
		*event = STREAM_BATCH;
	} else if (frame_is(f, "EPOC")) {
		*give = false;
		TRY(take_epoch(r, e));
	} else if (frame_is(f, "DONE")) {
		*give = false;
		TRY(take_done(r, e));
	} else if (frame_is_optional(f)) {
		take_other(r);
		*event = STREAM_OTHER;
	} else {
		return cvt_fail(e, CVT_INPUT, "a %s frame cannot stand here, or is not known here",
			f->type);
	}
	return CVT_OK;
}

int stream_next(
	struct stream_reader *r, struct batch **batch, enum stream_event *event, struct cvt_err *e)
{
	*batch = &r->batch;
	for (bool give = false; !give;) {
		if (!r->finished)
			TRY(need_frame(r, e));
		if (must_give_epoch(r)) {
			r->epoch_is_held = false;
			r->epoch++;
			*event = STREAM_EPOCH;
			return CVT_OK;
		}
		if (r->finished) {
			*event = STREAM_DONE;
			return CVT_OK;
		}
		if (frame_is(&r->frame, "FAIL"))
			return take_fail(r, e);
		if (take_frame(r, &give, event, e) != CVT_OK)
			return damaged(r, e);
		if (frame_is(&r->frame, "DONE"))
			TRY(after_done(r, e));
		else
			next_frame(r);
	}
	return CVT_OK;
}

/* ---- what is known ----------------------------------------------------------------- */

bool stream_is_magic(const unsigned char *bytes, size_t n)
{
	return frame_is_magic(bytes, n);
}

const struct head *stream_head(const struct stream_reader *r)
{
	return &r->head;
}

const struct stream_frame *stream_other(const struct stream_reader *r)
{
	return &r->other;
}

size_t stream_parts(const struct stream_reader *r)
{
	return r->parts;
}
