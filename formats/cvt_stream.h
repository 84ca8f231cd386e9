/*
 * cvt_stream: streams of cv-stream(5) for programs of others, in one header that stands on libc
 * alone, for C99 and C++11; copy it, or build with `pkg-config --cflags cvtools`. Licence: MIT, as all of cvtools.
 * The suite itself does not use it: it is a third implementation of the page.
 *
 * A producer:                                  A consumer:
 *
 *   struct cvt_field f[] = {                     struct cvt_reader r;
 *       {"image", "|u1", 3, {8, 8, 3}},          int event = cvt_read_head(&r, stdin);
 *       {"label", "<i4", 0, {0}},                while ((event = cvt_read(&r)) > 0)
 *       {"index", "<i8", 0, {0}}};                   if (event == CVT_ROWS) {
 *   struct cvt_writer w;                                 const struct cvt_tensor *t =
 *   const void *data[] = {image, label, index};              cvt_tensor(&r, "image");
 *   cvt_write_head(&w, stdout, f, 3,                     ... t->data, t->dims[0] == r.rows
 *       "class 0 cat\nclass 1 dog\n");               }
 *   cvt_write_rows(&w, n, data);                 if (event < 0)
 *   cvt_write_epoch(&w);                             fprintf(stderr, "%s\n", r.error);
 *   cvt_write_done(&w);                          cvt_read_end(&r);
 *
 * A producer that has to give up calls cvt_write_fail instead of cvt_write_done; one that dies
 * before cvt_write_done leaves a stream that every reader refuses. Machines that keep the most
 * important byte first are not served.
 */
#ifndef CVT_STREAM_PUBLIC_H
#define CVT_STREAM_PUBLIC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__)
#define CVT_INLINE static inline __attribute__((unused))
#else
#define CVT_INLINE static inline
#endif

enum { CVT_DIMS = 7, CVT_NAME = 48, CVT_BLOCK = 64, CVT_DESCRIPTOR = 128, CVT_MOST_FIELDS = 64 };

/* ---- frames ------------------------------------------------------------------------ */

static const char cvt_magic[8] = {'\x89', 'C', 'V', 'T', '\r', '\n', '\x1a', '\n'};

/* CRC-32 as zlib's crc32(crc, p, n), four bits at a time. */
CVT_INLINE uint32_t cvt_crc(uint32_t crc, const void *bytes, size_t n)
{
	static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8,
		0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	const unsigned char *p = (const unsigned char *)bytes;
	crc = ~crc;
	for (size_t i = 0; i < n; i++) {
		crc = table[(crc ^ p[i]) & 15] ^ crc >> 4;
		crc = table[(crc ^ (uint32_t)(p[i] >> 4)) & 15] ^ crc >> 4;
	}
	return ~crc;
}

CVT_INLINE size_t cvt_padding(uint64_t n)
{
	return (size_t)((CVT_BLOCK - n % CVT_BLOCK) % CVT_BLOCK);
}

/* Bytes of an item of that type; 0 = no such type. */
CVT_INLINE size_t cvt_item(const char *dtype)
{
	return strcmp(dtype, "|u1") == 0   ? 1
	       : strcmp(dtype, "<i8") == 0 ? 8
	       : strcmp(dtype, "<i4") == 0 ? 4
	       : strcmp(dtype, "<f4") == 0 ? 4
					   : 0;
}

/* The 64 bytes before a body; its CRC is already known. */
CVT_INLINE void cvt_pack(unsigned char to[CVT_BLOCK], const char *type, uint64_t seq, uint64_t body,
	uint32_t n, uint32_t epoch, uint64_t rows, uint64_t batches, uint32_t crc)
{
	const uint16_t version = 1;
	memset(to, 0, CVT_BLOCK);
	memcpy(to, cvt_magic, 8);
	memcpy(to + 8, type, 4);
	memcpy(to + 12, &version, 2);
	memcpy(to + 16, &seq, 8);
	memcpy(to + 24, &body, 8);
	memcpy(to + 32, &n, 4);
	memcpy(to + 36, &epoch, 4);
	memcpy(to + 40, &rows, 8);
	memcpy(to + 48, &batches, 8);
	memcpy(to + 56, &crc, 4);
	crc = cvt_crc(0, to, 60);
	memcpy(to + 60, &crc, 4);
}

