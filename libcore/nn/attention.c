/*
 * attention: multi-head self-attention over the tokens of a row (Vaswani et al., "Attention is all
 * you need", 2017), with the parameters as timm's vision transformers name them: q, k, v of all
 * heads are one product x qkv.weight' + qkv.bias; each head gives softmax(q k' / sqrt(K)) v; proj
 * mixes the heads.
 *
 * Forward keeps q k v and the heads' results. The probabilities of a head, of which there are T squared, live
 * in a thread's room for as long as they are read, and backward computes them a second time (as do Dao et
 * al., "FlashAttention", 2022). The products with all vectors are dense.h's, those of the heads
 * simd/product.c's, on vectors where they lie.
 *
 * Dimensions: T tokens of D features; H heads of K = D / H features; M = rows x T vectors.
 */
#include "dense.h"

#include <math.h>

enum { HEADS, BIAS };

struct sizes {
	size_t T, D, H, K, rows;
};

static struct sizes sizes_of(const struct nn_io *io)
{
	const struct node *n = io->node;
	const size_t D = n->row.dims[1], H = (size_t)n->arg[HEADS].a;
	return (struct sizes){n->row.dims[0], D, H, D / H, io->rows};
}

/* Parameters by what they are; the bias of q k v may be missing. */
struct weights {
	const float *qkv, *qkv_bias, *proj, *proj_bias;
	float *d_qkv, *d_qkv_bias, *d_proj, *d_proj_bias;
};

static struct weights weights_of(const struct nn_io *io)
{
	const size_t b = io->node->nparam == 4; /* index of qkv.bias, 0 = none */
	return (struct weights){io->w[0], b ? io->w[1] : NULL, io->w[1 + b], io->w[2 + b],
		io->dw[0], b ? io->dw[1] : NULL, io->dw[1 + b], io->dw[2 + b]};
}

/* The products with all vectors, and the same backward. */
static struct dense qkv_of(const struct nn_io *io)
{
	const size_t D = io->node->row.dims[1];
	return (struct dense){D, 3 * D};
}

static struct dense proj_of(const struct nn_io *io)
{
	const size_t D = io->node->row.dims[1];
	return (struct dense){D, D};
}

static struct dense back(struct dense d)
{
	return (struct dense){d.o, d.i};
}

/* Floats of both, packed, forward or backward; where proj's begin. */
static size_t packed_proj(size_t D)
{
	enum { LINE = 16 };
	return nn_round_up(nn_most(dense_floats((struct dense){D, 3 * D}),
				   dense_floats((struct dense){3 * D, D})),
		LINE);
}

static size_t packed_both(size_t D)
{
	return packed_proj(D) + dense_floats((struct dense){D, D});
}

/* save: q k v (3D a vector), heads' results (D a vector);
 * work: sums of biases' gradients, packed weights, then the gradients of q k v, of the heads' results, and of
 * biases (those of qkv, then proj's, for each row); a thread: a head's keys or values as columns, its
 * probabilities, and the gradient of its scores. */
static float *saved_heads(const struct nn_io *io, const struct sizes *z)
{
	return io->save + z->rows * z->T * 3 * z->D;
}

static float *work_packed(const struct nn_io *io)
{
	return io->work + NN_PARTS * 4 * qkv_of(io).i;
}

static float *work_qkv(const struct nn_io *io, const struct sizes *z)
{
	return work_packed(io) + packed_both(z->D);
}

static float *work_heads(const struct nn_io *io, const struct sizes *z)
{
	return work_qkv(io, z) + z->rows * z->T * 3 * z->D;
}

static float *work_biases(const struct nn_io *io, const struct sizes *z)
{
	return work_heads(io, z) + z->rows * z->T * z->D;
}

/* Floats from row to row of T numbers in a thread's room: an odd number of the cache's lines, so that columns do
 * not meet in one place of it. */
static size_t pitch_of(size_t T)
{
	enum { LINE = 16 };
	return nn_round_up(T, LINE) / LINE % 2 ? nn_round_up(T, LINE) : nn_round_up(T, LINE) + LINE;
}

