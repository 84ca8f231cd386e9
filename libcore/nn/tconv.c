/* tconv: transposed convolution, PyTorch's ConvTranspose2d: convolve's backward direction as the
 * forward one, so its "large picture" is our output. */
#include "convolve.h"

#include <math.h>

enum { ARG_C, ARG_K, ARG_STRIDE, ARG_PAD, ARG_EXTRA, ARG_DILATION, ARG_BIAS };
enum { MOST = 1 << 10, MOST_CHANNELS = 1 << 16 };

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
	const struct graph *g, struct node *n, struct window *v, size_t *inputs, struct cvt_err *e)
{
	struct window in;
	size_t extra_h, extra_w;
	TRY(window_picture(g, n, &in, e));
	TRY(window_number(n, ARG_C, 1, MOST_CHANNELS, &v->c, e));
	TRY(window_pair(n, ARG_K, 1, MOST, &v->kh, &v->kw, e));
	TRY(window_pair(n, ARG_STRIDE, 1, MOST, &v->sh, &v->sw, e));
	TRY(window_pair(n, ARG_PAD, 0, MOST, &v->ph, &v->pw, e));
	TRY(window_pair(n, ARG_EXTRA, 0, MOST, &extra_h, &extra_w, e));
	TRY(window_pair(n, ARG_DILATION, 1, MOST, &v->dh, &v->dw, e));
	TRY(grown(n, in.h, v->kh, v->sh, v->ph, v->dh, extra_h, &v->h, e));
	TRY(grown(n, in.w, v->kw, v->sw, v->pw, v->dw, extra_w, &v->w, e));
	*inputs = in.c;
	v->oh = in.h;
	v->ow = in.w;
	return CVT_OK;
}

static int tconv_shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	struct window v = {0};
	size_t inputs;
	TRY(read_arguments(g, n, &v, &inputs, e));
	n->row = (struct shape){3, {v.h, v.w, v.c}};
	/* PyTorch's default counts the second dimension of the weights as what comes in */
	const double bound = 1 / sqrt((double)(v.c * v.kh * v.kw));
	TRY(graph_param(g, n, "weight", PARAM_WEIGHT, LAYOUT_TCONV, 4,
		(size_t[]){inputs, v.c, v.kh, v.kw}, INIT_UNIFORM, bound, e));
	if (n->arg[ARG_BIAS].a != 0)
		TRY(graph_param(
			g, n, "bias", PARAM_BIAS, LAYOUT_PLAIN, 1, &v.c, INIT_UNIFORM, bound, e));
	return convolve_create(g, n, &v, inputs, 1, e);
}

static const float *bias(const struct nn_io *io)
{
	return io->node->nparam > 1 ? io->w[1] : NULL;
}

static size_t tconv_prepare(const struct nn_io *io, float *to)
{
	return to ? convolve_prepare(io, true, io->w[0], bias(io), to)
		  : convolve_prepare(io, true, NULL, NULL, NULL);
}

static void tconv_forward(const struct nn_io *io)
{
	const struct convolve_data d = {.rows = io->rows,
		.dy = io->x[0],
		.w = io->w[0],
		.tail = convolve_tail(io, true, bias(io)),
		.to = io->y};
	convolve_backward(io, &d);
}

static void tconv_backward(const struct nn_io *io)
{
	const struct convolve_data input = {.rows = io->rows,
		.x = io->dy,
		.w = io->w[0],
		.to = io->dx[0],
		.tail.plus = io->add[0] ? io->dx[0] : NULL};
	const struct convolve_data weights = {
		.rows = io->rows, .x = io->dy, .dy = io->x[0], .dw = io->dw[0]};
	if (input.to)
		convolve_forward(io, &input);
	if (weights.dw)
		convolve_backward(io, &weights);
	if (io->node->nparam > 1 && io->dw[1])
		nn_add_vectors(io, io->dw[1]);
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
	.pairs = 1 << ARG_K | 1 << ARG_STRIDE | 1 << ARG_PAD | 1 << ARG_EXTRA | 1 << ARG_DILATION,
	.shape = tconv_shape,
	.forward = tconv_forward,
	.backward = tconv_backward,
	.prepare = tconv_prepare,
	.folds = FOLD_AFFINE | FOLD_SUM | FOLD_RELU,
};
