/* stream_frame: headers and descriptors, packed and unpacked (see stream_frame.h). */
#include "stream_frame.h"

#include "crc.h"

#include <stdio.h>
#include <string.h>

static const unsigned char magic[8] = {0x89, 'C', 'V', 'T', '\r', '\n', 0x1a, '\n'};

/* Where the parts of a header and of a descriptor lie. */
enum {
	AT_MAGIC = 0,
	AT_TYPE = 8,
	AT_VERSION = 12,
	AT_FLAGS = 14,
	AT_SEQ = 16,
	AT_BODY = 24,
	AT_N = 32,
	AT_EPOCH = 36,
	AT_ROWS = 40,
	AT_BATCHES = 48,
	AT_BODY_CRC = 56,
	AT_CRC = 60,
	VERSION = 1,
};
enum {
	D_NAME = 0,
	D_DTYPE = 48,
	D_NDIM = 56,
	D_FLAGS = 60,
	D_DIMS = 64,
	D_BYTES = 120,
	DTYPE_BYTES = 8,
};

static void put(unsigned char *to, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		to[i] = (unsigned char)(v >> (8 * i));
}

static uint64_t get(const unsigned char *from, int bytes)
{
	uint64_t v = 0;
	for (int i = bytes - 1; i >= 0; i--)
		v = v << 8 | from[i];
	return v;
}

static uint32_t get_u32(const unsigned char *from)
{
	return (uint32_t)get(from, 4);
}

uint32_t frame_crc(uint32_t crc, const void *bytes, size_t n)
{
	return crc_add(crc, bytes, n);
}

