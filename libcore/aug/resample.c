/* resample: PIL's resize of 8-bit pictures (see resample.h); the sums are simd/resample.c. */
#include "resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 22, KEPT = 4096 };

void resampler_free(struct resampler *r)
{
	for (size_t i = 0; i < RESAMPLE_LINES; i++)
		free(r->line[i].data);
	for (size_t i = 0; i < 2; i++)
		free(r->large[i].data);
	free(r->wide);
	free(r->work);
	free(r->middle);
	*r = (struct resampler){0};
}

/* ---- weights ----------------------------------------------------------------------- */

static double triangle(double x)
{
	x = fabs(x);
	return x < 1 ? 1 - x : 0;
}

/* The inputs first..first+n-1 that make one output place. */
struct span {
	size_t first, n;
};

/* Pillow's precompute_coeffs: the filter's width in inputs, and where it lies for place i. */
static struct span span_of(size_t i, size_t in, double scale, double filter)
{
	const double center = ((double)i + 0.5) * scale;
	const double low = center - filter + 0.5, high = center + filter + 0.5;
	const size_t first = low < 0 ? 0 : (size_t)low;
	const size_t end = high > (double)in ? in : (size_t)high;
	return (struct span){first, end - first};
}

/* normalize_coeffs_8bpc. Every place gets `taps` inputs that exist; those too many weigh nothing. */
static void weigh(struct resample_line *l, double scale, double filter, double *wide)
{
	const size_t out = l->taps.out, taps = l->taps.taps;
	const double inverse = 1.0 / filter;
	int32_t *first = l->data, *weight = l->data + out;
	memset(weight, 0, out * taps * sizeof *weight);
	for (size_t i = 0; i < out; i++) {
		const struct span s = span_of(i, l->in, scale, filter);
		const double center = ((double)i + 0.5) * scale;
		const size_t from = s.first < l->in - taps ? s.first : l->in - taps;
		double sum = 0;
		for (size_t k = 0; k < s.n; k++) {
			wide[k] = triangle(((double)(s.first + k) - center + 0.5) * inverse);
			sum += wide[k];
		}
		for (size_t k = 0; k < s.n; k++) {
			const double w = sum != 0 ? wide[k] / sum : wide[k];
			weight[(s.first - from + k) * out + i] = (int32_t)(w * (1 << BITS) + 0.5);
		}
		first[i] = (int32_t)from;
	}
}

static int make_line(
	struct resampler *r, struct resample_line *l, size_t in, size_t out, struct cvt_err *e)
{
	const double scale = (double)in / (double)out, filter = scale < 1 ? 1.0 : scale;
	size_t taps = 1, items;
	void *p = l->data, *wide = r->wide;
	for (size_t i = 0; i < out; i++) {
		const size_t n = span_of(i, in, scale, filter).n;
		taps = n > taps ? n : taps;
	}
	if (in > INT32_MAX || !mem_mul(out, taps + 1, &items))
		return cvt_fail(e, CVT_INPUT, "a picture of that size cannot be resized");
	TRY(mem_grow(&p, &l->capacity, items, sizeof *l->data, e));
	l->data = p;
	TRY(mem_grow(&wide, &r->wide_capacity, taps, sizeof *r->wide, e));
	r->wide = wide;
	l->in = in;
	l->taps = (struct simd_taps){out, taps, l->data, l->data + out};
	weigh(l, scale, filter, r->wide);
	return CVT_OK;
}

/* The weights, from last time if they are still there. Long ones are not kept. */
static int find_line(struct resampler *r, size_t in, size_t out, size_t pass,
	const struct simd_taps **t, struct cvt_err *e)
{
	const bool small = in < KEPT && out < KEPT;
	struct resample_line *l =
		small ? &r->line[(in + 31 * out) % RESAMPLE_LINES] : &r->large[pass];
	if (l->in != in || l->taps.out != out) {
		l->in = 0; /* not usable while it is made */
		TRY(make_line(r, l, in, out, e));
	}
	*t = &l->taps;
	return CVT_OK;
}

/* ---- passes ------------------------------------------------------------------------ */

static int make_room(
	struct resampler *r, const struct resample_from *f, size_t w2, struct cvt_err *e)
{
	void *work = r->work, *middle = r->middle;
	size_t bytes;
	if (!mem_mul(f->h + 1, w2, &bytes) || !mem_mul(bytes, f->C, &bytes))
		return cvt_fail(e, CVT_INPUT, "a picture of that size does not fit in memory");
	TRY(mem_grow(&work, &r->work_capacity, f->w + f->C * w2, sizeof *r->work, e));
	r->work = work;
	TRY(mem_grow(&middle, &r->middle_capacity, bytes, 1, e));
	r->middle = middle;
	return CVT_OK;
}

/* The channels of a line, which lie apart, together. */
static void join(const unsigned char *apart, size_t w, size_t C, unsigned char *to)
{
	const uint8_t *const plane[3] = {apart, apart + w, apart + 2 * w};
	if (C == 3) {
		simd()->rgb_join(plane, w, to);
		return;
	}
	for (size_t c = 0; c < C; c++)
		for (size_t x = 0; x < w; x++)
			to[x * C + c] = apart[c * w + x];
}

static void pass_down(const struct resampler *r, const struct resample_from *f,
	const struct simd_taps *t, size_t w2, unsigned char *to)
{
	const struct simd *s = simd();
	const size_t line = w2 * f->C;
	unsigned char *spare = r->middle + f->h * line;
	for (size_t y = 0; y < t->out; y++, to += line) {
		const unsigned char *from = r->middle + (size_t)t->first[y] * line;
		unsigned char *apart = f->C > 1 ? spare : to;
		s->resample_down(t->weight + y, t->out, t->taps, from, line, apart);
		if (f->C > 1)
			join(spare, w2, f->C, to);
	}
}

int resample_picture(struct resampler *r, const struct resample_from *f, unsigned char *to,
	size_t h2, size_t w2, struct cvt_err *e)
{
	const struct simd *s = simd();
	const struct simd_taps *across, *down;
	TRY(find_line(r, f->w, w2, 0, &across, e));
	TRY(make_room(r, f, w2, e));
	for (size_t y = 0; y < f->h; y++)
		s->resample_across(across, f->p + y * f->stride, f->w, f->C, r->work,
			r->middle + y * w2 * f->C);
	TRY(find_line(r, f->h, h2, 1, &down, e));
	pass_down(r, f, down, w2, to);
	return CVT_OK;
}
