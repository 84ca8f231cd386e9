/* conv: convolution of pictures, PyTorch's Conv2d. */
#include "convolve.h"

#include "../blas.h"

#include <math.h>

enum { ARG_C, ARG_K, ARG_STRIDE, ARG_PAD, ARG_GROUPS, ARG_DILATION, ARG_BIAS };
enum { MOST = 1 << 16 };

static int read_arguments(
	const struct graph *g, struct node *n, struct convolve *c, struct cvt_err *e)
{
	struct window *v = &c->v;
	TRY(window_picture(g, n, v, e));
	TRY(window_number(n, ARG_C, 1, MOST, &c->outputs, e));
	TRY(window_pair(n, ARG_K, 1, MOST, &v->kh, &v->kw, e));
	TRY(window_pair(n, ARG_STRIDE, 1, MOST, &v->sh, &v->sw, e));
	TRY(window_pair(n, ARG_DILATION, 1, MOST, &v->dh, &v->dw, e));
	TRY(window_number(n, ARG_GROUPS, 1, MOST, &c->groups, e));
	v->ph = v->kh / 2;
	v->pw = v->kw / 2;
	if (n->arg[ARG_PAD].given)
		TRY(window_pair(n, ARG_PAD, 0, MOST, &v->ph, &v->pw, e));
	if (v->c % c->groups || c->outputs % c->groups)
		return cvt_fail(e, CVT_USAGE,
			"conv: %zu groups must divide %zu inputs and %zu outputs", c->groups, v->c,
			c->outputs);
	return window_fit(n, v, e);
}

/* As torchvision's ResNets: weights Kaiming normal by the outputs, He et al. 2015; biases PyTorch's
 * default. */
static int declare(struct graph *g, struct node *n, const struct convolve *c, struct cvt_err *e)
{
	const struct window *v = &c->v;
	const size_t inputs = v->c / c->groups, window = v->kh * v->kw;
	const double out = (double)(c->outputs / c->groups * window),
		     in = (double)(inputs * window);
	TRY(graph_param(g, n, "weight", PARAM_WEIGHT, LAYOUT_CONV, 4,
		(size_t[]){c->outputs, inputs, v->kh, v->kw}, INIT_KAIMING_NORMAL, sqrt(2 / out),
		e));
	if (n->arg[ARG_BIAS].a != 0)
		TRY(graph_param(g, n, "bias", PARAM_BIAS, LAYOUT_PLAIN, 1, &c->outputs,
			INIT_UNIFORM, 1 / sqrt(in), e));
	return CVT_OK;
}

static int conv_shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	struct convolve *c = mem_alloc(1, sizeof *c, e);
	if (!c)
		return CVT_SYSTEM;
	n->conf = c;
	TRY(read_arguments(g, n, c, e));
	n->row = (struct shape){3, {c->v.oh, c->v.ow, c->outputs}};
	TRY(declare(g, n, c, e));
	convolve_scratch(c, n);
	return blas_open(e);
}

static void conv_forward(const struct nn_io *io)
{
	const float *bias = io->node->nparam > 1 ? io->w[1] : NULL;
	convolve_forward(io->node->conf, io, io->rows, io->x[0], io->w[0], bias, false, io->y);
}

static void conv_backward(const struct nn_io *io)
{
	const struct convolve *c = io->node->conf;
	if (io->dx[0])
		convolve_backward(c, io, io->rows, io->dy, io->w[0], NULL, io->add[0], io->dx[0]);
	if (io->dw[0])
		convolve_weights(c, io, io->rows, io->x[0], io->dy, io->dw[0]);
	if (io->node->nparam > 1 && io->dw[1])
		convolve_bias(io, io->rows * c->v.oh * c->v.ow, c->outputs, io->dy, io->dw[1]);
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
		{.name = "bias", .value = 1, .help = "0: without"}},
	.shape = conv_shape,
	.forward = conv_forward,
	.backward = conv_backward,
};
