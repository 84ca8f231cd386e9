/*
 * pnm: the netpbm family, P1 to P6 (pbm, pgm, ppm; plain and raw) and P7 (pam), see pnm(5). Values
 * are scaled to 0..255 (rounded); in a pbm 1 is black. Alpha of a pam is dropped.
 */
#include <stdlib.h>
#include <string.h>

#include "picture.h"

struct header {
	int kind; /* the digit */
	size_t width, height, depth, most;
	size_t data; /* where the samples begin */
};

struct text {
	const unsigned char *p;
	size_t n, at;
};

static bool is_blank(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool pnm_is(const unsigned char *p, size_t n)
{
	return n >= 3 && p[0] == 'P' && p[1] >= '1' && p[1] <= '7'
	       && (is_blank(p[2]) || (p[2] == '#' && p[1] != '7'));
}

/* Blanks and comments. */
static void skip_blanks(struct text *t)
{
	while (t->at < t->n && (is_blank(t->p[t->at]) || t->p[t->at] == '#')) {
		if (t->p[t->at] == '#')
			while (t->at < t->n && t->p[t->at] != '\n')
				t->at++;
		else
			t->at++;
	}
}

static bool number(struct text *t, size_t *to)
{
	size_t v = 0, digits = 0;
	skip_blanks(t);
	for (; t->at < t->n && t->p[t->at] >= '0' && t->p[t->at] <= '9' && digits < 10; digits++)
		v = v * 10 + (size_t)(t->p[t->at++] - '0');
	*to = v;
	return digits > 0 && digits < 10;
}

/* ---- headers ----------------------------------------------------------------------- */

static bool word(struct text *t, const char *name)
{
	const size_t n = strlen(name);
	if (t->n - t->at < n || memcmp(t->p + t->at, name, n) != 0)
		return false;
	t->at += n;
	return true;
}

static void to_line_end(struct text *t)
{
	while (t->at < t->n && t->p[t->at] != '\n')
		t->at++;
}

static bool parse_pam(struct text *t, struct header *h)
{
	for (;;) {
		bool good = true;
		skip_blanks(t);
		if (word(t, "ENDHDR"))
			break;
		if (word(t, "WIDTH"))
			good = number(t, &h->width);
		else if (word(t, "HEIGHT"))
			good = number(t, &h->height);
		else if (word(t, "DEPTH"))
			good = number(t, &h->depth);
		else if (word(t, "MAXVAL"))
			good = number(t, &h->most);
		else if (!word(t, "TUPLTYPE"))
			return false;
		if (!good)
			return false;
		to_line_end(t);
	}
	to_line_end(t);
	return h->depth >= 1 && h->depth <= 4;
}

static bool parse_header(const unsigned char *p, size_t n, struct header *h)
{
	struct text t = {p, n, 2};
	*h = (struct header){.kind = p[1] - '0', .most = 1, .depth = 1};
	if (h->kind == 7) {
		if (!parse_pam(&t, h))
			return false;
	} else {
		h->depth = h->kind == 3 || h->kind == 6 ? 3 : 1;
		if (!number(&t, &h->width) || !number(&t, &h->height)
			|| (h->kind != 1 && h->kind != 4 && !number(&t, &h->most)))
			return false;
	}
	h->data = t.at + 1; /* exactly one blank */
	return t.at < n && is_blank(p[t.at]) && h->most >= 1 && h->most <= 65535;
}

static int pnm_measure(
	const unsigned char *p, size_t n, struct picture *size, bool *more, struct cvt_err *e)
{
	struct header h;
	*more = false;
	(void)e;
	if (!parse_header(p, n, &h)) { /* comments may be long */
		*more = true;
		return CVT_OK;
	}
	*size = (struct picture){h.height, h.width, h.depth < 3 ? 1 : 3};
	return CVT_OK;
}

/* ---- samples ----------------------------------------------------------------------- */

static unsigned char scale(size_t v, size_t most)
{
	return (unsigned char)(most == 255 ? v : (v * 255 + most / 2) / most);
}

static int cut(struct cvt_err *e)
{
	return cvt_fail(
		e, CVT_INPUT, "the netpbm picture is cut, or has letters where numbers should be");
}

static int decode_plain(struct text *t, const struct header *h, size_t samples, unsigned char *to,
	struct cvt_err *e)
{
	for (size_t i = 0; i < samples; i++) {
		size_t v;
		if (h->kind == 1) {
			skip_blanks(t);
			if (t->at == t->n || (t->p[t->at] != '0' && t->p[t->at] != '1'))
				return cut(e);
			to[i] = t->p[t->at++] == '1' ? 0 : 255;
			continue;
		}
		if (!number(t, &v))
			return cut(e);
		if (v > h->most)
			return cvt_fail(
				e, CVT_INPUT, "a sample is %zu, above the maximum %zu", v, h->most);
		to[i] = scale(v, h->most);
	}
	return CVT_OK;
}

static int decode_bits(
	const struct text *t, const struct header *h, unsigned char *to, struct cvt_err *e)
{
	const size_t row = (h->width + 7) / 8;
	if ((t->n - t->at) / row < h->height)
		return cut(e);
	for (size_t y = 0; y < h->height; y++)
		for (size_t x = 0; x < h->width; x++)
			*to++ = t->p[t->at + y * row + x / 8] >> (7 - x % 8) & 1 ? 0 : 255;
	return CVT_OK;
}

/* `keep` of every `depth` samples are wanted; the rest is alpha. */
static int decode_raw(const struct text *t, const struct header *h, size_t pixels, size_t keep,
	unsigned char *to, struct cvt_err *e)
{
	const size_t wide = h->most > 255 ? 2 : 1, pixel = wide * h->depth;
	const unsigned char *p = t->p + t->at;
	if ((t->n - t->at) / pixel < pixels)
		return cut(e);
	for (size_t i = 0; i < pixels; i++, p += pixel)
		for (size_t k = 0; k < keep; k++) {
			const size_t v = wide == 2 ? (size_t)p[2 * k] << 8 | p[2 * k + 1] : p[k];
			if (v > h->most)
				return cvt_fail(e, CVT_INPUT,
					"a sample is %zu, above the maximum %zu", v, h->most);
			*to++ = scale(v, h->most);
		}
	return CVT_OK;
}

static int pnm_decode(const unsigned char *p, size_t n, const struct picture *size,
	const struct dataset_options *o, struct picture_room *room, unsigned char *to,
	struct cvt_err *e)
{
	(void)room;
	(void)o;
	struct header h;
	if (!pnm_is(p, n) || !parse_header(p, n, &h))
		return cvt_fail(e, CVT_INPUT, "the netpbm header is damaged or cut");
	if (h.width != size->width || h.height != size->height)
		return cvt_fail(
			e, CVT_INPUT, "the netpbm picture is not of the size its header said");
	struct text t = {p, n, h.data};
	const size_t pixels = h.width * h.height;
	if (h.kind <= 3)
		return decode_plain(&t, &h, pixels * h.depth, to, e);
	if (h.kind == 4)
		return decode_bits(&t, &h, to, e);
	return decode_raw(&t, &h, pixels, size->channels, to, e);
}

static const struct picture_codec codec = {pnm_is, pnm_measure, NULL, pnm_decode};

const struct format format_pnm = {
	.name = "pnm",
	.help = "netpbm pictures: PBM, PGM and PPM, plain or raw, and PAM",
	.picture = &codec,
};
