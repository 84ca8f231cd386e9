/*
 * codebook: the last dimension's vectors described by their distances z_k = |x - c_k| to K learned
 * centres: the "triangle" of Coates, Lee and Ng ("An analysis of single-layer networks in
 * unsupervised feature learning", AISTATS 2011, eq. 3)
 *
 *     y_k = max(0, mean(z) - z_k),
 *
 * sparse, for a centre farther than the mean says nothing. The centres come from `cv-train --method
 * kmeans`; to the gradient they and the output are constants.
 */
#include "nn.h"

#include "../blas.h"
#include "../simd.h"

enum { BLOCK = 128 }; /* vectors a block */

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	size_t k;
	TRY(nn_need_float(g, n, 0, e));
	TRY(nn_count(n, 0, 1, &k, e));
	const struct shape *in = nn_input_shape(g, n, 0);
	if (in->ndim == 0)
		return cvt_fail(e, CVT_USAGE, "codebook: takes vectors, not single numbers");
	const size_t d = nn_last(in);
	n->row = *in;
	n->row.dims[in->ndim - 1] = k;
	TRY(graph_param(g, n, "weight", PARAM_BUFFER, LAYOUT_PLAIN, 2, (size_t[]){k, d},
		INIT_KAIMING_NORMAL, 1.0, e));
	n->work_whole = k;
	return blas_open(e);
}

static void forward_block(void *context, size_t block, unsigned thread)
{
	const struct nn_io *io = context;
	const size_t k = nn_last(&io->node->row), d = nn_last(nn_row(io, 0));
	size_t first;
	const size_t m = par_span(io->rows * nn_vectors(&io->node->row), BLOCK, block, &first);
	const float *x = io->x[0] + first * d;
	float *y = io->y + first * k;
	(void)thread;
	blas_gemm(false, true, m, k, d, 1, x, d, io->w[0], d, 0, y, k);
	for (size_t r = 0; r < m; r++)
		simd()->triangle(simd()->dot(x + r * d, x + r * d, d), io->work, y + r * k, k);
}

static void forward(const struct nn_io *io)
{
	const size_t k = nn_last(&io->node->row), d = nn_last(nn_row(io, 0));
	const size_t vectors = io->rows * nn_vectors(&io->node->row);
	struct nn_io copy = *io;
	for (size_t i = 0; i < k; i++)
		io->work[i] = simd()->dot(io->w[0] + i * d, io->w[0] + i * d, d);
	par_for(io->run->par, par_blocks(vectors, BLOCK), forward_block, &copy);
}

const struct nn_op nn_codebook = {
	.name = "codebook",
	.help = "distances to K learned centres, less than the mean one (Coates et al. 2011)",
	.inputs = 1,
	.flags = NN_STOP,
	.arg = {{.name = "K", .required = true, .positional = true, .help = "centres"}},
	.shape = shape,
	.forward = forward,
};
