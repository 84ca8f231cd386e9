/*
 * rotate4: every row becomes four, turned by 0, 90, 180 and 270 degrees counter-clockwise, and which
 * it was is to be learned: to tell, a network must know what things look like upright (Gidaris,
 * Singh and Komodakis, "Unsupervised representation learning by predicting image rotations", ICLR
 * 2018). All four stand in one batch, as in the paper, where that was better than a random one.
 * Nothing is drawn, so validation rows become four, too.
 */
#include "geometry.h"

#include <string.h>

static const char *const degrees[] = {"0", "90", "180", "270"};

static const struct aug_pretext pretext = {
	.field = "rotation",
	.loss = "cross-entropy",
	.classes = 4,
	.copies = 4,
	.class_name = degrees,
};

/* Turned by 90 degrees a picture has its sides exchanged, and all rows are to be of one size. */
static int size(const double *v, size_t *H, size_t *W, size_t *C, struct cvt_err *e)
{
	(void)v;
	(void)C;
	if (*H == *W)
		return CVT_OK;
	return cvt_fail(e, CVT_INPUT,
		"rotate4: pictures of %zux%zu are not square; put resize=%zu or center-crop=%zu "
		"before it",
		*H, *W, *H < *W ? *H : *W, *H < *W ? *H : *W);
}

/* Where in the old H x W picture place (y, x) of the one turned by so many quarters lies. */
static size_t place(const struct aug_row *r, size_t quarters, size_t y, size_t x)
{
	if (quarters == 1)
		return x * r->W + r->W - 1 - y;
	if (quarters == 2)
		return (r->H - 1 - y) * r->W + r->W - 1 - x;
	return (r->H - 1 - x) * r->W + y;
}

static void turn_plane(const struct aug_plane *p, const struct aug_row *r, size_t quarters)
{
	const size_t h = quarters == 2 ? r->H : r->W, w = quarters == 2 ? r->W : r->H;
	for (size_t t = 0; t < r->T; t++) {
		const unsigned char *from = p->data + t * h * w * p->size;
		unsigned char *to = p->spare + t * h * w * p->size;
		for (size_t y = 0; y < h; y++)
			for (size_t x = 0; x < w; x++, to += p->size)
				memcpy(to, from + place(r, quarters, y, x) * p->size, p->size);
	}
}

static int turn(struct aug_row *r, size_t quarters, struct cvt_err *e)
{
	const double H = (double)r->H, W = (double)r->W;
	const struct aug_map map[4] = {{{1, 0, 0, 0, 1, 0, 0, 0}}, {{0, 1, 0, -1, 0, W, 0, 0}},
		{{-1, 0, W, 0, -1, H, 0, 0}}, {{0, -1, H, 1, 0, 0, 0, 0}}};
	const size_t h = quarters == 2 ? r->H : r->W, w = quarters == 2 ? r->W : r->H;
	if (quarters == 0)
		return CVT_OK;
	TRY(aug_room(r, h, w, e));
	turn_plane(&r->image, r, quarters);
	for (size_t i = 0; i < r->planes; i++)
		turn_plane(&r->plane[i], r, quarters);
	aug_map_points(r, &map[quarters], h, w);
	aug_swap(r, h, w);
	return CVT_OK;
}

static int apply(const struct aug_call *c, struct aug_row *r)
{
	r->label = (int32_t)r->copy;
	return turn(r, r->copy, c->e);
}

const struct aug_op aug_rotate4 = {
	.name = "rotate4",
	.help = "pretext: every row becomes four, turned by quarters; learns `rotation`",
	.size = size,
	.apply = apply,
	.pretext = &pretext,
};
