/* smooth: operations that look at a pixel's neighbours (see smooth.h). */
#include "smooth.h"

#include "colour.h"
#include "geometry.h"

#include <math.h>
#include <string.h>

/* ---- sharpness --------------------------------------------------------------------- */

/* The eight neighbours once, itself five times, by 13: never half-way, so whole numbers round as
 * Pillow's floats do. */
static inline unsigned char smooth13(const unsigned char *p, size_t line, size_t C)
{
	const unsigned char *above = p - line, *below = p + line;
	const int sum = above[0] + *(above - C) + above[C] + *(p - C) + 5 * p[0] + p[C]
			+ *(below - C) + below[0] + below[C];
	return (unsigned char)((2 * sum + 13) / 26);
}

static void sharpen(
	const unsigned char *from, size_t H, size_t W, size_t C, float factor, unsigned char *to)
{
	const size_t line = W * C;
	memcpy(to, from, H * line); /* the border stays, and so does a picture without an inside */
	for (size_t y = 1; y + 1 < H; y++) {
		const unsigned char *p = from + y * line;
		unsigned char *q = to + y * line;
		for (size_t i = C; i + C < line; i++)
			q[i] = colour_blend(smooth13(p + i, line, C), p[i], factor);
	}
}

int smooth_sharpen(struct aug_row *r, float factor, struct cvt_err *e)
{
	const size_t frame = r->H * r->W * r->C;
	TRY(aug_room_image(r, e));
	for (size_t t = 0; t < r->T; t++)
		sharpen(r->image.data + t * frame, r->H, r->W, r->C, factor,
			r->image.spare + t * frame);
	aug_swap_image(r);
	return CVT_OK;
}

/* ---- blur -------------------------------------------------------------------------- */

static void weigh(size_t K, double sigma, float *weight)
{
	const double half = (double)(K - 1) / 2;
	double sum = 0;
	for (size_t k = 0; k < K; k++)
		sum += exp(-0.5 * pow(((double)k - half) / sigma, 2));
	for (size_t k = 0; k < K; k++)
		weight[k] = (float)(exp(-0.5 * pow(((double)k - half) / sigma, 2)) / sum);
}

static void along(
	const unsigned char *from, size_t W, size_t C, size_t K, const float *weight, float *to)
{
	const ptrdiff_t half = (ptrdiff_t)(K / 2);
	memset(to, 0, W * C * sizeof *to);
	for (size_t k = 0; k < K; k++)
		for (size_t x = 0; x < W; x++) {
			const size_t at = aug_reflect((ptrdiff_t)(x + k) - half, W);
			for (size_t c = 0; c < C; c++)
				to[x * C + c] += weight[k] * from[at * C + c];
		}
}

static void down(const float *from, size_t H, size_t line, size_t y, size_t K, const float *weight,
	float *sum, unsigned char *to)
{
	memset(sum, 0, line * sizeof *sum);
	for (size_t k = 0; k < K; k++) {
		const float *p =
			from + aug_reflect((ptrdiff_t)(y + k) - (ptrdiff_t)(K / 2), H) * line;
		for (size_t i = 0; i < line; i++)
			sum[i] += weight[k] * p[i];
	}
	for (size_t i = 0; i < line; i++)
		to[i] = (unsigned char)nearbyintf(sum[i] < 255 ? sum[i] : 255);
}

int smooth_blur(struct aug_row *r, size_t K, double sigma, struct cvt_err *e)
{
	const size_t line = r->W * r->C, frame = r->H * line;
	void *p = r->scratch;
	TRY(mem_grow(&p, &r->scratch_capacity, (K + frame + line) * sizeof(float), 1, e));
	r->scratch = p;
	float *weight = p, *rows = weight + K, *sum = rows + frame;
	weigh(K, sigma, weight);
	for (size_t t = 0; t < r->T; t++) {
		unsigned char *picture = r->image.data + t * frame;
		for (size_t y = 0; y < r->H; y++)
			along(picture + y * line, r->W, r->C, K, weight, rows + y * line);
		for (size_t y = 0; y < r->H; y++)
			down(rows, r->H, line, y, K, weight, sum, picture + y * line);
	}
	return CVT_OK;
}
