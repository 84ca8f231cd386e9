/*
 * linear: y = x W' + b on the last dimension of rows of any rank (see dense.h for the products). A fixed plan
 * packs the weights once; else each pass does, for all vectors of the batch.
 */
#include "dense.h"

#include "../init.h"
#include "window.h"

#include <math.h>

enum { ARG_C, ARG_BIAS, ARG_INIT };

struct linear {
	size_t i, o, tokens; /* inputs, outputs, vectors a row */
	bool bias;
};

static struct dense forward_of(const struct linear *l)
{
	return (struct dense){l->i, l->o};
}

/* dx = dy W */
static struct dense backward_of(const struct linear *l)
{
	return (struct dense){l->o, l->i};
}

static int linear_shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(nn_need_float(g, n, 0, e));
	const struct shape *in = nn_input_shape(g, n, 0);
	if (in->ndim == 0)
		return cvt_fail(e, CVT_USAGE, "linear: takes vectors, not single numbers");
	struct linear *l = mem_alloc(1, sizeof *l, e);
	if (!l)
		return CVT_SYSTEM;
	n->conf = l;
	TRY(window_number(n, ARG_C, 1, 1 << 24, &l->o, e));
	l->bias = n->arg[ARG_BIAS].a != 0;
	l->i = in->dims[in->ndim - 1];
	l->tokens = shape_items(in) / l->i;
	n->row = *in;
	n->row.dims[in->ndim - 1] = l->o;
	const double bound = 1 / sqrt((double)l->i); /* PyTorch's default */
	struct init init = {INIT_UNIFORM, bound, false};
	TRY(init_choose(n, ARG_INIT, (double)l->i, (double)l->o, &init, e));
	TRY(graph_param(g, n, "weight", PARAM_WEIGHT, LAYOUT_PLAIN, 2, (size_t[]){l->o, l->i},
		init.kind, init.scale, e));
	if (l->bias)
		TRY(graph_param(g, n, "bias", PARAM_BIAS, LAYOUT_PLAIN, 1, &l->o,
			init.named ? INIT_ZERO : INIT_UNIFORM, bound, e));
	n->work_whole = nn_most(NN_PARTS * l->o,
		nn_most(dense_floats(forward_of(l)), dense_floats(backward_of(l))));
	n->work_thread = dense_gradient_thread();
	return CVT_OK;
}

static size_t vectors(const struct nn_io *io)
{
	return io->rows * ((const struct linear *)io->node->conf)->tokens;
}

static struct dense_weights weights_of(const struct nn_io *io)
{
	const struct linear *l = io->node->conf;
	return (struct dense_weights){io->w[0], l->i, 1, l->bias ? io->w[1] : NULL, io->affine};
}

static size_t linear_prepare(const struct nn_io *io, float *to)
{
	const struct dense d = forward_of(io->node->conf);
	if (to) {
		const struct dense_weights w = weights_of(io);
		dense_pack(io, d, &w, to);
	}
	return dense_floats(d);
}

static void linear_forward(const struct nn_io *io)
{
	const struct dense d = forward_of(io->node->conf);
	const struct dense_weights w = weights_of(io);
	if (!io->fixed)
		dense_pack(io, d, &w, io->work);
	dense_run_all(io, d, io->fixed ? io->fixed : io->work, vectors(io), io->x[0], io->plus,
		io->absorbs, io->y);
}

static void linear_backward(const struct nn_io *io)
{
	const struct linear *l = io->node->conf;
	const struct dense_weights w = {.w = io->w[0], .o_step = 1, .i_step = l->i};
	if (io->dx[0]) {
		dense_pack(io, backward_of(l), &w, io->work);
		dense_run_all(io, backward_of(l), io->work, vectors(io), io->dy,
			io->add[0] ? io->dx[0] : NULL, false, io->dx[0]);
	}
	if (io->dw[0])
		dense_gradient(io, forward_of(l), vectors(io), io->x[0], io->dy, io->dw[0]);
	if (l->bias && io->dw[1])
		nn_add_vectors(io, io->dw[1]);
}

const struct nn_op nn_linear = {
	.name = "linear",
	.help = "y = x W' + b on the last dimension",
	.inputs = 1,
	.flags = NN_BACK_X,
	.arg = {{.name = "C", .required = true, .positional = true, .help = "outputs"},
		{.name = "bias", .value = 1, .help = "0: without"},
		{.name = "init", .word = true, .help = INIT_HELP}},
	.shape = linear_shape,
	.forward = linear_forward,
	.backward = linear_backward,
	.prepare = linear_prepare,
	.folds = FOLD_AFFINE | FOLD_SUM | FOLD_RELU,
};