/* ---- writing ----------------------------------------------------------------------- */

struct cvt_field {
	const char *name;        /* [a-z0-9_.], at most 47 */
	const char *dtype;       /* "|u1", "<i4", "<i8", "<f4" */
	int ndim;                /* of one row */
	uint64_t dims[CVT_DIMS]; /* of one row */
};

struct cvt_writer {
	FILE *to;
	const struct cvt_field *field; /* borrowed until cvt_write_done */
	int fields;
	uint64_t seq, rows, epoch_rows, batches;
	uint32_t epoch;
};

/* All of these return 0, or -1 with errno set by what failed. */

CVT_INLINE int cvt_put(struct cvt_writer *w, const void *bytes, size_t n)
{
	static const char zeros[CVT_BLOCK] = {0};
	return (n == 0 || fwrite(bytes, 1, n, w->to) == n)
			       && fwrite(zeros, 1, cvt_padding(n), w->to) == cvt_padding(n)
		       ? 0
		       : -1;
}

CVT_INLINE uint32_t cvt_crc_padded(uint32_t crc, const void *bytes, size_t n)
{
	static const char zeros[CVT_BLOCK] = {0};
	return cvt_crc(cvt_crc(crc, bytes, n), zeros, cvt_padding(n));
}

/* A frame whose body is n bytes of text, or nothing. */
CVT_INLINE int cvt_put_text(struct cvt_writer *w, const char *type, const char *text, size_t n,
	uint64_t rows, uint64_t batches)
{
	unsigned char frame[CVT_BLOCK];
	cvt_pack(frame, type, w->seq++, n + cvt_padding(n), 0, w->epoch, rows, batches,
		cvt_crc_padded(0, text, n));
	return cvt_put(w, frame, sizeof frame) == 0 && cvt_put(w, text, n) == 0 ? 0 : -1;
}

/* HEAD: the fields, and further lines of it ("class 0 cat\n" ...; NULL = none). */
CVT_INLINE int cvt_write_head(
	struct cvt_writer *w, FILE *to, const struct cvt_field *field, int fields, const char *more)
{
	const size_t room = 64 + (size_t)fields * 256 + (more ? strlen(more) : 0);
	char *text = (char *)malloc(room);
	if (!text || fields > CVT_MOST_FIELDS) {
		free(text);
		return -1;
	}
	int n = snprintf(text, room, "format cvt 1\n");
	for (int i = 0; i < fields; i++) {
		n += snprintf(
			text + n, room - (size_t)n, "field %s %s", field[i].name, field[i].dtype);
		for (int k = 0; k < field[i].ndim; k++)
			n += snprintf(text + n, room - (size_t)n, " %llu",
				(unsigned long long)field[i].dims[k]);
		n += snprintf(text + n, room - (size_t)n, "\n");
	}
	n += snprintf(text + n, room - (size_t)n, "%s", more ? more : "");
	memset(w, 0, sizeof *w);
	w->to = to;
	w->field = field;
	w->fields = fields;
	const int code = cvt_put_text(w, "HEAD", text, (size_t)n, 0, 0);
	free(text);
	return code;
}

/* What field i of that many rows takes. */
CVT_INLINE uint64_t cvt_bytes(const struct cvt_field *f, uint64_t rows)
{
	uint64_t n = rows * cvt_item(f->dtype);
	for (int k = 0; k < f->ndim; k++)
		n *= f->dims[k];
	return n;
}

