/*
 * patches: every window of K x K of a picture as one vector, in the order row, column, channel:
 * (H,W,C) to (OH,OW,K K C). What hand-made features look at; a convolution is this and a linear
 * layer, but between the two a patch can be normalised. A constant to the gradient.
 */
#include "window.h"

#include <string.h>

enum { ARG_K, ARG_STRIDE };

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	struct window *v = mem_alloc(1, sizeof *v, e);
	if (!v)
		return CVT_SYSTEM;
	n->conf = v;
	TRY(window_picture(g, n, v, e));
	TRY(window_pair(n, ARG_K, 1, 1 << 10, &v->kh, &v->kw, e));
	v->sh = v->sw = v->dh = v->dw = 1;
	if (n->arg[ARG_STRIDE].given)
		TRY(window_pair(n, ARG_STRIDE, 1, 1 << 10, &v->sh, &v->sw, e));
	TRY(window_fit(n, v, e));
	n->row = (struct shape){3, {v->oh, v->ow, v->kh * v->kw * v->c}};
	return CVT_OK;
}

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const struct window *v = io->node->conf;
	const size_t line = v->kw * v->c;
	(void)slot;
	for (size_t r = first; r < first + count; r++) {
		const float *x = io->x[0] + r * v->h * v->w * v->c;
		float *y = io->y + r * v->oh * v->ow * v->kh * line;
		for (size_t oh = 0; oh < v->oh; oh++)
			for (size_t ow = 0; ow < v->ow; ow++)
				for (size_t kh = 0; kh < v->kh; kh++, y += line)
					memcpy(y,
						x + ((oh * v->sh + kh) * v->w + ow * v->sw) * v->c,
						line * sizeof *y);
	}
}

static void forward(const struct nn_io *io)
{
	nn_each_row(io, forward_rows);
}

const struct nn_op nn_patches = {
	.name = "patches",
	.help = "every K x K window as a vector (for features; no gradient)",
	.inputs = 1,
	.flags = NN_STOP,
	.arg = {{.name = "K", .required = true, .positional = true, .help = "window: 6 or 3x5"},
		{.name = "stride", .help = "step of the window (default 1)"}},
	.pairs = 1 << ARG_K | 1 << ARG_STRIDE,
	.shape = shape,
	.forward = forward,
};
