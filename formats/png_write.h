/*
 * png_write: pixels as a PNG file. Equal pixels give equal bytes (of one libpng and zlib).
 */
#ifndef CVT_PNG_WRITE_H
#define CVT_PNG_WRITE_H

#include "output.h"

/* Rows of width x channels bytes, channels 1 (grey) or 3 (RGB). */
int write_png(struct output *out, const unsigned char *pixels, size_t width, size_t height,
	size_t channels, struct cvt_err *e);

#endif
