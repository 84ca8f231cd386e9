/* view_plot: lines over axes, on a canvas: what --curves and cv-train --find-lr draw with. */
#ifndef CVT_VIEW_PLOT_H
#define CVT_VIEW_PLOT_H

#include "canvas.h"

/* Points from left to right; those that are no number are left out. */
struct plot_line {
	const double *x, *y;
	size_t n, step; /* point i lies at i x step */
	struct colour ink;
	bool dotted;
};

struct plot {
	const char *title, *below; /* what x is */
	bool log_x;
	const struct plot_line *line;
	size_t n;
	double low, high; /* limits of y; equal = as the lines need */
};

/* Draws it into the rectangle. */
void plot_draw(
	struct canvas *c, const struct plot *p, size_t x, size_t y, size_t width, size_t height);

#endif
