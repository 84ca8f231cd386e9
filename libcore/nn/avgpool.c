/* avgpool: the mean of each window, padding counted as zeros (PyTorch's count_include_pad). */
#include "window.h"

#include <string.h>

enum { ARG_K, ARG_STRIDE, ARG_PAD };

static int read_window(const struct graph *g, struct node *n, struct window *v, struct cvt_err *e)
{
	TRY(window_picture(g, n, v, e));
	TRY(window_pair(n, ARG_K, 1, 1 << 16, &v->kh, &v->kw, e));
	v->sh = v->kh;
	v->sw = v->kw;
	v->dh = v->dw = 1;
	if (n->arg[ARG_STRIDE].given)
		TRY(window_pair(n, ARG_STRIDE, 1, 1 << 16, &v->sh, &v->sw, e));
	TRY(window_pair(n, ARG_PAD, 0, 1 << 16, &v->ph, &v->pw, e));
	if (2 * v->ph > v->kh || 2 * v->pw > v->kw)
		return cvt_fail(e, CVT_USAGE, "avgpool: pad must be at most half of the window");
	return window_fit(n, v, e);
}

static int avgpool_shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	struct window *v = mem_alloc(1, sizeof *v, e);
	if (!v)
		return CVT_SYSTEM;
	n->conf = v;
	TRY(read_window(g, n, v, e));
	n->row = (struct shape){3, {v->oh, v->ow, v->c}};
	return CVT_OK;
}

/* One window: its part inside the picture as rows h0..h1 and columns w0..w1 of the input. */
struct part {
	size_t h0, h1, w0, w1;
};

static struct part part_at(const struct window *v, size_t oh, size_t ow)
{
	struct part p;
	window_inside(oh, v->sh, v->ph, v->kh, 1, v->h, &p.h0, &p.h1);
	window_inside(ow, v->sw, v->pw, v->kw, 1, v->w, &p.w0, &p.w1);
	const size_t top = oh * v->sh - v->ph, left = ow * v->sw - v->pw; /* may wrap around 0 */
	return (struct part){top + p.h0, top + p.h1, left + p.w0, left + p.w1};
}

static void forward_place(const struct window *v, const struct part *p, const float *x, float *y)
{
	const float scale = 1 / (float)(v->kh * v->kw);
	memset(y, 0, v->c * sizeof *y);
	for (size_t h = p->h0; h < p->h1; h++)
		for (size_t w = p->w0; w < p->w1; w++)
			for (size_t k = 0; k < v->c; k++)
				y[k] += x[(h * v->w + w) * v->c + k];
	for (size_t k = 0; k < v->c; k++)
		y[k] *= scale;
}

static void forward_row(void *context, size_t row, unsigned thread)
{
	(void)thread;
	const struct nn_io *io = context;
	const struct window *v = io->node->conf;
	const float *x = io->x[0] + row * v->h * v->w * v->c;
	float *y = io->y + row * v->oh * v->ow * v->c;
	for (size_t oh = 0; oh < v->oh; oh++)
		for (size_t ow = 0; ow < v->ow; ow++, y += v->c) {
			const struct part p = part_at(v, oh, ow);
			forward_place(v, &p, x, y);
		}
}

static void avgpool_forward(const struct nn_io *io)
{
	struct nn_io copy = *io;
	par_for(io->run->par, io->rows, forward_row, &copy);
}

static void backward_place(const struct window *v, const struct part *p, const float *dy, float *dx)
{
	const float scale = 1 / (float)(v->kh * v->kw);
	for (size_t h = p->h0; h < p->h1; h++)
		for (size_t w = p->w0; w < p->w1; w++)
			for (size_t k = 0; k < v->c; k++)
				dx[(h * v->w + w) * v->c + k] += dy[k] * scale;
}

static void backward_row(void *context, size_t row, unsigned thread)
{
	(void)thread;
	const struct nn_io *io = context;
	const struct window *v = io->node->conf;
	const float *dy = io->dy + row * v->oh * v->ow * v->c;
	float *dx = io->dx[0] + row * v->h * v->w * v->c;
	if (!io->add[0])
		memset(dx, 0, v->h * v->w * v->c * sizeof *dx);
	for (size_t oh = 0; oh < v->oh; oh++)
		for (size_t ow = 0; ow < v->ow; ow++, dy += v->c) {
			const struct part p = part_at(v, oh, ow);
			backward_place(v, &p, dy, dx);
		}
}

static void avgpool_backward(const struct nn_io *io)
{
	struct nn_io copy = *io;
	if (io->dx[0])
		par_for(io->run->par, io->rows, backward_row, &copy);
}

const struct nn_op nn_avgpool = {
	.name = "avgpool",
	.help = "mean of each window, padding counted as zeros",
	.inputs = 1,
	.arg = {{.name = "K", .required = true, .positional = true, .help = "window: 2 or 3x2"},
		{.name = "stride", .help = "step of the window (default: K)"},
		{.name = "pad", .help = "zeros added on each side"}},
	.pairs = 1 << ARG_K | 1 << ARG_STRIDE | 1 << ARG_PAD,
	.shape = avgpool_shape,
	.forward = avgpool_forward,
	.backward = avgpool_backward,
};
