/*
 * reshape: pictures of one size and one number of channels out of all sorts of them: the whole
 * picture is resized (bilinear with antialiasing, to the byte as Pillow does it), grey becomes
 * three equal channels, colour its luma; clips frame by frame. What lies over a picture, or over a
 * view of it, goes with it: mask, edge and depth by the nearest pixel, boxes and keypoints.
 */
#ifndef CVT_RESHAPE_H
#define CVT_RESHAPE_H

#include "../../formats/head.h"

struct reshape_options {
	size_t height, width; /* 0 = as they are */
	size_t channels;      /* 0 = as they are */
};

struct reshape;

/* Changes the fields of h to what will come out. */
int reshape_open(
	struct reshape **r, const struct reshape_options *o, struct head *h, struct cvt_err *e);
int reshape_rows(struct reshape *r, struct batch *b, struct cvt_err *e);
void reshape_close(struct reshape *r);

#endif