/* Rows, in a frame of their own: from 0.25 to 1 MiB is right. data[i] is field i, C order. */
CVT_INLINE int cvt_write_rows(struct cvt_writer *w, uint64_t rows, const void *const *data)
{
	unsigned char frame[CVT_BLOCK], table[CVT_MOST_FIELDS * CVT_DESCRIPTOR];
	const size_t head = (size_t)w->fields * CVT_DESCRIPTOR;
	uint64_t body = head;
	memset(table, 0, sizeof table);
	for (int i = 0; i < w->fields; i++) {
		const struct cvt_field *f = &w->field[i];
		unsigned char *d = table + (size_t)i * CVT_DESCRIPTOR;
		const uint64_t bytes = cvt_bytes(f, rows);
		const uint32_t ndim = (uint32_t)f->ndim + 1;
		(void)snprintf((char *)d, CVT_NAME, "%s", f->name);
		(void)snprintf((char *)d + 48, 8, "%s", f->dtype);
		memcpy(d + 56, &ndim, 4);
		memcpy(d + 64, &rows, 8);
		memcpy(d + 72, f->dims, (size_t)f->ndim * 8);
		memcpy(d + 120, &bytes, 8);
		body += bytes + cvt_padding(bytes);
	}
	uint32_t crc = cvt_crc(0, table, head);
	for (int i = 0; i < w->fields; i++)
		crc = cvt_crc_padded(crc, data[i], (size_t)cvt_bytes(&w->field[i], rows));
	cvt_pack(frame, "BATC", w->seq++, body, (uint32_t)w->fields, w->epoch, rows, 0, crc);
	if (cvt_put(w, frame, sizeof frame) != 0 || cvt_put(w, table, head) != 0)
		return -1;
	for (int i = 0; i < w->fields; i++)
		if (cvt_put(w, data[i], (size_t)cvt_bytes(&w->field[i], rows)) != 0)
			return -1;
	w->rows += rows;
	w->epoch_rows += rows;
	w->batches++;
	return 0;
}

/* The epoch is complete. */
CVT_INLINE int cvt_write_epoch(struct cvt_writer *w)
{
	const int code = cvt_put_text(w, "EPOC", "", 0, w->epoch_rows, 0);
	w->epoch++;
	w->epoch_rows = 0;
	return code;
}

/* The end, with totals, flushed: a stream without it is damaged. */
CVT_INLINE int cvt_write_done(struct cvt_writer *w)
{
	return cvt_put_text(w, "DONE", "", 0, w->rows, w->batches) == 0 && fflush(w->to) == 0 ? 0
											      : -1;
}

/* Instead of the end: one line, "PROGRAM: what happened". */
CVT_INLINE int cvt_write_fail(struct cvt_writer *w, const char *reason)
{
	return cvt_put_text(w, "FAIL", reason, strlen(reason), 0, 0) == 0 && fflush(w->to) == 0
		       ? 0
		       : -1;
}

/* ---- reading ----------------------------------------------------------------------- */

enum cvt_event { CVT_DAMAGED = -1, CVT_DONE = 0, CVT_ROWS, CVT_EPOCH };

struct cvt_tensor {
	char name[CVT_NAME], dtype[8];
	uint32_t ndim, flags; /* flags & 1: the first dimension is not rows */
	uint64_t dims[CVT_DIMS], bytes;
	const void *data; /* aligned to 64 bytes; valid until the next cvt_read */
};

struct cvt_reader {
	FILE *from;
	char *head;      /* the text of HEAD */
	char error[300]; /* after CVT_DAMAGED */
	/* after CVT_ROWS */
	uint64_t rows;
	uint32_t epoch;
	struct cvt_tensor tensor[CVT_MOST_FIELDS];
	int n;
	/* the frame at hand */
	char type[5];
	uint64_t seq, bytes, frame_rows, frame_batches;
	void *room;          /* what was allocated; */
	unsigned char *body; /* aligned within it (C99 and C++11 know no aligned_alloc) */
	size_t capacity;
	uint64_t all_rows, epoch_rows, batches;
};

CVT_INLINE int cvt_damaged(struct cvt_reader *r, const char *what)
{
	(void)snprintf(
		r->error, sizeof r->error, "frame %llu: %s", (unsigned long long)r->seq, what);
	return CVT_DAMAGED;
}

/* Memory grows only as bytes arrive: a length that lies costs nothing. */
CVT_INLINE int cvt_read_body(struct cvt_reader *r)
{
	for (size_t have = 0; have < r->bytes;) {
		size_t want = have < 1 << 20 ? 1 << 20 : 2 * have;
		want = want < r->bytes ? want : (size_t)r->bytes;
		if (want > r->capacity) {
			void *room = malloc(want + CVT_BLOCK);
			if (!room)
				return cvt_damaged(r, "out of memory");
			unsigned char *more = (unsigned char *)room + cvt_padding((uintptr_t)room);
			if (have)
				memcpy(more, r->body, have);
			free(r->room);
			r->room = room;
			r->body = more;
			r->capacity = want;
		}
		if (fread(r->body + have, 1, want - have, r->from) != want - have)
			return cvt_damaged(r, "the stream ends here without DONE");
		have = want;
	}
	return 0;
}

