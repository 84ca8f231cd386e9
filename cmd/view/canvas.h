/* view_canvas: RGB pixels to draw on, for cv-view's grids. Whatever lies outside is not drawn. */
#ifndef CVT_VIEW_CANVAS_H
#define CVT_VIEW_CANVAS_H

#include "../../libcore/mem.h"

struct canvas {
	size_t width, height;
	unsigned char *rgb; /* height x width x 3 */
};

struct colour {
	unsigned char r, g, b;
};

enum { LETTER_WIDTH = 4, LETTER_HEIGHT = 7 }; /* with the space around it, at scale 1 */

/* All of it in one colour. */
int canvas_open(
	struct canvas *c, size_t width, size_t height, struct colour ground, struct cvt_err *e);
void canvas_close(struct canvas *c);
/* The rectangle from x0, y0 up to x1, y1. */
void canvas_fill(struct canvas *c, size_t x0, size_t y0, size_t x1, size_t y1, struct colour ink);
/* Draws `from` with its upper left corner at x, y. */
void canvas_paste(struct canvas *c, const struct canvas *from, size_t x, size_t y);
/* Capitals, digits and signs, 3 x 5 pixels times scale; others are drawn as their nearest. Stops at
 * `most` pixels. */
void canvas_text(struct canvas *c, size_t x, size_t y, size_t scale, size_t most, struct colour ink,
	const char *text);
/* A frame of `thick` pixels inside the rectangle from x0, y0 up to x1, y1. */
void canvas_box(struct canvas *c, double x0, double y0, double x1, double y1, size_t thick,
	struct colour ink);
/* A colour for a class, far from its neighbours'. */
struct colour colour_of(size_t number);

#endif
