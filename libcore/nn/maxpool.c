/*
 * maxpool: the largest value of each window, a channel by itself. Which place it was is kept for
 * the gradient as a byte in the window's own count (row major); ties go to the first, as in
 * PyTorch.
 */
#include "window.h"

#include <string.h>

enum { ARG_K, ARG_STRIDE, ARG_PAD };
enum { MAX_WINDOW = 255 }; /* places that a byte can name */

static int read_window(const struct graph *g, struct node *n, struct window *v, struct cvt_err *e)
{
	TRY(window_picture(g, n, v, e));
	TRY(window_pair(n, ARG_K, 1, MAX_WINDOW, &v->kh, &v->kw, e));
	v->sh = v->kh;
	v->sw = v->kw;
	v->dh = v->dw = 1;
	if (n->arg[ARG_STRIDE].given)
		TRY(window_pair(n, ARG_STRIDE, 1, 1 << 16, &v->sh, &v->sw, e));
	TRY(window_pair(n, ARG_PAD, 0, MAX_WINDOW, &v->ph, &v->pw, e));
	if (v->kh * v->kw > MAX_WINDOW)
		return cvt_fail(
			e, CVT_USAGE, "maxpool: a window has at most %d places", MAX_WINDOW);
	if (2 * v->ph > v->kh || 2 * v->pw > v->kw)
		return cvt_fail(e, CVT_USAGE, "maxpool: pad must be at most half of the window");
	return window_fit(n, v, e);
}

static int maxpool_shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	struct window *v = mem_alloc(1, sizeof *v, e);
	if (!v)
		return CVT_SYSTEM;
	n->conf = v;
	TRY(read_window(g, n, v, e));
	n->row = (struct shape){3, {v->oh, v->ow, v->c}};
	n->save_row = (v->oh * v->ow * v->c + sizeof(float) - 1) / sizeof(float);
	return CVT_OK;
}

/* The winners of one row. */
static uint8_t *places(const struct nn_io *io, size_t row)
{
	return (uint8_t *)(io->save + row * io->node->save_row);
}

/* Every channel at one place of the window against the best so far. */
static void contest(const float *x, uint8_t place, size_t c, float *y, uint8_t *winner)
{
	for (size_t k = 0; k < c; k++) {
		const bool more = x[k] > y[k] || x[k] != x[k];
		winner[k] = more ? place : winner[k];
		y[k] = more ? x[k] : y[k];
	}
}

static void forward_place(
	const struct window *v, const float *x, size_t oh, size_t ow, float *y, uint8_t *winner)
{
	size_t h0, h1, w0, w1;
	window_inside(oh, v->sh, v->ph, v->kh, 1, v->h, &h0, &h1);
	window_inside(ow, v->sw, v->pw, v->kw, 1, v->w, &w0, &w1);
	const size_t top = oh * v->sh - v->ph, left = ow * v->sw - v->pw; /* may wrap around 0 */
	memcpy(y, x + ((top + h0) * v->w + left + w0) * v->c, v->c * sizeof *y);
	memset(winner, (int)(h0 * v->kw + w0), v->c);
	for (size_t h = h0; h < h1; h++)
		for (size_t w = w0; w < w1; w++)
			contest(x + ((top + h) * v->w + left + w) * v->c, (uint8_t)(h * v->kw + w),
				v->c, y, winner);
}

static void forward_row(void *context, size_t row, unsigned thread)
{
	(void)thread;
	const struct nn_io *io = context;
	const struct window *v = io->node->conf;
	const float *x = io->x[0] + row * v->h * v->w * v->c;
	float *y = io->y + row * v->oh * v->ow * v->c;
	uint8_t *winner = places(io, row);
	for (size_t oh = 0; oh < v->oh; oh++)
		for (size_t ow = 0; ow < v->ow; ow++, y += v->c, winner += v->c)
			forward_place(v, x, oh, ow, y, winner);
}

static void maxpool_forward(const struct nn_io *io)
{
	struct nn_io copy = *io;
	par_for(io->run->par, io->rows, forward_row, &copy);
}

static void backward_place(const struct window *v, const float *dy, const uint8_t *winner,
	float *dx, size_t oh, size_t ow)
{
	const size_t top = oh * v->sh - v->ph, left = ow * v->sw - v->pw;
	for (size_t k = 0; k < v->c; k++) {
		const size_t h = top + winner[k] / v->kw, w = left + winner[k] % v->kw;
		dx[(h * v->w + w) * v->c + k] += dy[k];
	}
}

static void backward_row(void *context, size_t row, unsigned thread)
{
	(void)thread;
	const struct nn_io *io = context;
	const struct window *v = io->node->conf;
	const float *dy = io->dy + row * v->oh * v->ow * v->c;
	float *dx = io->dx[0] + row * v->h * v->w * v->c;
	const uint8_t *winner = places(io, row);
	if (!io->add[0])
		memset(dx, 0, v->h * v->w * v->c * sizeof *dx);
	for (size_t oh = 0; oh < v->oh; oh++)
		for (size_t ow = 0; ow < v->ow; ow++, dy += v->c, winner += v->c)
			backward_place(v, dy, winner, dx, oh, ow);
}

static void maxpool_backward(const struct nn_io *io)
{
	struct nn_io copy = *io;
	if (io->dx[0])
		par_for(io->run->par, io->rows, backward_row, &copy);
}

const struct nn_op nn_maxpool = {
	.name = "maxpool",
	.help = "largest value of each window",
	.inputs = 1,
	.arg = {{.name = "K", .required = true, .positional = true, .help = "window: 2 or 3x2"},
		{.name = "stride", .help = "step of the window (default: K)"},
		{.name = "pad", .help = "places added on each side"}},
	.shape = maxpool_shape,
	.forward = maxpool_forward,
	.backward = maxpool_backward,
};
