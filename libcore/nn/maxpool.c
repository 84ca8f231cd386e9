/*
 * maxpool: the largest value of each window, a channel by itself. Which place it was is kept for
 * the gradient as a byte in the window's own count (row major); ties go to the first, as in
 * PyTorch.
 *
 * A relu before it is left to it: max(relu(x)) = relu(max(x)), and where that is 0, or NaN, no place has
 * a gradient. Values are the same bits but for the sign of a 0.
 */
#include "../simd.h"
#include "window.h"

#include <string.h>

enum { ARG_K, ARG_STRIDE, ARG_PAD, ARG_CEIL };
enum { MAX_WINDOW = 255 }; /* places that a byte can name */

/* One window more where places are left at the end, if it begins inside: PyTorch's ceil_mode. */
static void round_up(struct window *v)
{
	v->oh += (v->h + 2 * v->ph - v->kh) % v->sh != 0 && v->oh * v->sh < v->h + v->ph;
	v->ow += (v->w + 2 * v->pw - v->kw) % v->sw != 0 && v->ow * v->sw < v->w + v->pw;
}

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
	TRY(window_fit(n, v, e));
	if (n->arg[ARG_CEIL].a != 0)
		round_up(v);
	return CVT_OK;
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
static uint8_t *winners(const struct nn_io *io, size_t row)
{
	return (uint8_t *)(io->save + row * io->node->save_row);
}

/* Windows from (oh, ow) on that reach the same places: their list, and where the first one's corner
 * is. */
struct windows {
	struct simd_pool pool;
	size_t corner; /* floats from the picture's first; wraps around 0 in the padding */
	size_t tap[MAX_WINDOW];
	uint8_t number[MAX_WINDOW];
};

/* Of one dimension, of `windows` from o on: whole ones are taken together, those that reach into the
 * padding one by one. */
static size_t alike(size_t o, size_t stride, size_t pad, size_t k, size_t size, size_t windows)
{
	const size_t at = o * stride;
	if (stride == 0 || at < pad || at + k > size + pad) /* no stride is 0 */
		return 1;
	const size_t whole = (size + pad - k) / stride + 1;
	return (whole < windows ? whole : windows) - o;
}

static void windows_at(const struct nn_io *io, size_t oh, size_t ow, struct windows *t)
{
	const struct window *v = io->node->conf;
	size_t h0, h1, w0, w1, n = 0;
	window_inside(oh, v->sh, v->ph, v->kh, 1, v->h, &h0, &h1);
	window_inside(ow, v->sw, v->pw, v->kw, 1, v->w, &w0, &w1);
	for (size_t h = h0; h < h1; h++)
		for (size_t w = w0; w < w1; w++, n++) {
			t->tap[n] = (h * v->w + w) * v->c;
			t->number[n] = (uint8_t)(h * v->kw + w);
		}
	t->corner = ((oh * v->sh - v->ph) * v->w + ow * v->sw - v->pw) * v->c;
	t->pool = (struct simd_pool){.rows = alike(oh, v->sh, v->ph, v->kh, v->h, v->oh),
		.x_row = v->sh * v->w * v->c,
		.y_row = v->ow * v->c,
		.n = alike(ow, v->sw, v->pw, v->kw, v->w, v->ow),
		.x_step = v->sw * v->c,
		.c = v->c,
		.taps = n,
		.across = w1 - w0,
		.tap = t->tap,
		.number = t->number,
		.relu = io->absorbs};
}

/* The corner may lie before the picture; every place of the list does not. */
static void rebase(struct windows *t)
{
	for (size_t i = t->pool.taps; i-- > 0;)
		t->tap[i] -= t->tap[0];
}

static void forward_rows(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	const struct window *v = io->node->conf;
	const size_t in = v->h * v->w * v->c, out = v->oh * v->ow * v->c;
	struct windows t = {0};
	for (size_t oh = 0; oh < v->oh; oh += t.pool.rows)
		for (size_t ow = 0; ow < v->ow; ow += t.pool.n) {
			windows_at(io, oh, ow, &t);
			const size_t from = t.corner + t.tap[0], to = (oh * v->ow + ow) * v->c;
			rebase(&t);
			for (size_t row = first; row < first + n; row++)
				simd()->pool_max(&t.pool, io->x[0] + row * in + from,
					io->y + row * out + to,
					io->dy ? winners(io, row) + to : NULL);
		}
}

static void maxpool_forward(const struct nn_io *io)
{
	nn_each(io, io->rows, nn_row_items(io, 0), forward_rows);
}

/* Every place is one window's at most. */
static bool are_apart(const struct window *v)
{
	return v->sh == v->kh && v->sw == v->kw;
}

/* Of a dimension, the places from the first on that are a window's, where windows are apart. */
static size_t covered(size_t windows, size_t stride, size_t pad, size_t size)
{
	const size_t end = windows * stride - pad;
	return end < size ? end : size;
}

/* What no window reaches has no gradient. */
static void clear_rest(const struct window *v, float *dx)
{
	const size_t h = covered(v->oh, v->sh, v->ph, v->h);
	const size_t w = covered(v->ow, v->sw, v->pw, v->w);
	for (size_t i = 0; i < h && w < v->w; i++)
		memset(dx + (i * v->w + w) * v->c, 0, (v->w - w) * v->c * sizeof *dx);
	memset(dx + h * v->w * v->c, 0, (v->h - h) * v->w * v->c * sizeof *dx);
}

/* Windows that are apart write their places, others add to zeros. */
static void clear_rows(const struct nn_io *io, size_t first, size_t n)
{
	const struct window *v = io->node->conf;
	const size_t in = v->h * v->w * v->c;
	float *dx = io->dx[0] + first * in;
	if (io->add[0])
		return;
	if (!are_apart(v))
		memset(dx, 0, n * in * sizeof *dx);
	for (size_t row = 0; row < n && are_apart(v); row++)
		clear_rest(v, dx + row * in);
}

static void backward_rows(const struct nn_io *io, size_t first, size_t n, size_t slot)
{
	(void)slot;
	const struct window *v = io->node->conf;
	const size_t in = v->h * v->w * v->c, out = v->oh * v->ow * v->c;
	const bool add = io->add[0] || !are_apart(v);
	struct windows t = {0};
	clear_rows(io, first, n);
	for (size_t oh = 0; oh < v->oh; oh += t.pool.rows)
		for (size_t ow = 0; ow < v->ow; ow += t.pool.n) {
			windows_at(io, oh, ow, &t);
			const size_t from = t.corner + t.tap[0], to = (oh * v->ow + ow) * v->c;
			rebase(&t);
			for (size_t row = first; row < first + n; row++)
				simd()->pool_max_back(&t.pool, io->dy + row * out + to,
					winners(io, row) + to, io->dx[0] + row * in + from, add);
		}
}

static void maxpool_backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each(io, io->rows, nn_row_items(io, 0), backward_rows);
}

const struct nn_op nn_maxpool = {
	.name = "maxpool",
	.help = "largest value of each window",
	.inputs = 1,
	.arg = {{.name = "K", .required = true, .positional = true, .help = "window: 2 or 3x2"},
		{.name = "stride", .help = "step of the window (default: K)"},
		{.name = "pad", .help = "places added on each side"},
		{.name = "ceil", .help = "1: a last window may reach beyond the end"}},
	.pairs = 1 << ARG_K | 1 << ARG_STRIDE | 1 << ARG_PAD,
	.shape = maxpool_shape,
	.forward = maxpool_forward,
	.backward = maxpool_backward,
	.defers = "relu",
};
