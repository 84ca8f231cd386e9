/*
 * malform: a deterministic generator of malformed files. From a good sample it makes case k of a
 * kind of damage: cut, bits turned round, numbers at the edges of their types (binary of every
 * width and order, and written in digits), blocks doubled, missing and exchanged. The sums that
 * would give damage away (CRCs of PNG and of streams, the sum of a tar header) are made right again
 * but for cuts and bits, so that it is the reader that has to notice.
 */
#ifndef CVT_MALFORM_H
#define CVT_MALFORM_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "../../formats/stream_frame.h"

enum { MALFORM_BYTES = 16384 };

struct sample {
	unsigned char bytes[MALFORM_BYTES];
	size_t n;
};

/* A kind of damage: case k of it; false when that would change nothing. */
struct malform {
	const char *name;
	size_t (*cases)(const struct sample *s);
	bool (*make)(const struct sample *s, size_t k, struct sample *to);
};

/* ---- sums made right --------------------------------------------------------------- */

static size_t big_endian(const unsigned char *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

static void mend_png(struct sample *s)
{
	for (size_t at = 8, n; at + 12 <= s->n; at += n + 12) {
		n = big_endian(s->bytes + at);
		if (n > s->n - at - 12)
			return;
		const uLong crc = crc32(0, s->bytes + at + 4, (uInt)n + 4);
		for (int i = 0; i < 4; i++)
			s->bytes[at + 8 + n + (size_t)i] = (unsigned char)(crc >> (24 - 8 * i));
	}
}

static void mend_stream(struct sample *s)
{
	for (size_t at = 0; at + FRAME_BYTES <= s->n;) {
		unsigned char *p = s->bytes + at;
		uint64_t body;
		memcpy(&body, p + 24, sizeof body);
		const size_t left = s->n - at - FRAME_BYTES, n = body < left ? (size_t)body : left;
		const uint32_t sum = frame_crc(0, p + FRAME_BYTES, n);
		memcpy(p + 56, &sum, sizeof sum);
		const uint32_t own = frame_crc(0, p, 60);
		memcpy(p + 60, &own, sizeof own);
		at += FRAME_BYTES + n;
	}
}

static void mend_tar(struct sample *s)
{
	for (size_t at = 0; at + 512 <= s->n; at += 512) {
		unsigned char *p = s->bytes + at;
		unsigned sum = 0;
		if (memcmp(p + 257, "ustar", 5) != 0)
			continue;
		memset(p + 148, ' ', 8);
		for (size_t i = 0; i < 512; i++)
			sum += p[i];
		(void)snprintf((char *)p + 148, 8, "%06o", sum);
	}
}

static void mend(struct sample *s)
{
	if (s->n > 8 && memcmp(s->bytes, "\x89PNG", 4) == 0)
		mend_png(s);
	else if (s->n > 8
		 && memcmp(s->bytes,
			    "\x89"
			    "CVT",
			    4)
			    == 0)
		mend_stream(s);
	else if (s->n > 262 && memcmp(s->bytes + 257, "ustar", 5) == 0)
		mend_tar(s);
}

/* ---- cuts and bits ----------------------------------------------------------------- */

static size_t cut_cases(const struct sample *s)
{
	return s->n;
}

static bool cut_make(const struct sample *s, size_t k, struct sample *to)
{
	memcpy(to->bytes, s->bytes, k);
	to->n = k;
	return true;
}

static size_t bit_cases(const struct sample *s)
{
	return 8 * s->n;
}

static bool bit_make(const struct sample *s, size_t k, struct sample *to)
{
	*to = *s;
	to->bytes[k / 8] ^= (unsigned char)(1 << k % 8);
	return true;
}

/* ---- numbers ----------------------------------------------------------------------- */

static const uint64_t edges[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
	0x80000000, 0xffffffff, 0x100000000, (uint64_t)1 << 62, INT64_MAX, (uint64_t)1 << 63,
	UINT64_MAX};
enum { EDGES = sizeof edges / sizeof *edges, WIDTHS = 4 };

/* At every byte: every edge, as 1, 2, 4 and 8 bytes, least or most important first. */
static size_t number_cases(const struct sample *s)
{
	return s->n * EDGES * WIDTHS * 2;
}

static bool number_make(const struct sample *s, size_t k, struct sample *to)
{
	const size_t at = k / (EDGES * WIDTHS * 2), width = (size_t)1 << k % WIDTHS;
	const bool most_first = k / WIDTHS % 2;
	const uint64_t edge = edges[k / (WIDTHS * 2) % EDGES];
	if (width > s->n - at || (width < 8 && edge >> (8 * width)))
		return false;
	*to = *s;
	for (size_t i = 0; i < width; i++)
		to->bytes[at + i] = (unsigned char)(edge >> 8 * (most_first ? width - 1 - i : i));
	mend(to);
	return memcmp(to->bytes, s->bytes, s->n) != 0;
}

static const char *const written[] = {"", "0", "1", "-1", "+7", "00", "255", "65536", "2147483647",
	"2147483648", "4294967296", "4611686018427387904", "9223372036854775807",
	"9223372036854775808", "18446744073709551615", "18446744073709551616",
	"99999999999999999999999999999999999999999", "1e999", "-1e999", "nan", "inf", "0x10", "1.5",
	"7777777"};
enum { WRITTEN = sizeof written / sizeof *written };

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

/* Where run k of digits begins; s->n when there are fewer. */
static size_t digits(const struct sample *s, size_t k)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_digit(s->bytes[i]) && (i == 0 || !is_digit(s->bytes[i - 1])) && k-- == 0)
			return i;
	return s->n;
}

