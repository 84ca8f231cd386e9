/*
 * resample: PIL's resize of 8-bit pictures to the bit: a triangle filter as wide as the scale (so
 * that shrinking averages), first along rows, then along columns, each pass in whole numbers with
 * 22 bits behind the point and rounded to bytes.
 */
#include "geometry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 22, TAPS_ON_STACK = 16 };

/* Weights of the inputs first..first+n-1 of one output place. */
struct taps {
	size_t first, n;
	int32_t *weight;
};

static double triangle(double x)
{
	x = fabs(x);
	return x < 1 ? 1 - x : 0;
}

static size_t support_of(size_t in, size_t out)
{
	const double scale = (double)in / (double)out;
	return (size_t)ceil(scale < 1 ? 1.0 : scale) * 2 + 1;
}

/* Pillow's precompute_coeffs and normalize_coeffs_8bpc, for output place i of `out` from `in`. */
static void weigh(struct taps *t, size_t in, size_t out, size_t i, double *scratch)
{
	const double scale = (double)in / (double)out, filter = scale < 1 ? 1.0 : scale;
	const double center = ((double)i + 0.5) * scale, inverse = 1.0 / filter;
	ptrdiff_t first = (ptrdiff_t)(center - filter + 0.5);
	ptrdiff_t last = (ptrdiff_t)(center + filter + 0.5);
	first = first < 0 ? 0 : first;
	last = last > (ptrdiff_t)in ? (ptrdiff_t)in : last;
	double sum = 0;
	t->first = (size_t)first;
	t->n = (size_t)(last - first);
	for (size_t k = 0; k < t->n; k++) {
		scratch[k] = triangle(((double)k + (double)first - center + 0.5) * inverse);
		sum += scratch[k];
	}
	for (size_t k = 0; k < t->n; k++) {
		const double w = sum != 0 ? scratch[k] / sum : scratch[k];
		t->weight[k] = (int32_t)(w * (1 << BITS) + (w < 0 ? -0.5 : 0.5));
	}
}

static unsigned char to_byte(int64_t sum)
{
	const int64_t v = sum >> BITS;
	return (unsigned char)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* One line of out places; steps are the distances in bytes between neighbours. */
static void pass(const struct taps *taps, size_t out, const unsigned char *from, size_t from_step,
	unsigned char *to, size_t to_step)
{
	for (size_t i = 0; i < out; i++) {
		const struct taps *t = &taps[i];
		const unsigned char *p = from + t->first * from_step;
		int64_t sum = 1 << (BITS - 1);
		for (size_t k = 0; k < t->n; k++)
			sum += (int64_t)p[k * from_step] * t->weight[k];
		to[i * to_step] = to_byte(sum);
	}
}

/* The taps of a whole line in one block of memory. */
static struct taps *make_taps(size_t in, size_t out, struct cvt_err *e)
{
	const size_t support = support_of(in, out);
	const size_t head = out * sizeof(struct taps) + support * sizeof(double);
	char *memory = mem_alloc(head + out * support * sizeof(int32_t), 1, e);
	if (!memory)
		return NULL;
	struct taps *taps = (struct taps *)(void *)memory;
	double *scratch = (double *)(void *)(memory + out * sizeof(struct taps));
	for (size_t i = 0; i < out; i++) {
		taps[i].weight = (int32_t *)(void *)(memory + head) + i * support;
		weigh(&taps[i], in, out, i, scratch);
	}
	return taps;
}

int aug_resample(const unsigned char *from, size_t stride, const struct aug_window *w, size_t C,
	unsigned char *to, size_t h2, size_t w2, unsigned char *middle, struct cvt_err *e)
{
	struct taps *across = make_taps(w->w, w2, e), *down = make_taps(w->h, h2, e);
	from += (size_t)w->y * stride + (size_t)w->x * C;
	for (size_t y = 0; across && down && y < w->h; y++)
		for (size_t c = 0; c < C; c++)
			pass(across, w2, from + y * stride + c, C, middle + y * w2 * C + c, C);
	for (size_t x = 0; across && down && x < w2 * C; x++)
		pass(down, h2, middle + x, w2 * C, to + x, w2 * C);
	const bool done = across && down;
	free(across);
	free(down);
	return done ? CVT_OK : CVT_SYSTEM;
}
