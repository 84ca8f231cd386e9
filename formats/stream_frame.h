/*
 * stream_frame: the fixed parts of a stream (cv-stream.5), packed and unpacked: the 64-byte header
 * of a frame and the 128-byte descriptor of a tensor. For the stream's own files.
 */
#ifndef CVT_STREAM_FRAME_H
#define CVT_STREAM_FRAME_H

#include "head.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensors travel little-endian and are used as they come"
#endif

enum {
	FRAME_BYTES = 64, /* header; also what every part of a frame is padded to */
	DESCRIPTOR_BYTES = 128,
	FRAME_HEAD_MOST = 16 << 20,
	FRAME_FAIL_MOST = 4096,
};
#define FRAME_BODY_MOST ((uint64_t)1 << 31)

struct frame {
	char type[5]; /* NUL-terminated */
	uint32_t n, epoch, crc;
	uint64_t seq, body, rows, batches;
};

struct descriptor {
	char name[FIELD_NAME];
	enum dtype dtype;
	unsigned flags;
	int ndim;
	size_t dims[TENSOR_DIMS];
	size_t bytes;
};

/* n rounded up to a multiple of 64; n is a size that fits memory. */
static inline size_t frame_padded(size_t n)
{
	return (n + FRAME_BYTES - 1) / FRAME_BYTES * FRAME_BYTES;
}

/* CRC-32 as in zlib, going on from crc (0 at the start). */
uint32_t frame_crc(uint32_t crc, const void *bytes, size_t n);
/* True if the n bytes begin with the magic. */
bool frame_is_magic(const unsigned char *bytes, size_t n);
bool frame_is(const struct frame *f, const char *type);
/* True for types that a reader may skip. */
bool frame_is_optional(const struct frame *f);

void frame_pack(const struct frame *f, unsigned char to[FRAME_BYTES]);
int frame_unpack(struct frame *f, const unsigned char from[FRAME_BYTES], struct cvt_err *e);
void descriptor_pack(const struct descriptor *d, unsigned char to[DESCRIPTOR_BYTES]);
int descriptor_unpack(
	struct descriptor *d, const unsigned char from[DESCRIPTOR_BYTES], struct cvt_err *e);

#endif
