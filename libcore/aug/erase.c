/* erase: operations that hide a part of the picture (see erase.h). */
#include "erase.h"

#include <string.h>

enum { CHANNELS = 4 };

static void mean_colour(const unsigned char *p, size_t n, size_t C, unsigned char *mean)
{
	uint64_t sum[CHANNELS] = {0};
	for (size_t i = 0; i < n; i++)
		for (size_t c = 0; c < C; c++)
			sum[c] += p[i * C + c];
	for (size_t c = 0; c < C; c++)
		mean[c] = (unsigned char)(n ? (sum[c] + n / 2) / n : 0);
}

static void fill_line(unsigned char *p, size_t n, size_t C, const unsigned char *colour,
	enum erase_fill fill, struct rng *g)
{
	for (size_t i = 0; i < n * C; i++)
		p[i] = fill == ERASE_RANDOM ? (unsigned char)rng_u32(g) : colour[i % C];
}

void aug_erase(struct aug_row *r, const struct aug_window *w, enum erase_fill fill, struct rng *g)
{
	const ptrdiff_t H = (ptrdiff_t)r->H, W = (ptrdiff_t)r->W;
	const ptrdiff_t y1 = w->y + (ptrdiff_t)w->h, x1 = w->x + (ptrdiff_t)w->w;
	const size_t y0 = w->y > 0 ? (size_t)w->y : 0,
		     end = y1 < H ? (size_t)(y1 > 0 ? y1 : 0) : r->H;
	const size_t x0 = w->x > 0 ? (size_t)w->x : 0,
		     stop = x1 < W ? (size_t)(x1 > 0 ? x1 : 0) : r->W;
	unsigned char colour[CHANNELS] = {0};
	for (size_t t = 0; t < r->T && x0 < stop; t++) {
		unsigned char *frame = r->image.data + t * r->H * r->W * r->C;
		if (fill == ERASE_MEAN)
			mean_colour(frame, r->H * r->W, r->C, colour);
		for (size_t y = y0; y < end; y++)
			fill_line(frame + (y * r->W + x0) * r->C, stop - x0, r->C, colour, fill, g);
	}
}