/* The next frame, whole and checked; 1 at the end of the file before its first byte. */
CVT_INLINE int cvt_read_frame(struct cvt_reader *r)
{
	unsigned char f[CVT_BLOCK];
	uint64_t seq;
	uint32_t crc, own;
	uint16_t version, flags;
	const size_t got = fread(f, 1, sizeof f, r->from);
	if (got == 0)
		return 1;
	if (got < sizeof f)
		return cvt_damaged(r, "the stream ends here without DONE");
	memcpy(&own, f + 60, 4);
	memcpy(&version, f + 12, 2);
	memcpy(&flags, f + 14, 2);
	memcpy(&seq, f + 16, 8);
	memcpy(&r->bytes, f + 24, 8);
	memcpy(&crc, f + 56, 4);
	if (memcmp(f, cvt_magic, 8) != 0 || own != cvt_crc(0, f, 60))
		return cvt_damaged(r, "no frame, or a damaged one");
	if (version != 1 || flags != 0)
		return cvt_damaged(r, "of a later version");
	if (seq != r->seq || r->bytes % CVT_BLOCK || r->bytes > (uint64_t)1 << 31)
		return cvt_damaged(r, "out of order, or of an impossible size");
	memcpy(r->type, f + 8, 4);
	r->type[4] = '\0';
	memcpy(&r->n, f + 32, 4);
	memcpy(&r->epoch, f + 36, 4);
	memcpy(&r->frame_rows, f + 40, 8);
	memcpy(&r->frame_batches, f + 48, 8);
	if (cvt_read_body(r) != 0)
		return CVT_DAMAGED;
	if (crc != cvt_crc(0, r->body, (size_t)r->bytes))
		return cvt_damaged(r, "the body is damaged");
	return 0;
}

CVT_INLINE size_t cvt_text(const struct cvt_reader *r)
{
	size_t n = (size_t)r->bytes;
	while (n > 0 && r->body[n - 1] == '\0')
		n--;
	return n;
}

/* Reads HEAD: r->head is its text. CVT_ROWS when all is well. */
CVT_INLINE int cvt_read_head(struct cvt_reader *r, FILE *from)
{
	memset(r, 0, sizeof *r);
	r->from = from;
	const int code = cvt_read_frame(r);
	if (code != 0)
		return code == 1 ? cvt_damaged(r, "nothing there") : code;
	if (strcmp(r->type, "HEAD") != 0)
		return cvt_damaged(r, "no HEAD");
	r->head = (char *)calloc(cvt_text(r) + 1, 1);
	if (!r->head)
		return cvt_damaged(r, "out of memory");
	if (r->body)
		memcpy(r->head, r->body, cvt_text(r));
	r->seq++;
	return CVT_ROWS;
}

CVT_INLINE int cvt_take_tensor(
	struct cvt_reader *r, struct cvt_tensor *t, const unsigned char *d, uint64_t *at)
{
	memcpy(t->name, d, CVT_NAME);
	memcpy(t->dtype, d + 48, 8);
	memcpy(&t->ndim, d + 56, 4);
	memcpy(&t->flags, d + 60, 4);
	memcpy(t->dims, d + 64, 56);
	memcpy(&t->bytes, d + 120, 8);
	if (t->name[CVT_NAME - 1] || t->dtype[7] || !cvt_item(t->dtype) || t->ndim > CVT_DIMS)
		return cvt_damaged(r, "a field is damaged");
	uint64_t n = cvt_item(t->dtype);
	for (uint32_t k = 0; k < t->ndim; k++) {
		if (t->dims[k] && n > r->bytes / t->dims[k])
			return cvt_damaged(r, "a field is larger than its frame");
		n *= t->dims[k];
	}
	if (n != t->bytes || n > r->bytes - *at || cvt_padding(n) > r->bytes - *at - n)
		return cvt_damaged(r, "a field is larger than its frame");
	/* The offsets of a field of rows of any size are one more than the rows. */
	const size_t length = strlen(t->name);
	const bool at_end = length > 3 && strcmp(t->name + length - 3, ".at") == 0;
	if (!(t->flags & 1) && (t->ndim == 0 || t->dims[0] != r->rows + at_end))
		return cvt_damaged(r, "a field has another number of rows than its frame");
	t->data = r->body + *at;
	*at += n + cvt_padding(n);
	return 0;
}

