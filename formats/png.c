/*
 * png: PNG by libpng. Palettes and bits are spread to bytes, 16 bits are scaled to 8, alpha is
 * dropped (as Pillow's convert does), interlaced pictures are put together; nothing is corrected
 * for gamma. Every CRC counts, and a file without its end is cut. What is no picture is passed over;
 * how many chunks of it there may be is limited. Where rows are short, zlib unpacks all of them
 * before libpng reads them (png_rows.h).
 *
 * libpng leaves by longjmp: all that lives across it is in struct job.
 */
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"
#include "png_rows.h"

enum { SIGNATURE = 8, HEADER = 29 };

struct job {
	struct png_pieces from;
	size_t piece, at; /* how far in which piece */
	bool unpacked;    /* its rows are, and their sums were looked at */
	const struct picture *size;
	unsigned char *to;
	struct cvt_err *e;
	int code;
	bool starved;
};

static bool png_is(const unsigned char *start, size_t n)
{
	return n >= SIGNATURE && memcmp(start, "\x89PNG\r\n\x1a\n", SIGNATURE) == 0;
}

static size_t big_endian(const unsigned char *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* The header is always first: length, "IHDR", width, height, depth, colour type. */
static int png_measure(
	const unsigned char *p, size_t n, struct picture *size, bool *more, struct cvt_err *e)
{
	if (n < HEADER || memcmp(p + 12, "IHDR", 4) != 0)
		return cvt_fail(e, CVT_INPUT, "the PNG header is cut or missing");
	const int type = p[25];
	if (type != 0 && type != 2 && type != 3 && type != 4 && type != 6)
		return cvt_fail(
			e, CVT_INPUT, "the PNG header has colour type %d, which is none", type);
	*more = false;
	*size = (struct picture){
		big_endian(p + 20), big_endian(p + 16), type == 0 || type == 4 ? 1 : 3};
	return CVT_OK;
}

/* Chunks cost time, each, however little is in them. */
static int png_affords(const unsigned char *p, size_t n, const struct picture *size,
	const struct dataset_options *o, struct cvt_err *e)
{
	size_t chunks = 0;
	(void)size;
	for (size_t at = SIGNATURE; n - at > 12 && memcmp(p + at + 4, "IEND", 4) != 0;) {
		const size_t length = big_endian(p + at);
		if (++chunks > o->max_chunks)
			return cvt_fail(e, CVT_LIMIT,
				"the PNG has more than %zu chunks; raise cv-read --max-chunks",
				o->max_chunks);
		if (length > n - at - 12)
			break;
		at += 12 + length;
	}
	return CVT_OK;
}

static void fail(png_structp png, png_const_charp why)
{
	struct job *j = png_get_error_ptr(png);
	j->code = j->starved ? cvt_fail(j->e, CVT_SYSTEM, "out of memory for libpng")
			     : cvt_fail(j->e, CVT_INPUT, "the PNG is damaged or cut (%s)", why);
	png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp why)
{
	(void)png;
	(void)why;
}

static void give(png_structp png, png_bytep to, size_t n)
{
	struct job *j = png_get_io_ptr(png);
	for (; n > 0; j->piece++, j->at = 0) {
		if (j->piece == PNG_PIECES)
			png_error(png, "it ends too early");
		const size_t left = j->from.n[j->piece] - j->at, part = n < left ? n : left;
		if (part)
			memcpy(to, j->from.p[j->piece] + j->at, part);
		to += part;
		n -= part;
		j->at += part;
		if (n == 0)
			return;
	}
}

static png_voidp allocate(png_structp png, png_alloc_size_t n)
{
	struct job *j = png_get_mem_ptr(png);
	void *p = malloc(n);
	j->starved = j->starved || !p;
	return p;
}

static void release(png_structp png, png_voidp p)
{
	(void)png;
	free(p);
}

/* The CRCs of pixels that are unpacked were looked at; the new one has none. */
static void trust_pixels(png_structp png, const struct job *j, bool trust)
{
	if (j->unpacked)
		png_set_crc_action(
			png, trust ? PNG_CRC_QUIET_USE : PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
}

static void decode(png_structp png, png_infop info, struct job *j)
{
	const size_t row = j->size->width * j->size->channels;
	png_set_read_fn(png, j, give);
	png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
	png_set_user_limits(png, 0x7fffffff, 0x7fffffff); /* picture_measure has looked already */
	png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
#ifdef PNG_IGNORE_ADLER32
	if (j->unpacked) /* zlib has looked at it */
		(void)png_set_option(png, PNG_IGNORE_ADLER32, PNG_OPTION_ON);
#endif
	png_read_info(png, info);
	png_set_expand(png);
	png_set_scale_16(png);
	png_set_strip_alpha(png);
	const int passes = png_set_interlace_handling(png);
	png_read_update_info(png, info);
	if (png_get_image_height(png, info) != j->size->height
		|| png_get_rowbytes(png, info) != row)
		png_error(png, "it is not of the size its header says");
	trust_pixels(png, j, true);
	for (int pass = 0; pass < passes; pass++)
		for (size_t y = 0; y < j->size->height; y++)
			png_read_row(png, j->to + y * row, NULL);
	trust_pixels(png, j, false);
	png_read_end(png, NULL);
}

static int png_decode(const unsigned char *p, size_t n, const struct picture *size,
	const struct dataset_options *o, struct picture_room *room, unsigned char *to,
	struct cvt_err *e)
{
	(void)o;
	struct job j = {.from = {{p}, {n}}, .size = size, .to = to, .e = e};
	const size_t rows = png_rows_room(p, n);
	if (rows) {
		TRY(mem_grow(&room->p, &room->capacity, rows, 1, e));
		j.unpacked = png_rows_unpack(p, n, room->p, &j.from);
	}
	png_structp png = png_create_read_struct_2(
		PNG_LIBPNG_VER_STRING, &j, fail, ignore, &j, allocate, release);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	if (!info) {
		png_destroy_read_struct(&png, NULL, NULL);
		return cvt_fail(e, CVT_SYSTEM, "out of memory for libpng");
	}
	/* png and info are not changed between here and the jump, so they are what they were. */
	if (setjmp(png_jmpbuf(png)) == 0)
		decode(png, info, &j);
	png_destroy_read_struct(&png, &info, NULL);
	return j.code;
}

static const struct picture_codec codec = {png_is, png_measure, png_affords, png_decode};

const struct format format_png = {
	.name = "png",
	.help = "PNG pictures, 1 to 16 bits, grey, colour or palette; alpha is dropped",
	.picture = &codec,
};