static int declare(struct graph *g, struct node *n, size_t D, struct cvt_err *e)
{
	const size_t wide = 3 * D;
	TRY(graph_param(g, n, "qkv.weight", PARAM_WEIGHT, LAYOUT_PLAIN, 2, (size_t[]){wide, D},
		INIT_TRUNC_NORMAL, 0.02, e));
	if (n->arg[BIAS].a != 0)
		TRY(graph_param(
			g, n, "qkv.bias", PARAM_BIAS, LAYOUT_PLAIN, 1, &wide, INIT_ZERO, 0, e));
	TRY(graph_param(g, n, "proj.weight", PARAM_WEIGHT, LAYOUT_PLAIN, 2, (size_t[]){D, D},
		INIT_TRUNC_NORMAL, 0.02, e));
	return graph_param(g, n, "proj.bias", PARAM_BIAS, LAYOUT_PLAIN, 1, &D, INIT_ZERO, 0, e);
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	size_t H;
	TRY(nn_like_input(g, n, e));
	TRY(nn_count(n, HEADS, 1, &H, e));
	if (n->row.ndim != 2)
		return cvt_fail(e, CVT_INPUT,
			"attention: takes (tokens, features); put 'tokens' "
			"before it");
	const size_t T = n->row.dims[0], D = n->row.dims[1];
	if (D % H != 0)
		return cvt_fail(
			e, CVT_USAGE, "attention: %zu features do not part into %zu heads", D, H);
	n->save_row = 4 * T * D;
	n->work_whole = NN_PARTS * 4 * D + packed_both(D);
	n->work_row = 4 * T * D + 4 * D;
	n->work_thread = nn_most(dense_gradient_thread(), (2 * T + D / H) * pitch_of(T));
	return declare(g, n, D, e);
}

/* P of n tokens, each by all, rows pitch_of(T) apart; keys as columns. */
static void probabilities(
	const struct sizes *z, const float *q, const float *keys, size_t n, float *P)
{
	const size_t T = z->T, pitch = pitch_of(T);
	const struct simd_product score = {n, T, z->K, 3 * z->D, 1, pitch, pitch};
	simd()->product(&score, q, keys, P);
	for (size_t i = 0; i < n; i++)
		simd()->softmax(P + i * pitch, P + i * pitch, T, 1 / sqrtf((float)z->K));
}

/* Some tokens at a time, so that their probabilities are still near: tiles of 9 and 6 rows. */
static void forward_head(const struct sizes *z, const float *qkv, float *heads, float *room)
{
	enum { TOKENS = 72 };
	const size_t T = z->T, D = z->D, K = z->K, pitch = pitch_of(T);
	float *keys = room, *P = room + K * pitch;
	simd()->turn(qkv + D, 3 * D, T, K, keys, pitch);
	for (size_t t = 0; t < T; t += TOKENS) {
		const size_t n = nn_clamp(T - t, 1, TOKENS);
		const struct simd_product result = {n, K, T, pitch, 1, 3 * D, D};
		probabilities(z, qkv + t * 3 * D, keys, n, P);
		simd()->product(&result, P, qkv + 2 * D, heads + t * D);
	}
}

/* ---- packed weights ------------------------------------------------------------------ */

/* q k v of all heads, then proj. */
static size_t prepare(const struct nn_io *io, float *to)
{
	const struct dense qkv = qkv_of(io), proj = proj_of(io);
	if (to) {
		const struct weights w = weights_of(io);
		const struct dense_weights of_qkv = {w.qkv, qkv.i, 1, w.qkv_bias, NULL};
		const struct dense_weights of_proj = {w.proj, proj.i, 1, w.proj_bias, NULL};
		dense_pack(io, qkv, &of_qkv, to);
		dense_pack(io, proj, &of_proj, to + packed_proj(proj.i));
	}
	return packed_both(proj.i);
}

/* ---- forward ----------------------------------------------------------------------- */

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const struct sizes z = sizes_of(io);
	const size_t at = first * z.T, m = count * z.T;
	const float *packed = io->fixed ? io->fixed : work_packed(io);
	float *qkv = io->save + at * 3 * z.D, *heads = saved_heads(io, &z) + at * z.D;
	float *room = io->thread_work + slot * io->thread_stride;
	dense_run(qkv_of(io), packed, m, io->x[0] + at * z.D, NULL, false, qkv);
	for (size_t i = 0; i < count * z.H; i++) {
		const size_t row = i / z.H * z.T, column = i % z.H * z.K;
		forward_head(&z, qkv + row * 3 * z.D + column, heads + row * z.D + column, room);
	}
	dense_run(proj_of(io), packed + packed_proj(z.D), m, heads,
		io->plus ? io->plus + at * z.D : NULL, false, io->y + at * z.D);
}

/* Rows that make about 64 vectors are one block. */
static void each_row(const struct nn_io *io, const struct sizes *z, nn_range *work)
{
	nn_each(io, z->rows, 256 * z->T, work);
}

static void forward(const struct nn_io *io)
{
	const struct sizes z = sizes_of(io);
	if (!io->fixed)
		(void)prepare(io, work_packed(io));
	each_row(io, &z, forward_rows);
}

/* ---- backward ------------------------------------------------------------------------ */

/* With A the gradient of the head's result: dv = P' A, dP = A v', dS = softmax' / sqrt(K),
 * dq = dS k, dk = dS' q. */
