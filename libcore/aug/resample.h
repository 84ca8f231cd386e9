/*
 * resample: PIL's resize of 8-bit pictures to the bit: a triangle filter as wide as the scale (so
 * that shrinking averages), first along rows, then along columns, each pass in whole numbers with 22
 * bits behind the point and rounded to bytes.
 */
#ifndef CVT_AUG_RESAMPLE_H
#define CVT_AUG_RESAMPLE_H

#include "../mem.h"
#include "../simd.h"

enum { RESAMPLE_LINES = 64 };

/* The weights that make a line of `in` places one of taps.out. */
struct resample_line {
	size_t in;
	struct simd_taps taps;
	int32_t *data;
	size_t capacity;
};

/* Kept from picture to picture: weights, since random crops come in few sizes, and scratch. {0} is
 * empty. */
struct resampler {
	struct resample_line line[RESAMPLE_LINES], large[2];
	double *wide;
	size_t wide_capacity;
	int32_t *work;
	size_t work_capacity;
	unsigned char *middle;
	size_t middle_capacity;
};
void resampler_free(struct resampler *r);

/* Lines of w pixels of C bytes, `stride` bytes apart. */
struct resample_from {
	const unsigned char *p;
	size_t stride, h, w, C;
};
/* `to` = the picture as h2 x w2. */
int resample_picture(struct resampler *r, const struct resample_from *from, unsigned char *to,
	size_t h2, size_t w2, struct cvt_err *e);

#endif
