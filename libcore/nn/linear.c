/*
 * linear: y = x W' + b on the last dimension of rows of any rank. Rows are cut into blocks of fixed
 * size, so that threads share the work and the sums stay in one order.
 */
#include "nn.h"

#include "../blas.h"
#include "window.h"

#include <math.h>
#include <string.h>

enum { ARG_C, ARG_BIAS };
enum { ROWS = 64, SUMS = 8 }; /* rows a block; at most that many partial sums of the gradient */

struct linear {
	size_t i, o, tokens; /* inputs, outputs, vectors a row */
	bool bias;
};

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
	TRY(graph_param(g, n, "weight", PARAM_WEIGHT, LAYOUT_PLAIN, 2, (size_t[]){l->o, l->i},
		INIT_UNIFORM, bound, e));
	if (l->bias)
		TRY(graph_param(
			g, n, "bias", PARAM_BIAS, LAYOUT_PLAIN, 1, &l->o, INIT_UNIFORM, bound, e));
	n->work_whole = SUMS * (l->i + 1) * l->o;
	return blas_open(e);
}

static void forward_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct nn_io *io = context;
	const struct linear *l = io->node->conf;
	size_t first;
	const size_t m = par_span(io->rows * l->tokens, ROWS, block, &first);
	float *y = io->y + first * l->o;
	if (l->bias)
		for (size_t r = 0; r < m; r++)
			memcpy(y + r * l->o, io->w[1], l->o * sizeof *y);
	blas_gemm(false, true, m, l->o, l->i, 1, io->x[0] + first * l->i, l->i, io->w[0], l->i,
		l->bias ? 1 : 0, y, l->o);
}

static void linear_forward(const struct nn_io *io)
{
	const struct linear *l = io->node->conf;
	struct nn_io copy = *io;
	par_for(io->run->par, (io->rows * l->tokens + ROWS - 1) / ROWS, forward_block, &copy);
}

static void input_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct nn_io *io = context;
	const struct linear *l = io->node->conf;
	size_t first;
	const size_t m = par_span(io->rows * l->tokens, ROWS, block, &first);
	blas_gemm(false, false, m, l->i, l->o, 1, io->dy + first * l->o, l->o, io->w[0], l->i,
		io->add[0] ? 1 : 0, io->dx[0] + first * l->i, l->i);
}

/* Vectors a partial sum takes. */
static size_t sum_size(const struct nn_io *io)
{
	const struct linear *l = io->node->conf;
	const size_t m = io->rows * l->tokens, each = (m + SUMS - 1) / SUMS;
	return each < ROWS ? ROWS : each;
}

static void weight_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct nn_io *io = context;
	const struct linear *l = io->node->conf;
	size_t first;
	const size_t m = par_span(io->rows * l->tokens, sum_size(io), block, &first);
	float *sum = io->work + block * (l->i + 1) * l->o, *bias = sum + l->i * l->o;
	const float *dy = io->dy + first * l->o;
	if (io->dw[0])
		blas_gemm(true, false, l->o, l->i, m, 1, dy, l->o, io->x[0] + first * l->i, l->i, 0,
			sum, l->i);
	memset(bias, 0, l->o * sizeof *bias);
	for (size_t r = 0; r < m; r++)
		for (size_t k = 0; k < l->o; k++)
			bias[k] += dy[r * l->o + k];
}

static void add_sums(const struct nn_io *io, size_t blocks)
{
	const struct linear *l = io->node->conf;
	const size_t items = l->i * l->o;
	for (size_t b = 0; b < blocks; b++) {
		const float *sum = io->work + b * (l->i + 1) * l->o;
		for (size_t k = 0; io->dw[0] && k < items; k++)
			io->dw[0][k] += sum[k];
		for (size_t k = 0; l->bias && io->dw[1] && k < l->o; k++)
			io->dw[1][k] += sum[items + k];
	}
}

static void linear_backward(const struct nn_io *io)
{
	const struct linear *l = io->node->conf;
	const size_t m = io->rows * l->tokens;
	struct nn_io copy = *io;
	if (io->dx[0])
		par_for(io->run->par, (m + ROWS - 1) / ROWS, input_block, &copy);
	if (!io->dw[0] && !(l->bias && io->dw[1]))
		return;
	const size_t blocks = (m + sum_size(io) - 1) / sum_size(io);
	par_for(io->run->par, blocks, weight_block, &copy);
	add_sums(io, blocks);
}

const struct nn_op nn_linear = {
	.name = "linear",
	.help = "y = x W' + b on the last dimension",
	.inputs = 1,
	.flags = NN_BACK_X,
	.arg = {{.name = "C", .required = true, .positional = true, .help = "outputs"},
		{.name = "bias", .value = 1, .help = "0: without"}},
	.shape = linear_shape,
	.forward = linear_forward,
	.backward = linear_backward,
};