bool frame_is_magic(const unsigned char *bytes, size_t n)
{
	return n >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

bool frame_is(const struct frame *f, const char *type)
{
	return strcmp(f->type, type) == 0;
}

bool frame_is_optional(const struct frame *f)
{
	return f->type[0] >= 'a' && f->type[0] <= 'z';
}

void frame_pack(const struct frame *f, unsigned char to[FRAME_BYTES])
{
	memcpy(to + AT_MAGIC, magic, sizeof magic);
	memcpy(to + AT_TYPE, f->type, 4);
	put(to + AT_VERSION, VERSION, 2);
	put(to + AT_FLAGS, 0, 2);
	put(to + AT_SEQ, f->seq, 8);
	put(to + AT_BODY, f->body, 8);
	put(to + AT_N, f->n, 4);
	put(to + AT_EPOCH, f->epoch, 4);
	put(to + AT_ROWS, f->rows, 8);
	put(to + AT_BATCHES, f->batches, 8);
	put(to + AT_BODY_CRC, f->crc, 4);
	put(to + AT_CRC, frame_crc(0, to, AT_CRC), 4);
}

static bool type_ok(const char *type)
{
	for (int i = 0; i < 4; i++) {
		const bool letter =
			(type[i] >= 'A' && type[i] <= 'Z') || (type[i] >= 'a' && type[i] <= 'z');
		const bool digit = type[i] >= '0' && type[i] <= '9';
		if (!letter && (i == 0 || !digit))
			return false;
	}
	return true;
}

/* Limits and numbers that must be 0, by type. */
static int check_frame(const struct frame *f, struct cvt_err *e)
{
	const bool head = frame_is(f, "HEAD"), failure = frame_is(f, "FAIL");
	const uint64_t most = head ? FRAME_HEAD_MOST : failure ? FRAME_FAIL_MOST : FRAME_BODY_MOST;
	const bool plain = head || failure || frame_is(f, "EPOC") || frame_is(f, "DONE");
	if (!type_ok(f->type))
		return cvt_fail(e, CVT_INPUT, "its type is no four letters");
	if (f->body % FRAME_BYTES || f->body > most)
		return cvt_fail(e, CVT_INPUT, "a %s frame cannot have a body of %llu bytes",
			f->type, (unsigned long long)f->body);
	if (plain && f->n)
		return cvt_fail(e, CVT_INPUT, "a %s frame has no tensors", f->type);
	if (!frame_is_optional(f) && !frame_is(f, "DONE") && f->batches)
		return cvt_fail(e, CVT_INPUT, "a %s frame counts no batches", f->type);
	return CVT_OK;
}

int frame_unpack(struct frame *f, const unsigned char from[FRAME_BYTES], struct cvt_err *e)
{
	if (!frame_is_magic(from, FRAME_BYTES))
		return cvt_fail(e, CVT_INPUT, "no frame begins here (magic)");
	if (get_u32(from + AT_CRC) != frame_crc(0, from, AT_CRC))
		return cvt_fail(e, CVT_INPUT, "the header is damaged (CRC)");
	if (get(from + AT_VERSION, 2) != VERSION)
		return cvt_fail(e, CVT_INPUT,
			"version %u of the stream is not known here; a newer cvtools reads it",
			(unsigned)get(from + AT_VERSION, 2));
	if (get(from + AT_FLAGS, 2) != 0)
		return cvt_fail(e, CVT_INPUT, "flags that are not known here");
	*f = (struct frame){.seq = get(from + AT_SEQ, 8),
		.body = get(from + AT_BODY, 8),
		.n = get_u32(from + AT_N),
		.epoch = get_u32(from + AT_EPOCH),
		.rows = get(from + AT_ROWS, 8),
		.batches = get(from + AT_BATCHES, 8),
		.crc = get_u32(from + AT_BODY_CRC)};
	memcpy(f->type, from + AT_TYPE, 4);
	return check_frame(f, e);
}

void descriptor_pack(const struct descriptor *d, unsigned char to[DESCRIPTOR_BYTES])
{
	memset(to, 0, DESCRIPTOR_BYTES);
	memcpy(to + D_NAME, d->name, FIELD_NAME);
	(void)snprintf((char *)to + D_DTYPE, DTYPE_BYTES, "%s", dtype_name(d->dtype));
	put(to + D_NDIM, (uint64_t)d->ndim, 4);
	put(to + D_FLAGS, d->flags, 4);
	for (int i = 0; i < d->ndim; i++)
		put(to + D_DIMS + 8 * i, d->dims[i], 8);
	put(to + D_BYTES, d->bytes, 8);
}

static bool is_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

/* A text of at most size - 1 bytes, padded with NUL to its end. */
static bool get_text(char *to, const unsigned char *from, size_t size)
{
	memcpy(to, from, size);
	const unsigned char *end = memchr(from, '\0', size);
	return end && is_zero(end, size - (size_t)(end - from));
}

static int unpack_name_and_type(struct descriptor *d, const unsigned char *from, struct cvt_err *e)
{
	char dtype[DTYPE_BYTES], shown[200];
	if (!get_text(d->name, from + D_NAME, FIELD_NAME) || !field_name_ok(d->name))
		return cvt_fail(e, CVT_INPUT, "a tensor has no proper name");
	if (!get_text(dtype, from + D_DTYPE, DTYPE_BYTES))
		return cvt_fail(e, CVT_INPUT, "field %s: its type is no text", d->name);
	if (!dtype_parse(dtype, &d->dtype))
		return cvt_fail(e, CVT_INPUT, "field %s: type '%s' is none of |u1 <i4 <i8 <f4",
			d->name, mem_printable(shown, sizeof shown, dtype));
	return CVT_OK;
}

int descriptor_unpack(
	struct descriptor *d, const unsigned char from[DESCRIPTOR_BYTES], struct cvt_err *e)
{
	TRY(unpack_name_and_type(d, from, e));
	const uint32_t ndim = get_u32(from + D_NDIM);
	if (ndim < 1 || ndim > TENSOR_DIMS)
		return cvt_fail(e, CVT_INPUT, "field %s: %u dimensions; 1 to %d are allowed",
			d->name, (unsigned)ndim, TENSOR_DIMS);
	d->ndim = (int)ndim;
	d->flags = get_u32(from + D_FLAGS);
	if (d->flags & ~(unsigned)FIELD_WHOLE)
		return cvt_fail(e, CVT_INPUT, "field %s: flags that are not known here", d->name);
	for (int i = 0; i < TENSOR_DIMS; i++) {
		const uint64_t v = get(from + D_DIMS + 8 * i, 8);
		if (v > SIZE_MAX || (i >= d->ndim && v != 0))
			return cvt_fail(e, CVT_INPUT, "field %s: dimensions out of range", d->name);
		d->dims[i] = (size_t)v;
	}
	size_t items, bytes;
	TRY(tensor_count(d->ndim, d->dims, &items, e));
	if (!mem_mul(items, dtype_size(d->dtype), &bytes) || bytes != get(from + D_BYTES, 8))
		return cvt_fail(e, CVT_INPUT,
			"field %s: its size in bytes contradicts its dimensions", d->name);
	d->bytes = bytes;
	return CVT_OK;
}
