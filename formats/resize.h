/*
 * resize: one picture to another size: a triangle filter as wide as the step between the pixels of
 * the result (so that shrinking averages), in 22-bit fixed point, across and then down. The
 * arithmetic is Pillow's, so the bytes are, too.
 */
#ifndef CVT_RESIZE_H
#define CVT_RESIZE_H

#include "../libcore/mem.h"

/* Which pixels of a line make a pixel of the result, and how much each counts. */
struct resize_line {
	size_t from, to, most; /* lengths; weights a pixel */
	size_t *first, *count;
	int32_t *weight; /* `most` a pixel */
};

/* Kept from picture to picture. */
struct resize {
	struct resize_line across, down;
	unsigned char *between;
	size_t capacity;
};

/* h x w x c bytes to `to_h` x `to_w` x c. */
int resize_picture(struct resize *r, const unsigned char *p, size_t h, size_t w, size_t c,
	unsigned char *to, size_t to_h, size_t to_w, struct cvt_err *e);
void resize_free(struct resize *r);

#endif
