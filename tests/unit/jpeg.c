/*
 * JPEG of inks: cyan, magenta, yellow and black become colours, with Adobe's marker (255 is no ink)
 * and without (255 is all of it). A file in which two frame headers can be seen, of which the
 * decoder takes the other one. And what the limit of pixels in all scans lets pass: all that
 * libjpeg's own progressions write, of one component to four.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../formats/dataset.h"
#include "picture_make.h"

enum { GOLDEN = 4096 };

static int failures;

static void check(bool good, const char *what)
{
	printf("%s %s\n", good ? "ok" : "not ok", what);
	failures += !good;
}

/* The first picture of those bytes into *b. */
static int read_within(const unsigned char *p, size_t n, const struct dataset_options *o,
	struct batch *b, struct cvt_err *e)
{
	const size_t first = 0;
	struct input *in = NULL;
	struct dataset *d = NULL;
	TRY(input_of_memory(&in, "sample", p, n, e));
	TRY(dataset_open_input(&d, in, o, e));
	const int code = dataset_read(d, &first, 1, b, e);
	dataset_close(d);
	return code;
}

static int read_jpeg(const unsigned char *p, size_t n, struct batch *b, struct cvt_err *e)
{
	return read_within(p, n, NULL, b, e);
}

static void test_inks(bool adobe)
{
	static const unsigned char inks[][4] = {
		{0, 0, 0, 0}, {255, 255, 255, 255}, {255, 0, 128, 255}, {10, 200, 90, 160}};
	bool good = true;
	for (size_t i = 0; i < sizeof inks / sizeof *inks; i++) {
		struct batch b = {0};
		struct cvt_err e = {0};
		size_t n = 0;
		const struct jpeg_made how = {
			.components = 4, .space = JCS_CMYK, .adobe = adobe, .colour = inks[i]};
		unsigned char *p = picture_make_jpeg(&how, &n);
		const bool read = read_jpeg(p, n, &b, &e) == CVT_OK;
		const struct tensor *t = read ? batch_get(&b, "image") : NULL;
		good = good && t && t->bytes == (size_t)PICTURE_SIDE * PICTURE_SIDE * 3;
		for (size_t k = 0; good && k < t->bytes; k++) {
			const int ink = inks[i][k % 3], black = inks[i][3];
			const int want =
				adobe ? ink * black / 255 : (255 - ink) * (255 - black) / 255;
			good = abs(((const unsigned char *)t->data)[k] - want) <= 2;
		}
		batch_free(&b);
		free(p);
	}
	check(good, adobe ? "inks, as Adobe has them" : "inks, without Adobe's marker");
}

/* A marker without a segment (TEM), then a comment of 65,535 bytes: taken for the segment's length,
 * the comment's marker leads 4 bytes before the comment's end, where another frame header stands. */
static void test_two_sizes(void)
{
	static unsigned char bytes[8 + 65536 + GOLDEN];
	static const unsigned char start[] = {0xff, 0xd8, 0xff, 0x01, 0xff, 0xfe, 0xff, 0xff},
				   frame[] = {0xff, 0xc0, 0, 0xff, 0xfe, 0, 16, 0, 16, 3};
	const size_t at = 2 + 2 + 0xfffe;
	struct batch b = {0};
	struct cvt_err e = {0};
	FILE *f = fopen("tests/golden/formats/jpeg", "rb");
	memcpy(bytes, start, sizeof start);
	memcpy(bytes + at, frame, sizeof frame);
	/* The frame is the comment's last bytes and the beginning of the next comment, of 16. */
	const size_t end = at + 5 + 16;
	/* The golden file's own start has been given. */
	const bool there = f && fseek(f, 2, SEEK_SET) == 0;
	const size_t n = there ? fread(bytes + end, 1, GOLDEN, f) : 0;
	if (f)
		(void)fclose(f);
	check(n > 0 && read_jpeg(bytes, end + n, &b, &e) == CVT_INPUT
			&& strstr(e.text, "not of the size its header says"),
		"two frame headers of different sizes");
	batch_free(&b);
}

/* Components that the scans of a picture have in all; 24 of the largest picture are the default. */
static void test_scans(int components, J_COLOR_SPACE space, size_t passes)
{
	struct batch b = {0};
	struct cvt_err e = {0};
	size_t n = 0;
	const struct jpeg_made how = {
		.components = components, .space = space, .progressive = true};
	unsigned char *p = picture_make_jpeg(&how, &n);
	struct dataset_options o = {.max_scan_pixels = passes * PICTURE_SIDE * PICTURE_SIDE};
	char what[80];
	bool good = passes <= 24 && read_within(p, n, &o, &b, &e) == CVT_OK;
	o.max_scan_pixels--;
	good = good && read_within(p, n, &o, &b, &e) == CVT_LIMIT
	       && strstr(e.text, "raise cv-read --max-scan-pixels");
	(void)snprintf(what, sizeof what, "a progression of %d components is %zu passes",
		components, passes);
	check(good, what);
	batch_free(&b);
	free(p);
}

int main(void)
{
	test_scans(1, JCS_GRAYSCALE, 6);
	test_scans(3, JCS_RGB, 14);
	test_scans(4, JCS_CMYK, 24);
	test_inks(true);
	test_inks(false);
	test_two_sizes();
	return failures != 0;
}
