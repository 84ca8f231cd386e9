/*
 * png_rows: the rows of a PNG in one go (see png_rows.h). The chunks up to the last IDAT are walked
 * over; those of pixels must have the CRC they say, hold one zlib stream that ends where they end,
 * and that as many bytes as the header's rows. Interlaced pictures stay with libpng, and those
 * whose rows are so long, or so many, that little is gained. A window (CMF) shorter than the rows
 * would let zlib, which has all of them before it here, reach further back than it may.
 */
#include "png_rows.h"

#define ZLIB_CONST

#include <string.h>
#include <zlib.h>

#include "crc.h"

enum { SIGNATURE = 8, HEADER = 33, FRAME = 12, LONG_ROW = 2048, MOST = 1 << 20 };
/* Of a deflate stream whose blocks are stored: of zlib's header, of a block's, of one block at most.
 * And room behind the rows, so that their end is unpacked by the fast loop, too. */
enum { Z_HEAD = 2, B_HEAD = 5, B_MOST = 65535, SLACK = 512 };

struct walk {
	const unsigned char *p;
	size_t n, first, at; /* the first IDAT, and how far one has come */
	size_t left, most;   /* bytes of rows that have no block yet; that an IDAT may have */
	size_t chunk;        /* bytes of this IDAT */
	unsigned char *to;   /* the next block */
	z_stream z;
};

static size_t big_endian(const unsigned char *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

static void put_big_endian(unsigned char *to, size_t v)
{
	for (int i = 0; i < 4; i++)
		to[i] = (unsigned char)(v >> (24 - 8 * i));
}

/* Bytes of all rows, each with its filter's; 0 = not for us. */
static size_t bytes_of_rows(const unsigned char *p, size_t n)
{
	static const unsigned char samples[] = {1, 0, 3, 1, 2, 0, 4};
	if (n < HEADER || p[25] >= sizeof samples || p[28] != 0)
		return 0;
	const size_t width = big_endian(p + 16), height = big_endian(p + 20);
	const size_t row = 1 + (width * samples[p[25]] * p[24] + 7) / 8;
	return row < 2 || row > LONG_ROW || height > MOST / row ? 0 : row * height;
}

static size_t bytes_of_chunk(size_t rows)
{
	return FRAME + Z_HEAD + B_HEAD * ((rows + B_MOST - 1) / B_MOST) + rows + 4;
}

size_t png_rows_room(const unsigned char *p, size_t n)
{
	const size_t rows = bytes_of_rows(p, n);
	return rows ? bytes_of_chunk(rows) + SLACK : 0;
}

static bool is_chunk(const struct walk *w, const char *type)
{
	return w->n - w->at >= FRAME && memcmp(w->p + w->at + 4, type, 4) == 0
	       && big_endian(w->p + w->at) <= w->n - w->at - FRAME;
}

/* Over all that stands before the pixels. */
static bool find_pixels(struct walk *w)
{
	for (w->at = SIGNATURE; !is_chunk(w, "IDAT");) {
		const size_t left = w->n - w->at;
		if (left < FRAME || big_endian(w->p + w->at) > left - FRAME)
			return false;
		w->at += FRAME + big_endian(w->p + w->at);
	}
	w->first = w->at;
	return true;
}

/* The next IDAT is what zlib reads next, if there is one, no larger than its rows. */
static bool next_chunk(struct walk *w)
{
	if (!is_chunk(w, "IDAT") || big_endian(w->p + w->at) > w->most)
		return false;
	w->chunk = big_endian(w->p + w->at);
	w->z.next_in = w->p + w->at + 8;
	w->z.avail_in = (uInt)w->chunk;
	w->at += FRAME + w->chunk;
	return true;
}

/* Of the IDATs, all of which zlib has read: slower than this, it waits less for memory. */
static bool crcs_are_right(const struct walk *w)
{
	size_t n;
	for (size_t at = w->first; at < w->at; at += FRAME + n) {
		n = big_endian(w->p + at);
		if (crc_add(0, w->p + at + 4, n + 4) != big_endian(w->p + at + 8 + n))
			return false;
	}
	return true;
}

/* The head of a stored block, and room behind it. */
static void next_block(struct walk *w)
{
	const size_t n = w->left < B_MOST ? w->left : B_MOST;
	unsigned char *to = w->to;
	w->left -= n;
	to[0] = w->left == 0;
	to[1] = (unsigned char)n;
	to[2] = (unsigned char)(n >> 8);
	to[3] = (unsigned char)~to[1];
	to[4] = (unsigned char)~to[2];
	w->z.next_out = to + B_HEAD;
	w->z.avail_out = (uInt)(w->left ? n : n + SLACK);
	w->to = to + B_HEAD + n;
}

/* All rows, and nothing but them. */
static bool unpack(struct walk *w)
{
	z_stream *z = &w->z;
	bool stuck = false;
	int code = Z_OK;
	while ((code == Z_OK || code == Z_BUF_ERROR) && !stuck) {
		if (z->avail_in == 0 && !next_chunk(w))
			return false;
		if (z->avail_out == 0 && w->left > 0)
			next_block(w);
		const uInt in = z->avail_in, out = z->avail_out;
		code = inflate(z, Z_FINISH);
		stuck = in > 0 && z->avail_in == in && z->avail_out == out;
	}
	return code == Z_STREAM_END && z->avail_in == 0 && z->avail_out == SLACK && w->left == 0
	       && !is_chunk(w, "IDAT");
}

/* Does zlib's header (the first byte of it) allow to reach back over all rows? */
static bool window_spans(const struct walk *w)
{
	const unsigned char *chunk = w->p + w->first;
	const size_t bits = big_endian(chunk) ? 8 + (chunk[8] >> 4) : 0;
	return bits == 15 || (bits < 15 && w->left <= (size_t)1 << bits);
}

bool png_rows_unpack(const unsigned char *p, size_t n, unsigned char *to, struct png_pieces *pieces)
{
	const size_t rows = bytes_of_rows(p, n), chunk = bytes_of_chunk(rows);
	struct walk w = {.p = p, .n = n, .left = rows, .most = chunk - FRAME};
	w.to = to + 8 + Z_HEAD;
	if (!find_pixels(&w) || !window_spans(&w) || inflateInit2(&w.z, 0) != Z_OK)
		return false;
	const bool whole = unpack(&w) && crcs_are_right(&w);
	(void)inflateEnd(&w.z);
	if (!whole)
		return false;
	put_big_endian(to, chunk - FRAME);
	/* a window of 256 bytes: nothing reaches back */
	memcpy(to + 4, "IDAT\x08\x1d", 4 + Z_HEAD);
	put_big_endian(to + chunk - 8, w.z.adler);
	memset(to + chunk - 4, 0, 4);
	*pieces = (struct png_pieces){{p, to, p + w.at}, {w.first, chunk, n - w.at}};
	return true;
}
