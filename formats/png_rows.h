/*
 * png_rows: the rows of a PNG, unpacked by zlib in one go, before libpng reads them. libpng asks zlib
 * for one row at a time, and zlib's fast loop wants room for 258 bytes (inflate_fast): of rows
 * narrower than that nothing is unpacked by it, of others not their ends.
 */
#ifndef CVT_PNG_ROWS_H
#define CVT_PNG_ROWS_H

#include <stdbool.h>
#include <stddef.h>

enum { PNG_PIECES = 3 };

/* The bytes of a PNG one behind the other, as libpng is to read them; borrowed. */
struct png_pieces {
	const unsigned char *p[PNG_PIECES];
	size_t n[PNG_PIECES];
};

/* Bytes that png_rows_unpack writes for the PNG p[0..n), which begins with a whole IHDR; 0 = it is
 * none of those that gain by it. */
size_t png_rows_room(const unsigned char *p, size_t n);
/* Puts all rows into `to` (so many bytes), as an IDAT that is not compressed, whose CRC is none. The
 * pieces are the file with that one in place of its own. False for whatever is not in order: libpng
 * shall read the file as it is, and say what is wrong. */
bool png_rows_unpack(
	const unsigned char *p, size_t n, unsigned char *to, struct png_pieces *pieces);

#endif