static size_t digit_cases(const struct sample *s)
{
	size_t runs = 0;
	for (size_t i = 0; i < s->n; i++)
		runs += is_digit(s->bytes[i]) && (i == 0 || !is_digit(s->bytes[i - 1]));
	return runs * WRITTEN;
}

static bool digit_make(const struct sample *s, size_t k, struct sample *to)
{
	const char *word = written[k % WRITTEN];
	const size_t at = digits(s, k / WRITTEN), n = strlen(word);
	size_t end = at;
	while (end < s->n && is_digit(s->bytes[end]))
		end++;
	if (s->n - (end - at) + n > MALFORM_BYTES)
		return false;
	memcpy(to->bytes, s->bytes, at);
	memcpy(to->bytes + at, word, n);
	memcpy(to->bytes + at + n, s->bytes + end, s->n - end);
	to->n = s->n - (end - at) + n;
	mend(to);
	return true;
}

/* ---- blocks ------------------------------------------------------------------------ */

static const size_t block_bytes[] = {1, 4, 16, 64, 128, 512};
enum { BLOCKS = sizeof block_bytes / sizeof *block_bytes };

static size_t block_cases(const struct sample *s)
{
	return s->n * BLOCKS * 3;
}

/* The block at a multiple of its size comes twice, is missing, or changes places with the next. */
static bool block_make(const struct sample *s, size_t k, struct sample *to)
{
	const size_t how = k % 3, n = block_bytes[k / 3 % BLOCKS], at = k / (3 * BLOCKS);
	if (at % n || n > s->n - at || (how == 0 && s->n + n > MALFORM_BYTES)
		|| (how == 2 && 2 * n > s->n - at))
		return false;
	*to = *s;
	if (how == 0) {
		memcpy(to->bytes + at + n, s->bytes + at, s->n - at);
		to->n = s->n + n;
	} else if (how == 1) {
		memcpy(to->bytes + at, s->bytes + at + n, s->n - at - n);
		to->n = s->n - n;
	} else {
		memcpy(to->bytes + at, s->bytes + at + n, n);
		memcpy(to->bytes + at + n, s->bytes + at, n);
	}
	mend(to);
	return true;
}

static const struct malform malforms[] = {
	{"cut", cut_cases, cut_make},
	{"bits", bit_cases, bit_make},
	{"numbers", number_cases, number_make},
	{"digits", digit_cases, digit_make},
	{"blocks", block_cases, block_make},
};

#endif
