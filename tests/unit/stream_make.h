/*
 * stream_make: small streams for the tests of the stream, made with the writer and taken apart with
 * zlib's CRC alone.
 */
#ifndef CVT_STREAM_MAKE_H
#define CVT_STREAM_MAKE_H

#include "../../formats/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

struct bytes {
	unsigned char *p;
	size_t n;
};

static int failures;

static void check(bool good, const char *what)
{
	printf("%s %s\n", good ? "ok" : "not ok", what);
	failures += !good;
}

/* A field of b with these dims; its memory is zero. */
static inline void *add(struct batch *b, const char *name, enum dtype t, unsigned flags, int ndim,
	const size_t *dims)
{
	struct cvt_err e;
	struct field *f = batch_add(b, name, &e);
	if (!f || tensor_shape(&f->t, t, ndim, dims, &e) != CVT_OK)
		exit(99);
	f->flags = flags;
	if (f->t.bytes)
		memset(f->t.data, 0, f->t.bytes);
	return f->t.data;
}

/* Rows first..first+n-1: index, label, image 2x3x1, name of some letters, part. */
static inline void make_rows(struct batch *b, size_t first, size_t n)
{
	b->rows = n;
	int64_t *index = add(b, "index", DT_I8, 0, 1, (size_t[]){n});
	unsigned char *image = add(b, "image", DT_U1, 0, 4, (size_t[]){n, 2, 3, 1});
	int32_t *label = add(b, "label", DT_I4, 0, 1, (size_t[]){n});
	char *name = add(b, "name", DT_U1, 0, 2, (size_t[]){n, 9});
	float *boxes = add(b, "boxes", DT_F4, 0, 3, (size_t[]){n, 2 + first % 2, 5});
	int32_t *part = add(b, "part", DT_I4, 0, 1, (size_t[]){n});
	const size_t most = 2 + first % 2;
	for (size_t r = 0; r < n; r++) {
		const size_t i = first + r;
		index[r] = (int64_t)i;
		label[r] = (int32_t)(i % 3);
		part[r] = i % 4 == 0;
		for (size_t k = 0; k < 6; k++)
			image[6 * r + k] = (unsigned char)(17 * i + k);
		for (size_t k = 0; k < 1 + i % 5; k++)
			name[9 * r + k] = (char)('a' + i % 26);
		for (size_t k = 0; k < most; k++)
			boxes[(r * most + k) * 5] = k < 1 + i % 2 ? (float)(i % 3) : -1.0f;
	}
}

/* Rows whose pictures have different sizes, with a constant beside them. */
static inline void make_ragged(struct batch *b, size_t first, size_t n)
{
	size_t all = 0;
	for (size_t i = first; i < first + n; i++)
		all += (1 + i % 3) * (1 + i % 2);
	b->rows = n;
	int64_t *index = add(b, "index", DT_I8, 0, 1, (size_t[]){n});
	unsigned char *image = add(b, "image", DT_U1, FIELD_WHOLE, 1, &all);
	int64_t *at = add(b, "image.at", DT_I8, FIELD_WHOLE, 1, (size_t[]){n + 1});
	int32_t *hwc = add(b, "image.hwc", DT_I4, 0, 2, (size_t[]){n, 3});
	float *table = add(b, "table", DT_F4, FIELD_WHOLE, 2, (size_t[]){2, 2});
	table[3] = 0.5f;
	for (size_t r = 0; r < n; r++) {
		const size_t i = first + r, h = 1 + i % 3, w = 1 + i % 2;
		index[r] = (int64_t)i;
		hwc[3 * r] = (int32_t)h;
		hwc[3 * r + 1] = (int32_t)w;
		hwc[3 * r + 2] = 1;
		at[r + 1] = at[r] + (int64_t)(h * w);
		for (size_t k = 0; k < h * w; k++)
			image[(size_t)at[r] + k] = (unsigned char)(31 * i + k);
	}
}

static inline struct bytes read_file(const char *path)
{
	struct bytes b = {0};
	FILE *f = fopen(path, "rb");
	if (!f || fseek(f, 0, SEEK_END) != 0)
		exit(99);
	b.n = (size_t)ftell(f);
	rewind(f);
	b.p = malloc(b.n + 1);
	if (!b.p || fread(b.p, 1, b.n, f) != b.n || fclose(f) != 0)
		exit(99);
	return b;
}

typedef void make_function(struct batch *b, size_t first, size_t n);

