/* tconv: transposed convolution, PyTorch's ConvTranspose2d: convolve's backward direction as the
 * forward one, so its "large picture" is our output. */
#include "convolve.h"

#include "../blas.h"

#include <math.h>

enum { ARG_C, ARG_K, ARG_STRIDE, ARG_PAD, ARG_EXTRA, ARG_DILATION, ARG_BIAS };
enum { MOST = 1 << 16 };

/* The size of our output: (n - 1) stride - 2 pad + dilation (K - 1) + output_padding + 1. */
static int grown(const struct node *n, size_t in, size_t k, size_t stride, size_t pad,
	size_t dilation, size_t extra, size_t *out, struct cvt_err *e)
{
	const size_t size = (in - 1) * stride + dilation * (k - 1) + extra + 1;
	if (size <= 2 * pad)
		return cvt_fail(e, CVT_INPUT, "%s: pad=%zu leaves nothing of %zu places",
			n->op->name, pad, size);
	if (extra >= stride && extra >= dilation)
		return cvt_fail(e, CVT_USAGE,
			"%s: output_padding must be less than stride or dilation", n->op->name);
	*out = size - 2 * pad;
	return CVT_OK;
}

static int read_arguments(
	const struct graph *g, struct node *n, struct convolve *c, struct cvt_err *e)
{
	struct window *v = &c->v, in;
	size_t extra_h, extra_w;
	TRY(window_picture(g, n, &in, e));
	TRY(window_number(n, ARG_C, 1, MOST, &v->c, e));
	TRY(window_pair(n, ARG_K, 1, MOST, &v->kh, &v->kw, e));
	TRY(window_pair(n, ARG_STRIDE, 1, MOST, &v->sh, &v->sw, e));
	TRY(window_pair(n, ARG_PAD, 0, MOST, &v->ph, &v->pw, e));
	TRY(window_pair(n, ARG_EXTRA, 0, MOST, &extra_h, &extra_w, e));
	TRY(window_pair(n, ARG_DILATION, 1, MOST, &v->dh, &v->dw, e));
	TRY(grown(n, in.h, v->kh, v->sh, v->ph, v->dh, extra_h, &v->h, e));
	TRY(grown(n, in.w, v->kw, v->sw, v->pw, v->dw, extra_w, &v->w, e));
	c->outputs = in.c;
	c->groups = 1;
	v->oh = in.h;
	v->ow = in.w;
	return CVT_OK;
}

static int tconv_shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	struct convolve *c = mem_alloc(1, sizeof *c, e);
	if (!c)
		return CVT_SYSTEM;
	n->conf = c;
	TRY(read_arguments(g, n, c, e));
	const struct window *v = &c->v;
	n->row = (struct shape){3, {v->h, v->w, v->c}};
	/* PyTorch's default counts the second dimension of the weights as what comes in */
	const double bound = 1 / sqrt((double)(v->c * v->kh * v->kw));
	TRY(graph_param(g, n, "weight", PARAM_WEIGHT, LAYOUT_TCONV, 4,
		(size_t[]){c->outputs, v->c, v->kh, v->kw}, INIT_UNIFORM, bound, e));
	if (n->arg[ARG_BIAS].a != 0)
		TRY(graph_param(
			g, n, "bias", PARAM_BIAS, LAYOUT_PLAIN, 1, &v->c, INIT_UNIFORM, bound, e));
	convolve_scratch(c, n);
	return blas_open(e);
}

static void tconv_forward(const struct nn_io *io)
{
	const float *bias = io->node->nparam > 1 ? io->w[1] : NULL;
	convolve_backward(io->node->conf, io, io->rows, io->x[0], io->w[0], bias, false, io->y);
}

static void tconv_backward(const struct nn_io *io)
{
	const struct convolve *c = io->node->conf;
	if (io->dx[0])
		convolve_forward(c, io, io->rows, io->dy, io->w[0], NULL, io->add[0], io->dx[0]);
	if (io->dw[0])
		convolve_weights(c, io, io->rows, io->dy, io->x[0], io->dw[0]);
	if (io->node->nparam > 1 && io->dw[1])
		convolve_bias(io, io->rows * c->v.h * c->v.w, c->v.c, io->dy, io->dw[1]);
}

const struct nn_op nn_tconv = {
	.name = "tconv",
	.help = "transposed convolution: tconv C K",
	.inputs = 1,
	.flags = NN_BACK_X,
	.arg = {{.name = "C", .required = true, .positional = true, .help = "outputs"},
		{.name = "K", .required = true, .positional = true, .help = "window: 3 or 2x4"},
		{.name = "stride", .value = 1, .help = "how far the window's copies are apart"},
		{.name = "pad", .help = "places cut off on each side"},
		{.name = "output_padding", .help = "places added below and to the right"},
		{.name = "dilation", .value = 1, .help = "distance of the window's places"},
		{.name = "bias", .value = 1, .help = "0: without"}},
	.shape = tconv_shape,
	.forward = tconv_forward,
	.backward = tconv_backward,
};
