/*
 * jpeg: JPEG by libjpeg-turbo, to the byte as Pillow decodes it (slow integer DCT, fancy
 * upsampling, Exif orientation ignored). What libjpeg only warns of (a premature end, damaged
 * entropy data) is an error here. A scan of a few bytes can go over all pixels, so a picture that
 * comes in hundreds of scans is refused, and so is a large one in dozens, before it is decoded.
 *
 * libjpeg leaves by longjmp: all that lives across it is in struct job.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "picture.h"

struct job {
	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr errors;
	struct jpeg_progress_mgr progress;
	jmp_buf out;
	const unsigned char *p;
	size_t n, most_scans;
	const struct picture *size;
	unsigned char *to, *cmyk; /* cmyk: a row, when that is what the file has */
	struct cvt_err *e;
	int code;
};

static bool jpeg_is(const unsigned char *start, size_t n)
{
	return n >= 3 && memcmp(start, "\xff\xd8\xff", 3) == 0;
}

/* A frame header: SOF0 to SOF15 without the tables and such between them. */
static bool is_frame(int marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8
	       && marker != 0xcc;
}

/* Walks the segments to the frame header. */
static int jpeg_measure(
	const unsigned char *p, size_t n, struct picture *size, bool *more, struct cvt_err *e)
{
	size_t at = 2;
	*more = true;
	for (;;) {
		while (at + 1 < n && p[at] == 0xff && p[at + 1] == 0xff)
			at++;
		if (n < 10 || at > n - 10)
			return CVT_OK;
		const int marker = p[at + 1];
		if (p[at] != 0xff || marker == 0xd9 || marker == 0xda)
			return cvt_fail(
				e, CVT_INPUT, "the JPEG has no frame header where one should be");
		if (is_frame(marker))
			break;
		at += 2 + ((size_t)p[at + 2] << 8 | p[at + 3]);
	}
	const int components = p[at + 9];
	*more = false;
	if (components != 1 && components != 3 && components != 4)
		return cvt_fail(e, CVT_INPUT, "the JPEG has %d components; 1, 3 and 4 are known",
			components);
	*size = (struct picture){(size_t)p[at + 5] << 8 | p[at + 6],
		(size_t)p[at + 7] << 8 | p[at + 8], components == 1 ? 1 : 3};
	return CVT_OK;
}

/* Markers that stand alone: TEM, RST0 to RST7, SOI; 0 is a byte 255 of the data. */
static bool is_alone(int marker)
{
	return marker == 0 || marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8);
}

/* Walks all markers. How many scans there are, and how many components these have in all: how often
 * libjpeg goes over a picture. */
static void walk_scans(const unsigned char *p, size_t n, size_t *scans, size_t *components)
{
	const unsigned char *end = p + n;
	*scans = *components = 0;
	for (p = n > 2 ? p + 2 : end; (p = memchr(p, 0xff, (size_t)(end - p))) != NULL;) {
		while (p < end && *p == 0xff)
			p++;
		if (end - p < 4 || *p == 0xd9)
			return;
		const int marker = *p++;
		if (is_alone(marker))
			continue;
		*scans += marker == 0xda;
		*components += marker == 0xda ? p[2] : 0;
		const size_t length = (size_t)p[0] << 8 | p[1];
		if (length > (size_t)(end - p))
			return;
		p += length;
	}
}

static int too_many_scans(size_t most, struct cvt_err *e)
{
	return cvt_fail(
		e, CVT_LIMIT, "the JPEG has more than %zu scans; raise cv-read --max-scans", most);
}

/* A scan may say in a few bytes that nothing changes, and still costs a visit to every block. */
static int jpeg_affords(const unsigned char *p, size_t n, const struct picture *size,
	const struct dataset_options *o, struct cvt_err *e)
{
	size_t scans, components, pixels;
	walk_scans(p, n, &scans, &components);
	if (scans > o->max_scans)
		return too_many_scans(o->max_scans, e);
	if (mem_mul(components, size->height * size->width, &pixels)
		&& pixels <= o->max_scan_pixels)
		return CVT_OK;
	return cvt_fail(e, CVT_LIMIT,
		"%zu scans of a JPEG of %zu x %zu pixels, and at most %zu pixels in all scans are "
		"allowed; raise cv-read --max-scan-pixels",
		scans, size->height, size->width, o->max_scan_pixels);
}

