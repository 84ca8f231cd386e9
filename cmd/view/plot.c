/* view_plot: lines over axes (see plot.h). */
#include "plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LEFT = 64, RIGHT = 14, TOP = 24, BOTTOM = 36, SCALE = 2, TICKS = 6, TEXT = 40 };
#define MOST 1e300 /* differences of what is drawn are numbers, too */

static const struct colour ink = {40, 40, 40}, faint = {225, 225, 225}, axis = {150, 150, 150};

/* Numbers on pixels: value low lies at `from`, high at `to`. */
struct scale {
	double low, high, from, to;
	bool log;
};

static double place(const struct scale *s, double v)
{
	const double at = s->log ? log10(v) : v;
	return s->from + (at - s->low) / (s->high - s->low) * (s->to - s->from);
}

static bool usable(const struct scale *s, double v)
{
	return fabs(v) < MOST && (!s->log || v > 0.0);
}

static void include(struct scale *s, double v)
{
	if (!usable(s, v))
		return;
	const double at = s->log ? log10(v) : v;
	s->low = fmin(s->low, at);
	s->high = fmax(s->high, at);
}

/* Never empty, and a little wider than the lines. */
static void settle(struct scale *s, double margin)
{
	if (!(s->high >= s->low)) {
		s->low = 0.0;
		s->high = 1.0;
	}
	const double one = fmax(0.5, fabs(s->high) / 1000); /* around a single number */
	const double more = s->high > s->low ? (s->high - s->low) * margin : one;
	s->low -= more;
	s->high += more;
}

static void find_scales(const struct plot *p, struct scale *x, struct scale *y)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < p->line[i].n; k++) {
			const struct plot_line *l = &p->line[i];
			const double a = l->x[k * l->step], b = l->y[k * l->step];
			if (!usable(x, a) || !usable(y, b))
				continue;
			include(x, a);
			include(y, b);
		}
	if (p->high > p->low) {
		y->low = p->low;
		y->high = p->high;
	}
	settle(x, 0.0);
	settle(y, p->high > p->low ? 0.0 : 0.05);
}

/* 1, 2 or 5 times a power of ten, so that at most TICKS of them fit. */
static double step_of(const struct scale *s)
{
	const double least = (s->high - s->low) / TICKS;
	const double power = pow(10.0, floor(log10(least)));
	for (int k = 0; k < 3; k++)
		if (power * (k == 0 ? 1.0 : k == 1 ? 2.0 : 5.0) >= least)
			return power * (k == 0 ? 1.0 : k == 1 ? 2.0 : 5.0);
	return power * 10.0;
}

static void number(char to[TEXT], const struct scale *s, double v)
{
	if (s->log)
		(void)snprintf(to, TEXT, "%.2g", pow(10.0, v));
	else
		(void)snprintf(to, TEXT, "%.4g", fabs(v) < 1e-12 ? 0.0 : v);
}

static size_t text_width(const char *text)
{
	return strlen(text) * LETTER_WIDTH * SCALE;
}

/* Multiples of the step within the scale. */
static size_t ticks(const struct scale *s, double step)
{
	const double n = floor(s->high / step + 1e-9) - ceil(s->low / step) + 1;
	return n > 0 ? (size_t)n : 0;
}

static void draw_frame(
	struct canvas *c, const struct plot *p, const struct scale *x, const struct scale *y)
{
	const size_t left = (size_t)x->from, right = (size_t)x->to;
	const size_t top = (size_t)y->to, bottom = (size_t)y->from;
	char text[TEXT];
	const double dx = step_of(x), dy = step_of(y);
	for (size_t i = 0; i < ticks(y, dy); i++) {
		const double v = (ceil(y->low / dy) + (double)i) * dy;
		const size_t at =
			(size_t)place(&(struct scale){y->low, y->high, y->from, y->to, false}, v);
		number(text, y, v);
		canvas_fill(c, left, at, right, at + 1, faint);
		canvas_text(c, left - 8 - text_width(text), at - 5, SCALE, LEFT, ink, text);
	}
	for (size_t i = 0; i < ticks(x, dx); i++) {
		const double v = (ceil(x->low / dx) + (double)i) * dx;
		const size_t at =
			(size_t)place(&(struct scale){x->low, x->high, x->from, x->to, false}, v);
		number(text, x, v);
		canvas_fill(c, at, top, at + 1, bottom, faint);
		canvas_text(c, at - text_width(text) / 2, bottom + 6, SCALE, 200, ink, text);
	}
	canvas_fill(c, left, top, left + 1, bottom, axis);
	canvas_fill(c, left, bottom, right, bottom + 1, axis);
	canvas_text(c, left, top - 16, SCALE, right - left, ink, p->title);
	canvas_text(
		c, right - text_width(p->below), bottom + 20, SCALE, right - left, ink, p->below);
}

/* A square of two pixels at every step; dotted leaves out four of eight. */
static void draw_stroke(struct canvas *c, const struct plot_line *l, const double from[2],
	const double to[2], double *walked)
{
	const double length = fmax(fabs(to[0] - from[0]), fabs(to[1] - from[1]));
	const size_t steps = (size_t)ceil(length);
	for (size_t i = 0; i <= steps; i++) {
		const double t = steps ? (double)i / (double)steps : 0.0;
		const double x = from[0] + t * (to[0] - from[0]),
			     y = from[1] + t * (to[1] - from[1]);
		if (!l->dotted || fmod(*walked, 8.0) < 4.0)
			canvas_fill(c, (size_t)x, (size_t)y, (size_t)x + 2, (size_t)y + 2, l->ink);
		*walked += i < steps ? 1.0 : 0.0;
	}
}

static void draw_line(
	struct canvas *c, const struct plot_line *l, const struct scale *x, const struct scale *y)
{
	double before[2] = {0}, walked = 0.0;
	bool begun = false;
	for (size_t i = 0; i < l->n; i++) {
		const double a = l->x[i * l->step], b = l->y[i * l->step];
		if (!usable(x, a) || !usable(y, b))
			continue;
		const double at[2] = {place(x, a), place(y, fmin(fmax(b, y->low), y->high))};
		draw_stroke(c, l, begun ? before : at, at, &walked);
		memcpy(before, at, sizeof at);
		begun = true;
	}
}

void plot_draw(
	struct canvas *c, const struct plot *p, size_t x, size_t y, size_t width, size_t height)
{
	struct scale across = {
		INFINITY, -INFINITY, (double)(x + LEFT), (double)(x + width - RIGHT), p->log_x};
	struct scale up = {
		INFINITY, -INFINITY, (double)(y + height - BOTTOM), (double)(y + TOP), false};
	find_scales(p, &across, &up);
	draw_frame(c, p, &across, &up);
	for (size_t i = 0; i < p->n; i++)
		draw_line(c, &p->line[i], &across, &up);
}