static void backward_head(
	const struct sizes *z, const float *qkv, const float *A, float *dqkv, float *room)
{
	const size_t T = z->T, D = z->D, K = z->K, wide = 3 * D, pitch = pitch_of(T);
	const float scale = 1 / sqrtf((float)K);
	float *columns = room, *P = room + K * pitch, *dS = P + T * pitch;
	const struct simd_product dv = {T, K, T, 1, pitch, D, wide};
	const struct simd_product dP = {T, T, K, D, 1, pitch, pitch};
	const struct simd_product dq = {T, K, T, pitch, 1, wide, wide};
	const struct simd_product dk = {T, K, T, 1, pitch, wide, wide};
	simd()->turn(qkv + D, wide, T, K, columns, pitch);
	probabilities(z, qkv, columns, T, P);
	simd()->product(&dv, P, A, dqkv + 2 * D);
	simd()->turn(qkv + 2 * D, wide, T, K, columns, pitch);
	simd()->product(&dP, A, columns, dS);
	for (size_t t = 0; t < T; t++) {
		float *to = dS + t * pitch;
		simd()->softmax_back(P + t * pitch, to, to, T, scale, false);
	}
	simd()->product(&dq, dS, qkv + D, dqkv);
	simd()->product(&dk, dS, qkv, dqkv + D);
}

/* The gradients of biases, while those of their vectors are near. */
static void sum_biases(const struct nn_io *io, const struct sizes *z, size_t row)
{
	const size_t T = z->T, D = z->D;
	float *sum = work_biases(io, z) + row * 4 * D;
	simd()->sum_rows(work_qkv(io, z) + row * T * 3 * D, T, 3 * D, sum);
	simd()->sum_rows(io->dy + row * T * D, T, D, sum + 3 * D);
}

static void backward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const struct sizes z = sizes_of(io);
	const size_t at = first * z.T, m = count * z.T, wide = 3 * z.D;
	const float *qkv = io->save + at * wide, *packed = work_packed(io);
	float *dqkv = work_qkv(io, &z) + at * wide, *A = work_heads(io, &z) + at * z.D;
	float *room = io->thread_work + slot * io->thread_stride;
	dense_run(
		back(proj_of(io)), packed + packed_proj(z.D), m, io->dy + at * z.D, NULL, false, A);
	for (size_t i = 0; i < count * z.H; i++) {
		const size_t row = i / z.H * z.T, column = i % z.H * z.K;
		backward_head(&z, qkv + row * wide + column, A + row * z.D + column,
			dqkv + row * wide + column, room);
	}
	for (size_t i = 0; i < count; i++)
		sum_biases(io, &z, first + i);
	if (io->dx[0]) {
		float *dx = io->dx[0] + at * z.D;
		dense_run(back(qkv_of(io)), packed, m, dqkv, io->add[0] ? dx : NULL, false, dx);
	}
}

static void pack_back(const struct nn_io *io)
{
	const struct dense qkv = back(qkv_of(io)), proj = back(proj_of(io));
	const struct weights w = weights_of(io);
	const struct dense_weights of_qkv = {.w = w.qkv, .o_step = 1, .i_step = qkv.o};
	const struct dense_weights of_proj = {.w = w.proj, .o_step = 1, .i_step = proj.o};
	dense_pack(io, qkv, &of_qkv, work_packed(io));
	dense_pack(io, proj, &of_proj, work_packed(io) + packed_proj(proj.o));
}

static void bias_part(const struct nn_io *io, size_t first, size_t count, size_t part)
{
	const struct sizes z = sizes_of(io);
	const size_t wide = 4 * z.D;
	simd()->sum_rows(work_biases(io, &z) + first * wide, count, wide, io->work + part * wide);
}

static void backward(const struct nn_io *io)
{
	const struct sizes z = sizes_of(io);
	const struct weights w = weights_of(io);
	const size_t M = z.rows * z.T;
	pack_back(io);
	each_row(io, &z, backward_rows);
	if (w.d_qkv)
		dense_gradient(io, qkv_of(io), M, io->x[0], work_qkv(io, &z), w.d_qkv);
	if (w.d_proj)
		dense_gradient(io, proj_of(io), M, saved_heads(io, &z), io->dy, w.d_proj);
	const size_t parts = nn_parts(io, z.rows, bias_part);
	if (w.d_qkv_bias)
		nn_add_parts(w.d_qkv_bias, io->work, parts, 4 * z.D, 3 * z.D);
	if (w.d_proj_bias)
		nn_add_parts(w.d_proj_bias, io->work + 3 * z.D, parts, 4 * z.D, z.D);
}

const struct nn_op nn_attention = {
	.name = "attention",
	.help = "multi-head self-attention over tokens (Vaswani et al. 2017)",
	.inputs = 1,
	.flags = NN_BACK_X,
	.arg = {{"H", 0, true, true, false, "heads"},
		{"bias", 1, false, false, false, "0 = no bias of q, k, v"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
	.prepare = prepare,
	.folds = FOLD_SUM,
};
