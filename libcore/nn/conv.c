/* conv: convolution of pictures, PyTorch's Conv2d. */
#include "convolve.h"

#include "../init.h"

#include <math.h>

enum { ARG_C, ARG_K, ARG_STRIDE, ARG_PAD, ARG_GROUPS, ARG_DILATION, ARG_BIAS, ARG_INIT };
enum { MOST = 1 << 10, MOST_CHANNELS = 1 << 16 };

static int read_arguments(const struct graph *g, struct node *n, struct window *v, size_t *outputs,
	size_t *groups, struct cvt_err *e)
{
	TRY(window_picture(g, n, v, e));
	TRY(window_number(n, ARG_C, 1, MOST_CHANNELS, outputs, e));
	TRY(window_pair(n, ARG_K, 1, MOST, &v->kh, &v->kw, e));
	TRY(window_pair(n, ARG_STRIDE, 1, MOST, &v->sh, &v->sw, e));
	TRY(window_pair(n, ARG_DILATION, 1, MOST, &v->dh, &v->dw, e));
	TRY(window_number(n, ARG_GROUPS, 1, MOST_CHANNELS, groups, e));
	v->ph = v->kh / 2;
	v->pw = v->kw / 2;
	if (n->arg[ARG_PAD].given)
		TRY(window_pair(n, ARG_PAD, 0, MOST, &v->ph, &v->pw, e));
	if (v->c % *groups || *outputs % *groups)
		return cvt_fail(e, CVT_USAGE,
			"conv: %zu groups must divide %zu inputs and %zu outputs", *groups, v->c,
			*outputs);
	return window_fit(n, v, e);
}

/* As torchvision's ResNets: weights Kaiming normal by the outputs, He et al. 2015 (those of its own
 * group, as timm counts them); biases PyTorch's default. torch.nn.init, whose names a text may say,
 * counts the outputs of all groups. */
static int declare(struct graph *g, struct node *n, const struct window *v, size_t outputs,
	size_t groups, struct cvt_err *e)
{
	const size_t inputs = v->c / groups, own = outputs / groups, window = v->kh * v->kw;
	const double in = (double)(inputs * window), out = (double)(outputs * window);
	struct init i = {INIT_KAIMING_NORMAL, sqrt(2 / (double)(own * window)), false};
	TRY(init_choose(n, ARG_INIT, in, out, &i, e));
	TRY(graph_param(g, n, "weight", PARAM_WEIGHT, LAYOUT_CONV, 4,
		(size_t[]){outputs, inputs, v->kh, v->kw}, i.kind, i.scale, e));
	if (n->arg[ARG_BIAS].a != 0)
		TRY(graph_param(g, n, "bias", PARAM_BIAS, LAYOUT_PLAIN, 1, &outputs,
			i.named ? INIT_ZERO : INIT_UNIFORM, 1 / sqrt(in), e));
	return CVT_OK;
}

static int conv_shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	struct window v = {0};
	size_t outputs, groups;
	TRY(read_arguments(g, n, &v, &outputs, &groups, e));
	n->row = (struct shape){3, {v.oh, v.ow, outputs}};
	TRY(declare(g, n, &v, outputs, groups, e));
	return convolve_create(g, n, &v, outputs, groups, e);
}

static const float *bias(const struct nn_io *io)
{
	return io->node->nparam > 1 ? io->w[1] : NULL;
}

static size_t conv_prepare(const struct nn_io *io, float *to)
{
	return to ? convolve_prepare(io, false, io->w[0], bias(io), to)
		  : convolve_prepare(io, false, NULL, NULL, NULL);
}

static void conv_forward(const struct nn_io *io)
{
	const struct convolve_data d = {.rows = io->rows,
		.x = io->x[0],
		.w = io->w[0],
		.tail = convolve_tail(io, false, bias(io)),
		.to = io->y};
	convolve_forward(io, &d);
}

static void conv_backward(const struct nn_io *io)
{
	const struct convolve_data d = {.rows = io->rows,
		.x = io->x[0],
		.dy = io->dy,
		.w = io->w[0],
		.to = io->dx[0],
		.tail.plus = io->add[0] ? io->dx[0] : NULL,
		.dw = io->dw[0]};
	if (d.to || d.dw)
		convolve_backward(io, &d);
	if (io->node->nparam > 1 && io->dw[1])
		nn_add_vectors(io, io->dw[1]);
}

const struct nn_op nn_conv = {
	.name = "conv",
	.help = "convolution: conv C K",
	.inputs = 1,
	.flags = NN_BACK_X,
	.arg = {{.name = "C", .required = true, .positional = true, .help = "outputs"},
		{.name = "K", .required = true, .positional = true, .help = "window: 3 or 1x7"},
		{.name = "stride", .value = 1, .help = "step of the window"},
		{.name = "pad", .help = "zeros added on each side (default: K/2)"},
		{.name = "groups", .value = 1, .help = "channels fall into that many groups"},
		{.name = "dilation", .value = 1, .help = "distance of the window's places"},
		{.name = "bias", .value = 1, .help = "0: without"},
		{.name = "init", .word = true, .help = INIT_HELP}},
	.pairs = 1 << ARG_K | 1 << ARG_STRIDE | 1 << ARG_PAD | 1 << ARG_DILATION,
	.shape = conv_shape,
	.forward = conv_forward,
	.backward = conv_backward,
	.prepare = conv_prepare,
	.folds = FOLD_AFFINE | FOLD_SUM | FOLD_RELU,
};
