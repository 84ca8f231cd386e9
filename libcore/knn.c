/* knn: the bank of a search: its norms, and what makes a key of a product (see knn.h). */
#include "knn.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "centre.h"
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
	size_t first;
	const size_t n = par_span(s->bank.rows, NORM_ROWS, block, &first);
	float *room = s->bank.f4 ? NULL : c->room + thread * s->bank.d;
	for (size_t j = first; j < first + n; j++) {
		const float *b = knn_row(s, j, room);
		const double squared = knn_dot(b, b, s->bank.d);
		s->norm[j] = sqrt(squared);
		s->scale[j] = 1;
		if (s->metric == KNN_COSINE)
			s->scale[j] =
				squared > 0 ? (float)fmin(1 / s->norm[j], (double)FLT_MAX) : 0;
		const float *short_b = s->centred ? s->centred + j * s->bank.d : NULL;
		const double length = short_b ? knn_dot(short_b, short_b, s->bank.d) : squared;
		s->offset[j] = s->metric == KNN_L2 ? (float)(length / 2) : 0;
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
	for (size_t j = 0; j < s->bank.rows; j++)
		if (!knn_long_enough(
			    s->metric == KNN_L2 ? sqrt(2 * (double)s->offset[j]) : s->norm[j]))
			s->short_rows = true;
	return CVT_OK;
}

int knn_open(struct knn **out, enum knn_metric metric, const struct knn_bank *bank, struct par *par,
	struct cvt_err *e)
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
	s->scale = mem_alloc(knn_padded(bank->rows), sizeof *s->scale, e);
	s->offset = mem_alloc(knn_padded(bank->rows), sizeof *s->offset, e);
	s->norm = mem_alloc(bank->rows, sizeof *s->norm, e);
	int code = s->scale && s->offset && s->norm ? CVT_OK : CVT_SYSTEM;
	if (code == CVT_OK && metric == KNN_L2 && bank->f4)
		code = centre_rows(bank->f4, bank->rows, bank->d, &s->mean, &s->centred, e);
	if (code == CVT_OK)
		code = compute_norms(s, e);
	for (size_t j = bank->rows; code == CVT_OK && j < knn_padded(bank->rows); j++)
		s->offset[j] = INFINITY;
	if (code != CVT_OK) {
		knn_close(s);
		return code;
	}
	*out = s;
	return CVT_OK;
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
	free(s->norm);
	free(s->mean);
	free(s->centred);
	knn_screen_close(s);
	free(s);
}