CVT_INLINE int cvt_take_rows(struct cvt_reader *r)
{
	uint64_t at = (uint64_t)r->n * CVT_DESCRIPTOR;
	if (r->n < 0 || r->n > CVT_MOST_FIELDS || at > r->bytes || (r->n > 0 && !r->body))
		return cvt_damaged(r, "more fields than there can be");
	r->rows = r->frame_rows;
	for (int i = 0; i < r->n; i++)
		if (cvt_take_tensor(r, &r->tensor[i], r->body + (size_t)i * CVT_DESCRIPTOR, &at))
			return CVT_DAMAGED;
	if (at != r->bytes)
		return cvt_damaged(r, "bytes behind the last field");
	r->all_rows += r->rows;
	r->epoch_rows += r->rows;
	r->batches++;
	return CVT_ROWS;
}

/* After DONE: the end of the file, or a further part (cat a.cvt b.cvt), whose HEAD is passed over;
 * that the parts agree is for the caller to see from the tensors. */
CVT_INLINE int cvt_after_done(struct cvt_reader *r)
{
	if (r->frame_rows != r->all_rows || r->frame_batches != r->batches)
		return cvt_damaged(r, "DONE counts other rows than came");
	r->seq = r->all_rows = r->batches = r->epoch_rows = 0;
	const int code = cvt_read_frame(r);
	if (code != 0)
		return code == 1 ? CVT_DONE : code;
	return strcmp(r->type, "HEAD") == 0 ? CVT_ROWS : cvt_damaged(r, "bytes behind DONE");
}

/* The next thing: CVT_ROWS (r->rows, r->tensor), CVT_EPOCH (one is complete), CVT_DONE at the end,
 * CVT_DAMAGED with r->error for damage, a stream that is cut, and a producer that gave up. */
CVT_INLINE int cvt_read(struct cvt_reader *r)
{
	for (;;) {
		int code = cvt_read_frame(r);
		if (code != 0)
			return code == 1 ? cvt_damaged(r, "the stream ends here without DONE")
					 : code;
		if (strcmp(r->type, "FAIL") == 0) {
			(void)snprintf(r->error, sizeof r->error, "%.*s",
				(int)(cvt_text(r) < 299 ? cvt_text(r) : 299),
				(const char *)r->body);
			return CVT_DAMAGED;
		}
		if (strcmp(r->type, "DONE") == 0) {
			code = cvt_after_done(r);
			if (code != CVT_ROWS)
				return code;
		} else if (strcmp(r->type, "BATC") == 0)
			code = cvt_take_rows(r);
		else if (strcmp(r->type, "EPOC") == 0) {
			code = r->frame_rows == r->epoch_rows
				       ? (int)CVT_EPOCH
				       : cvt_damaged(r, "EPOC counts other rows than came");
			r->epoch_rows = 0;
		} else if (r->type[0] < 'a' || r->type[0] > 'z')
			return cvt_damaged(r, "a frame that must be understood, and is not");
		r->seq++;
		if (code < 0 || strcmp(r->type, "BATC") == 0 || strcmp(r->type, "EPOC") == 0)
			return code;
	}
}

/* The field of that name in the rows at hand; NULL = none. */
CVT_INLINE const struct cvt_tensor *cvt_tensor(const struct cvt_reader *r, const char *name)
{
	for (int i = 0; i < r->n; i++)
		if (strcmp(r->tensor[i].name, name) == 0)
			return &r->tensor[i];
	return NULL;
}

CVT_INLINE void cvt_read_end(struct cvt_reader *r)
{
	free(r->head);
	free(r->room);
	r->head = NULL;
	r->room = NULL;
	r->body = NULL;
}

#endif
