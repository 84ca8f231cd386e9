/*
 * window: the geometry that convolutions and pools share: how a window of KH x KW places slides
 * over a picture of H x W, and which places of the input it reads.
 */
#ifndef CVT_NN_WINDOW_H
#define CVT_NN_WINDOW_H

#include "nn.h"

struct window {
	size_t h, w, c; /* the input row */
	size_t kh, kw;  /* the window */
	size_t sh, sw;  /* stride */
	size_t ph, pw;  /* zeros around the picture, on each side */
	size_t dh, dw;  /* dilation: distance of the window's places */
	size_t oh, ow;  /* how often it fits */
};

/* The places h = a, a + sh, ... x w = b, b + sw, ... of a picture, which one part of a window makes
 * (convolve.h). */
struct phase {
	size_t at;            /* floats of the first place */
	size_t rows, columns; /* how many places */
	size_t first, taps;   /* its part of the window, in the lists of it */
	size_t runs, run;     /* as simd/conv.c sees it: neighbouring taps are one run */
	size_t across;        /* so many taps, in order, are neighbours */
};

/* A whole number between least and most from an argument, a pair into two. CVT_USAGE otherwise. */
int window_number(const struct node *n, size_t argument, size_t least, size_t most, size_t *to,
	struct cvt_err *e);
int window_pair(const struct node *n, size_t argument, size_t least, size_t most, size_t *to_h,
	size_t *to_w, struct cvt_err *e);
/* The picture (H,W,C) that enters n into v. */
int window_picture(
	const struct graph *g, const struct node *n, struct window *v, struct cvt_err *e);
/* Sets v->oh and v->ow from the rest; CVT_INPUT when the window does not fit the picture. */
int window_fit(const struct node *n, struct window *v, struct cvt_err *e);

/* The places of the window's first coordinate at output o that lie inside 0..size-1:
 * from *first to before *end. */
static inline void window_inside(size_t o, size_t stride, size_t pad, size_t k, size_t dilation,
	size_t size, size_t *first, size_t *end)
{
	const size_t at = o * stride; /* of the padded picture */
	*first = at >= pad ? 0 : (pad - at + dilation - 1) / dilation;
	const size_t room = size + pad > at ? size + pad - at : 0;
	const size_t n = (room + dilation - 1) / dilation;
	*end = n < k ? n : k;
	if (*first > *end)
		*first = *end;
}

#endif
