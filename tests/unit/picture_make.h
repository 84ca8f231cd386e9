/*
 * picture_make: small pictures as libjpeg and libpng write them, for those that try how they are read.
 */
#ifndef CVT_TEST_PICTURE_MAKE_H
#define CVT_TEST_PICTURE_MAKE_H

#include <png.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

enum { PICTURE_SIDE = 8 };

struct jpeg_made {
	int components;
	J_COLOR_SPACE space;
	bool progressive, adobe;
	const unsigned char *colour; /* of all pixels; NULL = each has its own */
};

/* A JPEG of PICTURE_SIDE x PICTURE_SIDE at the best quality. The caller frees. */
static inline unsigned char *picture_make_jpeg(const struct jpeg_made *how, size_t *n)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr errors;
	unsigned char *bytes = NULL, row[4 * PICTURE_SIDE], *line = row;
	unsigned long size = 0;
	c.err = jpeg_std_error(&errors);
	jpeg_create_compress(&c);
	jpeg_mem_dest(&c, &bytes, &size);
	c.image_width = c.image_height = PICTURE_SIDE;
	c.input_components = how->components;
	c.in_color_space = how->space;
	jpeg_set_defaults(&c);
	jpeg_set_quality(&c, 100, TRUE);
	if (how->progressive)
		jpeg_simple_progression(&c);
	c.write_Adobe_marker = how->adobe;
	jpeg_start_compress(&c, TRUE);
	for (size_t y = 0; y < PICTURE_SIDE; y++) {
		for (size_t i = 0; i < sizeof row; i++)
			row[i] = how->colour ? how->colour[i % (size_t)how->components]
					     : (unsigned char)(37 * y + 11 * i * i);
		(void)jpeg_write_scanlines(&c, &line, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	*n = size;
	return bytes;
}

struct png_made {
	unsigned char *to;
	size_t n, room;
};

static inline void png_made_put(png_structp png, png_bytep p, size_t n)
{
	struct png_made *m = png_get_io_ptr(png);
	if (n > m->room - m->n)
		png_error(png, "too large");
	memcpy(m->to + m->n, p, n);
	m->n += n;
}

static inline void png_made_flush(png_structp png)
{
	(void)png;
}

/* A PNG of that bit depth and PNG_COLOR_TYPE, with half-transparent colours in a palette. */
static inline size_t picture_make_png(
	int depth, int type, bool interlaced, unsigned char *to, size_t room)
{
	static const unsigned char alpha[4] = {255, 128, 0, 7};
	png_color palette[4] = {{1, 2, 3}, {250, 0, 9}, {77, 77, 77}, {0, 255, 0}};
	unsigned char row[8 * PICTURE_SIDE];
	struct png_made m = {to, 0, room};
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	if (!info || setjmp(png_jmpbuf(png)))
		abort();
	png_set_write_fn(png, &m, png_made_put, png_made_flush);
	png_set_IHDR(png, info, PICTURE_SIDE, PICTURE_SIDE, depth, type,
		interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
		PNG_FILTER_TYPE_DEFAULT);
	if (type == PNG_COLOR_TYPE_PALETTE) {
		png_set_PLTE(png, info, palette, 4);
		png_set_tRNS(png, info, alpha, 4, NULL);
	}
	png_write_info(png, info);
	const unsigned mask = type == PNG_COLOR_TYPE_PALETTE ? 0x33 : 0xff; /* four colours */
	const int passes = png_set_interlace_handling(png);
	for (int pass = 0; pass < passes; pass++)
		for (size_t y = 0; y < PICTURE_SIDE; y++) {
			for (size_t i = 0; i < sizeof row; i++)
				row[i] = (unsigned char)((29 * y + 7 * i * i) & mask);
			png_write_row(png, row);
		}
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
	return m.n;
}

#endif
