/*
 * PNG: what unpacks the rows in one go (png_rows.h) and libpng alone say the same of every file: the
 * same pixels, or the same message. Files of all types and depths, in few chunks and many, whole
 * and damaged as malform.h knows how.
 */
#include "malform.h"

#include "../../formats/picture.h"
#include "../../formats/png_rows.h"

#include <png.h>
#include <stdlib.h>

enum { ROOM = 4 << 20, SAMPLED = 400 };

static int failures;
static size_t unpacked; /* cases of the other way */

/* ---- files ----------------------------------------------------------------------------- */

struct kind {
	const char *name;
	int depth, type;
	size_t width, height;
	size_t chunk; /* bytes of an IDAT; 0 = libpng's */
	int level, interlace;
	bool grows; /* has pixels that do not pack */
};

static const struct kind kinds[] = {
	{"grey", 8, PNG_COLOR_TYPE_GRAY, 28, 28, 0, 6, PNG_INTERLACE_NONE, true},
	{"bits", 1, PNG_COLOR_TYPE_GRAY, 21, 9, 0, 6, PNG_INTERLACE_NONE, true},
	{"palette", 2, PNG_COLOR_TYPE_PALETTE, 13, 7, 0, 9, PNG_INTERLACE_NONE, true},
	{"colour", 8, PNG_COLOR_TYPE_RGB, 32, 32, 0, 6, PNG_INTERLACE_NONE, true},
	{"colour, flat", 8, PNG_COLOR_TYPE_RGB, 60, 60, 0, 9, PNG_INTERLACE_NONE, false},
	{"colour, not packed", 8, PNG_COLOR_TYPE_RGB, 9, 40, 0, 0, PNG_INTERLACE_NONE, true},
	{"colour, many chunks", 8, PNG_COLOR_TYPE_RGB, 16, 16, 40, 6, PNG_INTERLACE_NONE, true},
	{"alpha", 8, PNG_COLOR_TYPE_RGB_ALPHA, 16, 16, 0, 6, PNG_INTERLACE_NONE, true},
	{"16 bits", 16, PNG_COLOR_TYPE_GRAY_ALPHA, 9, 9, 0, 6, PNG_INTERLACE_NONE, true},
	{"interlaced", 8, PNG_COLOR_TYPE_RGB, 11, 11, 0, 6, PNG_INTERLACE_ADAM7, true},
	{"of two blocks", 8, PNG_COLOR_TYPE_RGB, 224, 224, 0, 6, PNG_INTERLACE_NONE, false},
	{"of long rows", 8, PNG_COLOR_TYPE_RGB, 700, 2, 0, 6, PNG_INTERLACE_NONE, false},
};

static void put(png_structp png, png_bytep p, size_t n)
{
	struct sample *s = png_get_io_ptr(png);
	if (n > sizeof s->bytes - s->n)
		png_error(png, "too large");
	memcpy(s->bytes + s->n, p, n);
	s->n += n;
}

static void put_nothing(png_structp png)
{
	(void)png;
}

static void make(const struct kind *k, struct sample *s)
{
	static unsigned char row[8 * 1024];
	const png_color palette[4] = {{1, 2, 3}, {250, 0, 9}, {77, 77, 77}, {0, 255, 0}};
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	if (!info || setjmp(png_jmpbuf(png)))
		abort();
	s->n = 0;
	png_set_write_fn(png, s, put, put_nothing);
	png_set_IHDR(png, info, (png_uint_32)k->width, (png_uint_32)k->height, k->depth, k->type,
		k->interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	if (k->type == PNG_COLOR_TYPE_PALETTE)
		png_set_PLTE(png, info, palette, 4);
	png_set_compression_level(png, k->level);
	if (k->chunk)
		png_set_compression_buffer_size(png, k->chunk);
	png_write_info(png, info);
	const int passes = png_set_interlace_handling(png);
	for (int pass = 0; pass < passes; pass++)
		for (size_t y = 0; y < k->height; y++) {
			for (size_t i = 0; i < sizeof row; i++)
				row[i] = k->grows ? (unsigned char)(29 * y + 7 * i * i + i * y)
						  : (unsigned char)(i / 40 + y / 9);
			png_write_row(png, row);
		}
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
}

/* ---- libpng alone ---------------------------------------------------------------------- */

struct plain {
	const struct sample *s;
	size_t at;
	char why[200];
};

static void complain(png_structp png, png_const_charp why)
{
	struct plain *p = png_get_error_ptr(png);
	(void)snprintf(p->why, sizeof p->why, "the PNG is damaged or cut (%s)", why);
	png_longjmp(png, 1);
}

static void say_nothing(png_structp png, png_const_charp why)
{
	(void)png;
	(void)why;
}

static void take(png_structp png, png_bytep to, size_t n)
{
	struct plain *p = png_get_io_ptr(png);
	if (n > p->s->n - p->at)
		png_error(png, "it ends too early");
	memcpy(to, p->s->bytes + p->at, n);
	p->at += n;
}

static void read_plain(
	png_structp png, png_infop info, const struct picture *size, unsigned char *to)
{
	const size_t row = size->width * size->channels;
	png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
	png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
	png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
	png_read_info(png, info);
	png_set_expand(png);
	png_set_scale_16(png);
	png_set_strip_alpha(png);
	const int passes = png_set_interlace_handling(png);
	png_read_update_info(png, info);
	if (png_get_rowbytes(png, info) != row)
		png_error(png, "it is not of the size its header says");
	for (int pass = 0; pass < passes; pass++)
		for (size_t y = 0; y < size->height; y++)
			png_read_row(png, to + y * row, NULL);
	png_read_end(png, NULL);
}

/* The message, "" = none. */
static const char *decode_plain(
	struct plain *p, const struct sample *s, const struct picture *size, unsigned char *to)
{
	*p = (struct plain){.s = s};
	png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, p, complain, say_nothing);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	if (!info)
		abort();
	png_set_read_fn(png, p, take);
	if (setjmp(png_jmpbuf(png)) == 0)
		read_plain(png, info, size, to);
	png_destroy_read_struct(&png, &info, NULL);
	return p->why;
}

