/* knn: the bank of a search: its norms, and what makes a key of a product (see knn.h). */
#include "knn.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "knn_private.h"

enum { NORM_ROWS = 256 };

const struct knn_word knn_metrics[KNN_METRICS] = {
	[KNN_COSINE] = {"cosine", "1 - the cosine of the angle between two rows (default)"},
	[KNN_L2] = {"l2", "Euclidean distance"},
	[KNN_DOT] = {"dot", "the inner product, greatest first; its negative is the distance"},
};

void knn_pixels(float *to, const unsigned char *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (float)from[i] * (1.0f / 255.0f);
}

const float *knn_row(const struct knn *s, size_t j, float *room)
{
	if (s->bank.f4)
		return s->bank.f4 + j * s->bank.d;
	knn_pixels(room, s->bank.u1 + j * s->bank.d, s->bank.d);
	return room;
}

struct norms {
	struct knn *s;
	float *room; /* a row a thread */
};

static void norms_of_block(void *context, size_t block, unsigned thread)
{
	const struct norms *c = context;
	struct knn *s = c->s;
	const size_t d = s->bank.d;
	size_t first;
	const size_t n = par_span(s->bank.rows, NORM_ROWS, block, &first);
	float *room = s->bank.f4 ? NULL : c->room + thread * d;
	for (size_t j = first; j < first + n; j++) {
		const float *b = knn_row(s, j, room), *x = s->copy ? knn_float_rows(s, j) : NULL;
		s->norm[j] = sqrt(knn_dot(b, b, d));
		if (x)
			s->length[j] = sqrt(knn_dot(x, x, d));
	}
}

/* Squares beyond a float's range would make keys infinite. */
bool knn_norm_ok(double norm)
{
	return norm * norm <= (double)FLT_MAX / 4;
}

static int compute_norms(struct knn *s, struct cvt_err *e)
{
	struct norms c = {
		s, mem_alloc(s->bank.u1 ? par_threads(s->par) : 1, s->bank.d * sizeof(float), e)};
	if (!c.room)
		return CVT_SYSTEM;
	par_for(s->par, par_blocks(s->bank.rows, NORM_ROWS), norms_of_block, &c);
	free(c.room);
	for (size_t j = 0; j < s->bank.rows; j++)
		if (!knn_norm_ok(s->norm[j]))
			return cvt_fail(e, CVT_INPUT,
				"row %zu holds numbers that are infinite, undefined or huge", j);
	return CVT_OK;
}

/* What makes keys of the products with rows of those lengths. */
static void set_keys(struct knn *s)
{
	for (size_t j = 0; j < s->bank.rows; j++) {
		const double length = s->length[j];
		s->short_rows = s->short_rows || !knn_long_enough(length);
		s->scale[j] = 1;
		if (s->metric == KNN_COSINE)
			s->scale[j] = length > 0 ? (float)(1 / length) : 0;
		s->offset[j] = s->metric == KNN_L2 ? (float)(length * length / 2) : 0;
	}
	for (size_t j = s->bank.rows; j < knn_padded(s->bank.rows); j++)
		s->offset[j] = INFINITY;
}

/* Of norms, scales and offsets. */
static size_t bytes_beside(const struct knn_bank *b)
{
	return b->rows * sizeof(double) + knn_padded(b->rows) * 2 * sizeof(float);
}

static int prepare(struct knn *s, size_t most, struct cvt_err *e)
{
	const size_t rows = s->bank.rows, taken = bytes_beside(&s->bank);
	const size_t left = most > taken ? most - taken : 0;
	s->scale = mem_alloc(knn_padded(rows), sizeof *s->scale, e);
	s->offset = mem_alloc(knn_padded(rows), sizeof *s->offset, e);
	s->norm = mem_alloc(rows, sizeof *s->norm, e);
	if (!s->scale || !s->offset || !s->norm)
		return CVT_SYSTEM;
	TRY(knn_copy_centred(s, left, e));
	if (!s->copy)
		s->length = s->norm;
	TRY(compute_norms(s, e));
	TRY(knn_copy_scaled(s, left, e));
	set_keys(s);
	return CVT_OK;
}

int knn_open(struct knn **out, enum knn_metric metric, const struct knn_bank *bank, size_t most,
	struct par *par, struct cvt_err *e)
{
	*out = NULL;
	if (bank->rows == 0 || bank->rows > UINT32_MAX - KNN_PAD || bank->d == 0
		|| bank->d > INT32_MAX)
		return cvt_fail(e, CVT_INPUT,
			"a bank of %zu rows of %zu numbers cannot be searched", bank->rows,
			bank->d);
	struct knn *s = mem_alloc(1, sizeof *s, e);
	if (!s)
		return CVT_SYSTEM;
	*s = (struct knn){.metric = metric, .bank = *bank, .par = par};
	const int code = prepare(s, most, e);
	if (code != CVT_OK) {
		knn_close(s);
		return code;
	}
	*out = s;
	return CVT_OK;
}

size_t knn_held(const struct knn *s)
{
	const size_t row = s->bank.d * sizeof(float) + sizeof *s->length;
	return bytes_beside(&s->bank) + (s->copy ? s->bank.rows * row : 0);
}

void knn_allow(struct knn *s, size_t bytes)
{
	s->screen.allowed = bytes;
}

void knn_close(struct knn *s)
{
	if (!s)
		return;
	free(s->scale);
	free(s->offset);
	if (s->length != s->norm)
		free(s->length);
	free(s->norm);
	free(s->mean);
	free(s->copy);
	knn_screen_close(s);
	free(s);
}
