/*
 * linear: y = x W' + b on the last dimension of rows of any rank. Products are cut into blocks that
 * depend on the shape alone, so that threads share the work and the sums stay in one order: many
 * vectors by the vectors, few of them by the columns of the result, so that weights are packed once.
 */
#include "dense.h"

#include "../blas.h"
#include "../init.h"
#include "window.h"

#include <math.h>
#include <string.h>

enum { ARG_C, ARG_BIAS, ARG_INIT };
enum { LEAST = 64, MOST = 256 };      /* vectors a block */
enum { NARROWEST = 64, LINE = 16 };   /* columns a block, at least; what they are rounded to */
enum { SIDE_BY_SIDE = 4 };            /* blocks of few vectors */
enum { PACKED = 70 };                 /* vectors with packed weights */
enum { FEW = 1 << 12, OUTPUTS = 32 }; /* weights; outputs a block of their gradient, at least */

struct linear {
	size_t i, o, tokens; /* inputs, outputs, vectors a row */
	bool bias;
};

/* The gradient of many weights is cut by their outputs, so that nothing has to be added up; that of
 * few by the vectors, into partial sums. */
static bool has_few_weights(const struct linear *l)
{
	return l->i * l->o < FEW;
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
	n->work_whole = NN_PARTS * (has_few_weights(l) ? l->i * l->o : l->o);
	return blas_open(e);
}

static size_t vectors(const struct nn_io *io)
{
	return io->rows * ((const struct linear *)io->node->conf)->tokens;
}

/* How the product of all vectors with a matrix of `columns` is cut. */
struct cut {
	size_t vectors, columns, across; /* of a block; blocks side by side */
};

static struct cut cut_product(const struct nn_io *io, size_t columns)
{
	enum { SHARES = 16 };
	const size_t n = vectors(io), each = n / SHARES;
	const size_t side = (columns + SIDE_BY_SIDE - 1) / SIDE_BY_SIDE;
	if (n >= SIDE_BY_SIDE * MOST || side < NARROWEST)
		return (struct cut){each < LEAST ? LEAST : each > MOST ? MOST : each, columns, 1};
	struct cut c = {MOST, (side + LINE - 1) / LINE * LINE, 0};
	c.across = (columns + c.columns - 1) / c.columns;
	return c;
}

static size_t blocks(const struct nn_io *io, struct cut c)
{
	return (vectors(io) + c.vectors - 1) / c.vectors * c.across;
}

static void forward_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct nn_io *io = context;
	const struct linear *l = io->node->conf;
	const struct cut c = cut_product(io, l->o);
	size_t first, column;
	const size_t m = par_span(vectors(io), c.vectors, block / c.across, &first);
	const size_t n = par_span(l->o, c.columns, block % c.across, &column);
	float *y = io->y + first * l->o + column;
	if (l->bias)
		for (size_t r = 0; r < m; r++)
			memcpy(y + r * l->o, io->w[1] + column, n * sizeof *y);
	blas_gemm(false, true, m, n, l->i, 1, io->x[0] + first * l->i, l->i,
		io->w[0] + column * l->i, l->i, l->bias ? 1 : 0, y, l->o);
}

/* ---- fixed plans ------------------------------------------------------------------- */

static struct dense dense_of(const struct nn_io *io)
{
	const struct linear *l = io->node->conf;
	return (struct dense){l->i, l->o};
}

static size_t linear_prepare(const struct nn_io *io, float *to)
{
	const struct linear *l = io->node->conf;
	return to ? dense_pack(dense_of(io), io->w[0], l->bias ? io->w[1] : NULL, io->affine, to)
		  : dense_pack(dense_of(io), NULL, NULL, NULL, NULL);
}

/* Blocks are cut by outputs, too: one vector is work for several threads. */
static size_t parts(const struct nn_io *io)
{
	return (dense_of(io).o + DENSE_OUTPUTS - 1) / DENSE_OUTPUTS;
}

static void packed_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct nn_io *io = context;
	const struct dense d = dense_of(io);
	size_t first, output;
	const size_t m = par_span(vectors(io), PACKED, block / parts(io), &first);
	const size_t n = par_span(d.o, DENSE_OUTPUTS, block % parts(io), &output);
	dense_run(d, io->fixed, m, io->x[0] + first * d.i, output, n,
		io->plus ? io->plus + first * d.o : NULL, io->absorbs, io->y + first * d.o);
}

static void linear_forward(const struct nn_io *io)
{
	struct nn_io copy = *io;
	if (io->fixed) {
		const size_t cuts = (vectors(io) + PACKED - 1) / PACKED;
		par_for(io->run->par, cuts * parts(io), packed_block, &copy);
		return;
	}
	par_for(io->run->par, blocks(io, cut_product(io, dense_of(io).o)), forward_block, &copy);
}

/* ---- backward ---------------------------------------------------------------------- */

static void input_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct nn_io *io = context;
	const struct linear *l = io->node->conf;
	const struct cut c = cut_product(io, l->i);
	size_t first, column;
	const size_t m = par_span(vectors(io), c.vectors, block / c.across, &first);
	const size_t n = par_span(l->i, c.columns, block % c.across, &column);
	blas_gemm(false, false, m, n, l->o, 1, io->dy + first * l->o, l->o, io->w[0] + column, l->i,
		io->add[0] ? 1 : 0, io->dx[0] + first * l->i + column, l->i);
}

static size_t outputs_each(const struct linear *l)
{
	const size_t side = (l->o + SIDE_BY_SIDE - 1) / SIDE_BY_SIDE;
	return side < OUTPUTS ? OUTPUTS : (side + LINE - 1) / LINE * LINE;
}

static void outputs_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct nn_io *io = context;
	const struct linear *l = io->node->conf;
	size_t first;
	const size_t n = par_span(l->o, outputs_each(l), block, &first);
	blas_gemm(true, false, n, l->i, vectors(io), 1, io->dy + first, l->o, io->x[0], l->i, 1,
		io->dw[0] + first * l->i, l->i);
}

static void weights_part(const struct nn_io *io, size_t first, size_t n, size_t part)
{
	const struct linear *l = io->node->conf;
	blas_gemm(true, false, l->o, l->i, n, 1, io->dy + first * l->o, l->o,
		io->x[0] + first * l->i, l->i, 0, io->work + part * l->i * l->o, l->i);
}

static void add_weights(const struct nn_io *io)
{
	const struct linear *l = io->node->conf;
	struct nn_io copy = *io;
	if (has_few_weights(l)) {
		const size_t parts = nn_parts(io, vectors(io), weights_part);
		nn_add_parts(io->dw[0], io->work, parts, l->i * l->o, l->i * l->o);
	} else {
		par_for(io->run->par, (l->o + outputs_each(l) - 1) / outputs_each(l), outputs_block,
			&copy);
	}
}

static void linear_backward(const struct nn_io *io)
{
	const struct linear *l = io->node->conf;
	struct nn_io copy = *io;
	if (io->dx[0])
		par_for(io->run->par, blocks(io, cut_product(io, l->i)), input_block, &copy);
	if (io->dw[0])
		add_weights(io);
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
