/* view_canvas: pixels, letters and frames (see view_canvas.h). */
#include "canvas.h"

#include <stdlib.h>
#include <string.h>

/* Letters from ' ' to '_', a row of three pixels an octal digit, the top row first; drawn for this
 * program. */
static const unsigned short letters[64] = {
	000000, 022202, 055000, 057575, 036236, 041241, 025356, 022000, /*  !"#$%&' */
	012221, 042224, 052725, 002720, 000024, 000700, 000002, 011244, /* ()*+,-./ */
	075557, 026227, 071747, 071317, 055711, 074717, 074757, 071122, /* 01234567 */
	075757, 075717, 002020, 002024, 012421, 007070, 042124, 071302, /* 89:;<=>? */
	075743, 025755, 065656, 034443, 065556, 074647, 074644, 034553, /* @ABCDEFG */
	055755, 072227, 011152, 055655, 044447, 057755, 065555, 025552, /* HIJKLMNO */
	065644, 025573, 065655, 034216, 072222, 055557, 055522, 055775, /* PQRSTUVW */
	055255, 055222, 071247, 064446, 044211, 031113, 025000, 000007, /* XYZ[\]^_ */
};

int canvas_open(
	struct canvas *c, size_t width, size_t height, struct colour ground, struct cvt_err *e)
{
	size_t pixels;
	*c = (struct canvas){width, height, NULL};
	if (mem_mul(width, height, &pixels))
		c->rgb = mem_alloc(pixels, 3, e);
	if (!c->rgb)
		return cvt_fail(e, CVT_SYSTEM, "out of memory for a picture of %zu x %zu pixels",
			width, height);
	for (size_t i = 0; i < pixels; i++)
		memcpy(c->rgb + 3 * i, &(const unsigned char[3]){ground.r, ground.g, ground.b}, 3);
	return CVT_OK;
}

void canvas_close(struct canvas *c)
{
	free(c->rgb);
	*c = (struct canvas){0};
}

void canvas_paste(struct canvas *c, const struct canvas *from, size_t x, size_t y)
{
	if (x >= c->width)
		return;
	const size_t n = from->width < c->width - x ? from->width : c->width - x;
	for (size_t row = 0; row < from->height && y + row < c->height; row++)
		memcpy(c->rgb + 3 * ((y + row) * c->width + x), from->rgb + 3 * row * from->width,
			3 * n);
}

void canvas_fill(struct canvas *c, size_t x0, size_t y0, size_t x1, size_t y1, struct colour ink)
{
	x1 = x1 < c->width ? x1 : c->width;
	y1 = y1 < c->height ? y1 : c->height;
	for (size_t y = y0; y < y1; y++)
		for (size_t x = x0; x < x1; x++) {
			unsigned char *p = c->rgb + 3 * (y * c->width + x);
			p[0] = ink.r;
			p[1] = ink.g;
			p[2] = ink.b;
		}
}

static void draw_letter(
	struct canvas *c, size_t x, size_t y, size_t scale, struct colour ink, unsigned char letter)
{
	if (letter >= 'a' && letter <= 'z')
		letter = (unsigned char)(letter - 32);
	if (letter < ' ' || letter > '_')
		letter = letter == '|' ? '!' : '?';
	const unsigned bits = letters[letter - ' '];
	for (unsigned i = 0; i < 15; i++)
		if (bits >> (14 - i) & 1)
			canvas_fill(c, x + i % 3 * scale, y + i / 3 * scale,
				x + (i % 3 + 1) * scale, y + (i / 3 + 1) * scale, ink);
}

void canvas_text(struct canvas *c, size_t x, size_t y, size_t scale, size_t most, struct colour ink,
	const char *text)
{
	const size_t step = LETTER_WIDTH * scale;
	for (size_t at = 0; *text && at + step <= most + scale; text++) {
		const unsigned char u = (unsigned char)*text;
		if ((u & 0xc0) == 0x80)
			continue; /* the rest of a letter of several bytes */
		draw_letter(c, x + at, y, scale, ink, u);
		at += step;
	}
}

static size_t inside(double v, size_t most)
{
	return v > 0 ? v < (double)most ? (size_t)v : most : 0;
}

void canvas_box(struct canvas *c, double x0, double y0, double x1, double y1, size_t thick,
	struct colour ink)
{
	const size_t left = inside(x0, c->width), right = inside(x1, c->width);
	const size_t top = inside(y0, c->height), bottom = inside(y1, c->height);
	if (left >= right || top >= bottom)
		return;
	const size_t w = thick < right - left ? thick : right - left;
	const size_t h = thick < bottom - top ? thick : bottom - top;
	canvas_fill(c, left, top, right, top + h, ink);
	canvas_fill(c, left, bottom - h, right, bottom, ink);
	canvas_fill(c, left, top, left + w, bottom, ink);
	canvas_fill(c, right - w, top, right, bottom, ink);
}

struct colour colour_of(size_t number)
{
	static const struct colour palette[] = {{230, 60, 60}, {60, 160, 240}, {70, 190, 80},
		{250, 190, 40}, {170, 90, 220}, {60, 210, 200}, {250, 130, 40}, {240, 110, 190},
		{150, 200, 50}, {160, 120, 80}, {120, 130, 255}, {200, 200, 200}};
	return palette[number % (sizeof palette / sizeof *palette)];
}
