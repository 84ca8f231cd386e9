/*
 * muon: momentum whose steps on the filters of convolutions are made orthogonal (Jordan et al.,
 * "Muon", 2024), in the form of its CIFAR-10 training: with G the filters' gradient as a matrix,
 *
 *     M <- momentum M + G,  X = G + momentum M,  X <- X / |X|, then `steps` times
 *     X <- a X + (b A + c A^2) X,  A = X X',  (a, b, c) = (3.4445, -4.775, 2.0315),
 *
 * which moves all singular values towards 1 (Newton and Schulz's iteration with a fifth power);
 * W <- W sqrt(outputs) / |W| - lr X. Everything else is trained by gradient descent with momentum.
 */
#include "sgd.h"

#include "../blas.h"

#include <math.h>
#include <string.h>

/* X has `rows` x `columns` numbers; A and B are square of the smaller side. */
struct newton {
	size_t rows, columns, side;
	bool tall; /* A = X' X, and X (b A + c A^2) */
	float *x, *next, *a, *b;
};

static int open(unsigned threads, struct cvt_err *e)
{
	TRY(blas_open(e));
	return blas_reserve(threads, e);
}

static size_t work(size_t inputs, size_t outputs)
{
	const size_t side = inputs < outputs ? inputs : outputs;
	return 2 * inputs * outputs + 2 * side * side;
}

static double norm(const float *x, size_t n)
{
	double sum = 0.0;
	for (size_t i = 0; i < n; i++)
		sum += (double)x[i] * (double)x[i];
	return sqrt(sum);
}

static void iterate(struct newton *n)
{
	const size_t side = n->side, items = n->rows * n->columns;
	const size_t length = n->tall ? n->rows : n->columns;
	blas_gemm(n->tall, !n->tall, side, side, length, 1, n->x, n->columns, n->x, n->columns, 0,
		n->a, side);
	memcpy(n->b, n->a, side * side * sizeof *n->a);
	blas_gemm(false, false, side, side, side, 2.0315f, n->a, side, n->a, side, -4.7750f, n->b,
		side);
	memcpy(n->next, n->x, items * sizeof *n->x);
	if (n->tall)
		blas_gemm(false, false, n->rows, side, side, 1, n->x, side, n->b, side, 3.4445f,
			n->next, side);
	else
		blas_gemm(false, false, side, n->columns, side, 1, n->b, side, n->x, n->columns,
			3.4445f, n->next, n->columns);
	float *const old = n->x;
	n->x = n->next;
	n->next = old;
}

/* x <- g + momentum v, v following; over its norm. */
static void gather(const struct opt_step *s, const struct opt_slice *x, float *to)
{
	const float momentum = (float)s->config->muon.momentum;
	const float ahead = s->config->nesterov ? momentum : 1.0f;
	const float now = s->config->nesterov ? 1.0f : 0.0f;
	float *restrict g = x->g, *restrict v = x->state[0];
	for (size_t i = 0; i < x->n; i++) {
		const float d = opt_gradient(s, g[i]);
		v[i] = momentum * v[i] + d;
		to[i] = now * d + ahead * v[i];
		g[i] = 0.0f;
	}
	const float scale = (float)(1.0 / (norm(to, x->n) + 1e-7));
	for (size_t i = 0; i < x->n; i++)
		to[i] *= scale;
}

static void matrix(const struct opt_step *s, const struct opt_slice *x, size_t inputs,
	size_t outputs, float *memory)
{
	struct newton n = {.rows = inputs,
		.columns = outputs,
		.tall = inputs > outputs,
		.side = inputs < outputs ? inputs : outputs,
		.x = memory,
		.next = memory + x->n,
		.a = memory + 2 * x->n};
	n.b = n.a + n.side * n.side;
	gather(s, x, n.x);
	for (size_t i = 0; i < s->config->muon.steps; i++)
		iterate(&n);
	const double size = norm(x->w, x->n);
	const float keep = size > 0.0 ? (float)(sqrt((double)outputs) / size) : 1.0f;
	const float lr = (float)(s->config->muon.lr * s->factor);
	for (size_t i = 0; i < x->n; i++)
		x->w[i] = keep * x->w[i] - lr * n.x[i];
}

static void update(const struct opt_step *s, const struct opt_slice *x)
{
	sgd_update(s, x, 1.0f);
}

const struct opt opt_muon = {
	.name = "muon",
	.help = "orthogonal steps on convolutions' filters (--muon), sgd for the rest",
	.state = {"momentum"},
	.reads = OPT_MOMENTUM,
	.lr = 0.1,
	.weight_decay = 5e-4,
	.momentum = 0.9,
	.nesterov = true,
	.update = update,
	.matrix = matrix,
	.matrix_work = work,
	.matrix_open = open,
};
