/*
 * png_write: pixels as a PNG file (see png_write.h). libpng leaves its functions by longjmp when it
 * fails; everything that must survive that lives in one struct outside the frame that calls setjmp.
 */
#include "png_write.h"

#include <png.h>
#include <stdlib.h>

enum { MOST_SIDE = 1000000 }; /* libpng's own limit */

struct writing {
	struct output *out;
	struct cvt_err *e;
	int code;
	png_structp png;
	png_infop info;
};

static void take_error(png_structp png, png_const_charp text)
{
	struct writing *w = png_get_error_ptr(png);
	if (w->code == CVT_OK)
		w->code = cvt_fail(w->e, CVT_SYSTEM, "%s: PNG: %s", output_name(w->out), text);
	png_longjmp(png, 1);
}

static void take_warning(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
}

static void take_bytes(png_structp png, png_bytep bytes, size_t n)
{
	struct writing *w = png_get_io_ptr(png);
	w->code = output_write(w->out, bytes, n, w->e);
	if (w->code != CVT_OK)
		png_longjmp(png, 1);
}

static void flush_nothing(png_structp png)
{
	(void)png;
}

static void write_all(struct writing *w, const unsigned char *pixels, size_t width, size_t height,
	size_t channels)
{
	if (setjmp(png_jmpbuf(w->png)))
		return;
	png_set_write_fn(w->png, w, take_bytes, flush_nothing);
	png_set_IHDR(w->png, w->info, (png_uint_32)width, (png_uint_32)height, 8,
		channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
		PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(w->png, w->info);
	for (size_t y = 0; y < height; y++)
		png_write_row(w->png, pixels + y * width * channels);
	png_write_end(w->png, NULL);
}

int write_png(struct output *out, const unsigned char *pixels, size_t width, size_t height,
	size_t channels, struct cvt_err *e)
{
	struct writing w = {.out = out, .e = e};
	if (width == 0 || height == 0 || width > MOST_SIDE || height > MOST_SIDE)
		return cvt_fail(e, CVT_LIMIT,
			"%s: a PNG of %zu x %zu pixels cannot be written; show fewer "
			"pictures with --count",
			output_name(out), width, height);
	w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, take_error, take_warning);
	if (w.png)
		w.info = png_create_info_struct(w.png);
	if (w.info)
		write_all(&w, pixels, width, height, channels);
	else
		w.code = cvt_fail(e, CVT_SYSTEM, "out of memory");
	png_destroy_write_struct(&w.png, &w.info);
	return w.code;
}
