/*
 * resample: PIL's resize of 8-bit pictures to the bit: a triangle filter as wide as the scale (so
 * that shrinking averages), first along rows, then along columns, each pass in whole numbers with
 * 22 bits behind the point and rounded to bytes. Weights are not negative and add up to about 1, so
 * that a sum stays below 2^30.
 */
#include "geometry.h"

#include <math.h>

enum { BITS = 22, HALF = 1 << (BITS - 1), LANES = 16 };

/* The inputs first..first+n-1 that make one output place. */
struct span {
	size_t first, n;
};

/* The weights of a whole line: `room` for each output place. */
struct taps {
	size_t room;
	struct span *span;
	int32_t *weight;
};

static double triangle(double x)
{
	x = fabs(x);
	return x < 1 ? 1 - x : 0;
}

/* Inputs that an output place looks at, at most (Pillow's ksize). */
static size_t most_taps(size_t in, size_t out)
{
	const double scale = (double)in / (double)out;
	return (size_t)ceil(scale < 1 ? 1.0 : scale) * 2 + 1;
}

/* Pillow's precompute_coeffs and normalize_coeffs_8bpc; `wide` holds the weights of one place. */
static void weigh(const struct taps *t, size_t in, size_t out, double *wide)
{
	const double scale = (double)in / (double)out, filter = scale < 1 ? 1.0 : scale;
	const double inverse = 1.0 / filter;
	for (size_t i = 0; i < out; i++) {
		const double center = ((double)i + 0.5) * scale;
		const double low = center - filter + 0.5, high = center + filter + 0.5;
		const size_t first = low < 0 ? 0 : (size_t)low;
		const size_t end = high > (double)in ? in : (size_t)high;
		double sum = 0;
		for (size_t k = first; k < end; k++) {
			wide[k - first] = triangle(((double)k - center + 0.5) * inverse);
			sum += wide[k - first];
		}
		for (size_t k = 0; k < end - first; k++) {
			const double w = sum != 0 ? wide[k] / sum : wide[k];
			t->weight[i * t->room + k] = (int32_t)(w * (1 << BITS) + 0.5);
		}
		t->span[i] = (struct span){first, end - first};
	}
}

static unsigned char to_byte(int32_t sum)
{
	const int32_t v = sum >> BITS;
	return (unsigned char)(v > 255 ? 255 : v);
}

/* One line of pixels along itself. */
static void pass_grey(
	const struct taps *t, size_t out, const unsigned char *from, unsigned char *to)
{
	for (size_t i = 0; i < out; i++) {
		const unsigned char *p = from + t->span[i].first;
		const int32_t *w = t->weight + i * t->room;
		int32_t sum = HALF;
		for (size_t k = 0, n = t->span[i].n; k < n; k++)
			sum += w[k] * p[k];
		to[i] = to_byte(sum);
	}
}

static void pass_colour(
	const struct taps *t, size_t out, const unsigned char *from, unsigned char *to)
{
	for (size_t i = 0; i < out; i++) {
		const unsigned char *p = from + 3 * t->span[i].first;
		const int32_t *w = t->weight + i * t->room;
		int32_t r = HALF, g = HALF, b = HALF;
		for (size_t k = 0, n = t->span[i].n; k < n; k++) {
			r += w[k] * p[3 * k];
			g += w[k] * p[3 * k + 1];
			b += w[k] * p[3 * k + 2];
		}
		to[3 * i] = to_byte(r);
		to[3 * i + 1] = to_byte(g);
		to[3 * i + 2] = to_byte(b);
	}
}

/* One output line of n bytes from the lines of s, which lie n bytes apart. */
static void pass_down(const struct span *s, const int32_t *w, const unsigned char *from, size_t n,
	unsigned char *to)
{
	size_t x = 0;
	from += s->first * n;
	for (; x + LANES <= n; x += LANES) {
		int32_t sum[LANES];
		for (size_t i = 0; i < LANES; i++)
			sum[i] = HALF;
		for (size_t k = 0; k < s->n; k++)
			for (size_t i = 0; i < LANES; i++)
				sum[i] += w[k] * from[k * n + x + i];
		for (size_t i = 0; i < LANES; i++)
			to[x + i] = to_byte(sum[i]);
	}
	for (; x < n; x++) {
		int32_t sum = HALF;
		for (size_t k = 0; k < s->n; k++)
			sum += w[k] * from[k * n + x];
		to[x] = to_byte(sum);
	}
}

/* The scratch of one resampling: weights of both passes, and the picture between them. */
struct bench {
	struct taps across, down;
	double *wide;
	unsigned char *middle;
};

/* Cuts the row's scratch, largest items first, so that each is aligned. */
static int lay_out(struct bench *b, struct aug_row *r, const struct aug_window *w, size_t h2,
	size_t w2, struct cvt_err *e)
{
	b->across.room = most_taps(w->w, w2);
	b->down.room = most_taps(w->h, h2);
	const size_t wide = b->across.room > b->down.room ? b->across.room : b->down.room;
	const size_t weights = w2 * b->across.room + h2 * b->down.room;
	void *p = r->scratch;
	TRY(mem_grow(&p, &r->scratch_capacity,
		wide * sizeof(double) + (w2 + h2) * sizeof(struct span) + weights * sizeof(int32_t)
			+ w->h * w2 * r->image.size,
		1, e));
	r->scratch = p;
	b->wide = p;
	b->across.span = (void *)(b->wide + wide);
	b->down.span = b->across.span + w2;
	b->across.weight = (void *)(b->down.span + h2);
	b->down.weight = b->across.weight + w2 * b->across.room;
	b->middle = (void *)(b->down.weight + h2 * b->down.room);
	return CVT_OK;
}

int aug_resample(
	struct aug_row *r, const struct aug_window *w, size_t h2, size_t w2, struct cvt_err *e)
{
	const size_t C = r->image.size, stride = r->W * C;
	struct bench b;
	TRY(lay_out(&b, r, w, h2, w2, e));
	weigh(&b.across, w->w, w2, b.wide);
	weigh(&b.down, w->h, h2, b.wide);
	for (size_t t = 0; t < r->T; t++) {
		const unsigned char *from =
			r->image.data + (t * r->H + (size_t)w->y) * stride + (size_t)w->x * C;
		unsigned char *to = r->image.spare + t * h2 * w2 * C;
		for (size_t y = 0; y < w->h; y++)
			(C == 3 ? pass_colour : pass_grey)(
				&b.across, w2, from + y * stride, b.middle + y * w2 * C);
		for (size_t y = 0; y < h2; y++)
			pass_down(&b.down.span[y], b.down.weight + y * b.down.room, b.middle,
				w2 * C, to + y * w2 * C);
	}
	return CVT_OK;
}