/* ---- both ------------------------------------------------------------------------------ */

static bool same(const struct sample *s, const char **why)
{
	static unsigned char one[ROOM], other[ROOM], rows[ROOM];
	static struct picture_room room;
	static struct plain p;
	static struct cvt_err e;
	const struct dataset_options o = {.max_chunks = SIZE_MAX};
	const struct picture_codec *codec = picture_codec(s->bytes, s->n);
	struct picture size;
	struct png_pieces pieces;
	bool more;
	e = (struct cvt_err){0};
	if (!codec || codec->measure(s->bytes, s->n, &size, &more, &e) != CVT_OK
		|| size.height > 1 << 16 || size.width > 1 << 16 || picture_bytes(&size) > ROOM)
		return true;
	const size_t n = png_rows_room(s->bytes, s->n);
	unpacked += n && n <= ROOM && png_rows_unpack(s->bytes, s->n, rows, &pieces);
	memset(one, 0, picture_bytes(&size));
	memset(other, 0, picture_bytes(&size));
	e.text[0] = '\0';
	const int code = codec->decode(s->bytes, s->n, &size, &o, &room, one, &e);
	*why = decode_plain(&p, s, &size, other);
	if (code != CVT_OK)
		return strcmp(e.text, *why) == 0;
	return !**why && memcmp(one, other, picture_bytes(&size)) == 0;
}

static void try_damage(const struct kind *kind, const struct sample *s, const struct malform *how)
{
	static struct sample bad;
	const size_t all = how->cases(s);
	const size_t step = getenv("TORTURE") || all <= SAMPLED ? 1 : all / SAMPLED | 1;
	size_t tried = 0, wrong = 0;
	unpacked = 0;
	for (size_t k = 0; k < all; k += step) {
		const char *why = "";
		if (!how->make(s, k, &bad))
			continue;
		tried++;
		if (same(&bad, &why))
			continue;
		if (wrong++ == 0)
			printf("# %s, %s %zu: libpng says '%s'\n", kind->name, how->name, k, why);
	}
	printf("%s %s: %s: %zu cases, %zu of them unpacked\n", wrong ? "not ok" : "ok", kind->name,
		how->name, tried, unpacked);
	failures += wrong != 0;
}

/* A window of 2^bits in zlib's header: shorter than the rows, it is not for us to ignore. */
static void try_window(const struct kind *kind, const struct sample *s)
{
	static struct sample bad;
	const char *why = "";
	size_t at = 8, wrong = 0;
	while (memcmp(s->bytes + at + 4, "IDAT", 4) != 0)
		at += big_endian(s->bytes + at) + 12;
	for (unsigned bits = 8; bits <= 15; bits++) {
		bad = *s;
		bad.bytes[at + 8] = (unsigned char)((bits - 8) << 4 | 8);
		bad.bytes[at + 9] = (unsigned char)(31 - bad.bytes[at + 8] * 256u % 31);
		mend(&bad);
		wrong += !same(&bad, &why);
	}
	printf("%s %s: windows\n", wrong ? "not ok" : "ok", kind->name);
	failures += wrong != 0;
}

int main(void)
{
	static struct sample s;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		const struct kind *k = &kinds[i];
		const char *why = "";
		make(k, &s);
		unpacked = 0;
		const bool alike = same(&s, &why) && !*why;
		const bool expected = k->interlace == PNG_INTERLACE_NONE && k->width < 700;
		printf("%s %s\n", alike && unpacked == expected ? "ok" : "not ok", k->name);
		failures += !alike || unpacked != expected;
		for (size_t j = 0; j < sizeof malforms / sizeof *malforms; j++)
			try_damage(k, &s, &malforms[j]);
		try_window(k, &s);
	}
	return failures != 0;
}