static void fail(j_common_ptr jpeg)
{
	struct job *j = jpeg->client_data;
	char why[JMSG_LENGTH_MAX];
	jpeg->err->format_message(jpeg, why);
	j->code = jpeg->err->msg_code == JERR_OUT_OF_MEMORY
			  ? cvt_fail(j->e, CVT_SYSTEM, "out of memory for libjpeg")
			  : cvt_fail(j->e, CVT_INPUT, "the JPEG is damaged or cut (%s)", why);
	longjmp(j->out, 1);
}

static void warn(j_common_ptr jpeg, int level)
{
	if (level < 0)
		fail(jpeg);
}

static void count_scans(j_common_ptr jpeg)
{
	struct job *j = jpeg->client_data;
	if (!jpeg->is_decompressor || (size_t)j->jpeg.input_scan_number <= j->most_scans)
		return;
	j->code = too_many_scans(j->most_scans, j->e);
	longjmp(j->out, 1);
}

/* Adobe's CMYK is upside down: 255 is no ink. */
static void from_cmyk(const unsigned char *p, size_t pixels, bool adobe, unsigned char *to)
{
	for (size_t i = 0; i < pixels; i++, p += 4, to += 3)
		for (size_t k = 0; k < 3; k++) {
			const unsigned light = adobe ? p[k] : 255u - p[k],
				       key = adobe ? p[3] : 255u - p[3];
			to[k] = (unsigned char)((light * key + 127) / 255);
		}
}

static void decode(struct job *j)
{
	struct jpeg_decompress_struct *d = &j->jpeg;
	const size_t row = j->size->width * j->size->channels;
	jpeg_create_decompress(d);
	d->progress = &j->progress;
	jpeg_mem_src(d, j->p, (unsigned long)j->n);
	(void)jpeg_read_header(d, TRUE);
	const bool four = d->num_components == 4;
	d->out_color_space = four ? JCS_CMYK : j->size->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
	(void)jpeg_start_decompress(d);
	if (d->output_height != j->size->height || d->output_width != j->size->width
		|| (size_t)d->output_components != (four ? 4 : j->size->channels)) {
		j->code = cvt_fail(j->e, CVT_INPUT, "the JPEG is not of the size its header says");
		return;
	}
	if (four) {
		j->cmyk = mem_alloc(j->size->width, 4, j->e);
		if (!j->cmyk) {
			j->code = CVT_SYSTEM;
			return;
		}
	}
	while (d->output_scanline < d->output_height) {
		unsigned char *to = j->to + d->output_scanline * row, *line = four ? j->cmyk : to;
		if (jpeg_read_scanlines(d, &line, 1) == 1 && four)
			from_cmyk(line, j->size->width, d->saw_Adobe_marker != 0, to);
	}
	(void)jpeg_finish_decompress(d);
}

static int jpeg_decode(const unsigned char *p, size_t n, const struct picture *size,
	const struct dataset_options *o, struct picture_room *room, unsigned char *to,
	struct cvt_err *e)
{
	(void)room;
	struct job j = {.p = p, .n = n, .size = size, .to = to, .e = e, .most_scans = o->max_scans};
	j.jpeg.err = jpeg_std_error(&j.errors);
	j.jpeg.client_data = &j;
	j.errors.error_exit = fail;
	j.errors.emit_message = warn;
	j.progress.progress_monitor = count_scans;
	if (setjmp(j.out) == 0)
		decode(&j);
	jpeg_destroy_decompress(&j.jpeg);
	free(j.cmyk);
	return j.code;
}

static const struct picture_codec codec = {jpeg_is, jpeg_measure, jpeg_affords, jpeg_decode};

const struct format format_jpeg = {
	.name = "jpeg",
	.help = "JPEG pictures, baseline and progressive, grey, colour or CMYK",
	.picture = &codec,
};
