/* resize: one picture to another size (see resize.h). */
#include "resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STRIP = 256 };
enum { BITS = 22 }; /* 8 for the pixel and 2 for safety are left of 32 */

static void line_free(struct resize_line *l)
{
	free(l->first);
	free(l->count);
	free(l->weight);
	*l = (struct resize_line){0};
}

void resize_free(struct resize *r)
{
	line_free(&r->across);
	line_free(&r->down);
	free(r->between);
	*r = (struct resize){0};
}

/* The weights of pixel x of the result: a triangle around its centre, cut at the edges, sum 1. */
static int weigh(struct resize_line *l, size_t x, double *weight)
{
	const double scale = (double)l->from / (double)l->to, wide = scale < 1 ? 1 : scale;
	const double centre = ((double)x + 0.5) * scale;
	const double low = centre - wide + 0.5, high = centre + wide + 0.5;
	const size_t first = low > 0 ? (size_t)low : 0;
	const size_t end = high < (double)l->from ? (size_t)high : l->from;
	double sum = 0;
	l->first[x] = first;
	l->count[x] = end - first;
	for (size_t i = first; i < end; i++) {
		const double d = fabs(((double)i - centre + 0.5) * (1 / wide));
		weight[i - first] = d < 1 ? 1 - d : 0;
		sum += weight[i - first];
	}
	for (size_t i = 0; i < l->count[x]; i++)
		l->weight[x * l->most + i] =
			(int32_t)(0.5 + (sum != 0 ? weight[i] / sum : weight[i]) * (1 << BITS));
	return CVT_OK;
}

static int line_prepare(struct resize_line *l, size_t from, size_t to, struct cvt_err *e)
{
	if (l->from == from && l->to == to)
		return CVT_OK;
	line_free(l);
	const double scale = (double)from / (double)to;
	const size_t most = (size_t)ceil(scale < 1 ? 1 : scale) * 2 + 1;
	size_t weights;
	double *scratch = mem_alloc(most, sizeof *scratch, e);
	l->first = mem_alloc(to, sizeof *l->first, e);
	l->count = mem_alloc(to, sizeof *l->count, e);
	l->weight = mem_mul(most, to, &weights) ? mem_alloc(weights, sizeof *l->weight, e) : NULL;
	if (!scratch || !l->first || !l->count || !l->weight) {
		free(scratch);
		line_free(l);
		return cvt_fail(e, CVT_SYSTEM, "out of memory");
	}
	l->from = from;
	l->to = to;
	l->most = most;
	for (size_t x = 0; x < to; x++)
		(void)weigh(l, x, scratch);
	free(scratch);
	return CVT_OK;
}

static unsigned char clip(int32_t sum)
{
	const int32_t v = sum >> BITS;
	return (unsigned char)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void go_across(
	const struct resize_line *l, const unsigned char *p, size_t h, size_t c, unsigned char *to)
{
	for (size_t y = 0; y < h; y++)
		for (size_t x = 0; x < l->to; x++)
			for (size_t k = 0; k < c; k++) {
				const unsigned char *from = p + (y * l->from + l->first[x]) * c + k;
				const int32_t *w = l->weight + x * l->most;
				int32_t sum = 1 << (BITS - 1);
				for (size_t i = 0; i < l->count[x]; i++)
					sum += w[i] * from[i * c];
				*to++ = clip(sum);
			}
}

/* Rows are added up a strip at a time, which compilers turn into vectors. */
static void go_down(
	const struct resize_line *l, const unsigned char *p, size_t row, unsigned char *to)
{
	int32_t sum[STRIP];
	for (size_t y = 0; y < l->to; y++)
		for (size_t first = 0, n; first < row; first += n) {
			n = row - first < STRIP ? row - first : STRIP;
			for (size_t x = 0; x < n; x++)
				sum[x] = 1 << (BITS - 1);
			for (size_t i = 0; i < l->count[y]; i++) {
				const unsigned char *from = p + (l->first[y] + i) * row + first;
				const int32_t w = l->weight[y * l->most + i];
				for (size_t x = 0; x < n; x++)
					sum[x] += w * from[x];
			}
			for (size_t x = 0; x < n; x++)
				*to++ = clip(sum[x]);
		}
}

int resize_picture(struct resize *r, const unsigned char *p, size_t h, size_t w, size_t c,
	unsigned char *to, size_t to_h, size_t to_w, struct cvt_err *e)
{
	void *between = r->between;
	size_t bytes;
	if (h == 0 || w == 0)
		return cvt_fail(e, CVT_INPUT, "a picture without pixels cannot be resized");
	if (h == to_h && w == to_w) {
		memcpy(to, p, h * w * c);
		return CVT_OK;
	}
	TRY(line_prepare(&r->across, w, to_w, e));
	TRY(line_prepare(&r->down, h, to_h, e));
	if (!mem_mul(h, to_w, &bytes) || !mem_mul(bytes, c, &bytes))
		return cvt_fail(e, CVT_INPUT, "a picture of that size does not fit in memory");
	TRY(mem_grow(&between, &r->capacity, bytes, 1, e));
	r->between = between;
	if (w != to_w)
		go_across(&r->across, p, h, c, h == to_h ? to : r->between);
	if (h != to_h)
		go_down(&r->down, w == to_w ? p : r->between, to_w * c, to);
	return CVT_OK;
}