/* What to write: rows made by `make`, `step` at a time, in `epochs` epochs of `rows`. */
struct recipe {
	make_function *make;
	size_t rows, step, epochs;
	bool counts; /* promise them in HEAD */
};

static inline void recipe_head(const struct recipe *r, struct head *h)
{
	struct batch b = {0};
	struct cvt_err e;
	head_init(h);
	r->make(&b, 0, 1);
	if (head_fields_from(h, &b, &e) != CVT_OK)
		exit(99);
	if (r->counts) {
		h->rows = r->rows;
		h->epochs = r->epochs;
		h->index = r->rows;
		if (head_field(h, "part"))
			h->val = (r->rows + 3) / 4;
	}
	if (head_set_class(h, "label", 0, "cat", &e) || head_set_class(h, "label", 1, "dog", &e)
		|| head_add_prog(h, 0, "make", "make --seed 0", &e))
		exit(99);
	batch_free(&b);
}

/* The stream, through a file. */
static inline struct bytes make_stream(const struct recipe *r)
{
	char path[300];
	const char *folder = getenv("TMPDIR");
	struct cvt_err e = {0};
	struct output *out;
	struct stream_writer *w;
	struct head h;
	(void)snprintf(path, sizeof path, "%.200s/stream-%ld.cvt", folder ? folder : "/tmp",
		(long)getpid());
	recipe_head(r, &h);
	int code = output_open(&out, path, &e);
	code = code ? code : stream_create(&w, out, &h, &e);
	for (size_t k = 0; k < r->epochs && !code; k++) {
		for (size_t i = 0; i < r->rows && !code; i += r->step) {
			struct batch b = {0};
			r->make(&b, i, r->rows - i < r->step ? r->rows - i : r->step);
			code = stream_put(w, &b, &e);
			batch_free(&b);
		}
		code = code ? code : stream_put_epoch(w, &e);
	}
	code = code ? code : stream_finish(w, &e);
	head_free(&h);
	if (code) {
		fprintf(stderr, "%s\n", e.text);
		exit(99);
	}
	const struct bytes made = read_file(path);
	(void)remove(path);
	return made;
}

static inline struct bytes join(struct bytes a, struct bytes b)
{
	struct bytes c = {malloc(a.n + b.n), a.n + b.n};
	if (!c.p)
		exit(99);
	memcpy(c.p, a.p, a.n);
	memcpy(c.p + a.n, b.p, b.n);
	return c;
}

struct seen {
	uint64_t rows, epochs, batches, others, sum, parts;
};

/* Reads all of it; what came is in *seen. */
static inline int read_stream(struct bytes s, struct seen *seen, struct cvt_err *e)
{
	struct input *in;
	struct stream_reader *r;
	struct batch *b;
	enum stream_event event = STREAM_BATCH;
	*seen = (struct seen){0};
	*e = (struct cvt_err){0};
	TRY(input_of_memory(&in, "memory", s.p, s.n, e));
	TRY(stream_open(&r, in, e));
	int code = CVT_OK;
	while (code == CVT_OK && event != STREAM_DONE) {
		code = stream_next(r, &b, &event, e);
		if (code != CVT_OK)
			break;
		seen->epochs += event == STREAM_EPOCH;
		seen->others += event == STREAM_OTHER;
		if (event != STREAM_BATCH)
			continue;
		seen->batches++;
		seen->rows += b->rows;
		for (size_t i = 0; i < b->n; i++) /* every byte is there */
			for (size_t k = 0; k < b->field[i].t.bytes; k++)
				seen->sum += ((const unsigned char *)b->field[i].t.data)[k];
	}
	seen->parts = stream_parts(r);
	stream_close(r);
	return code;
}

/* ---- forging ----------------------------------------------------------------------- */

static inline uint64_t get_number(const unsigned char *p, int bytes)
{
	uint64_t v = 0;
	for (int i = bytes - 1; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static inline void put_number(unsigned char *p, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

/* Byte where frame k begins. */
static inline size_t frame_at(struct bytes s, size_t k)
{
	size_t at = 0;
	while (k-- > 0)
		at += 64 + (size_t)get_number(s.p + at + 24, 8);
	return at;
}

/* Makes the CRCs of the frame at that byte right again. */
static inline void mend(struct bytes s, size_t at)
{
	const size_t body = (size_t)get_number(s.p + at + 24, 8);
	if (body <= s.n - at - 64)
		put_number(s.p + at + 56, crc32_z(0, s.p + at + 64, body), 4);
	put_number(s.p + at + 60, crc32_z(0, s.p + at, 60), 4);
}

#endif
