/*
 * view_overlay: what is known of a picture, drawn on it: its mask, boxes and keypoints, and on a
 * second copy what was predicted.
 */
#ifndef CVT_VIEW_OVERLAY_H
#define CVT_VIEW_OVERLAY_H

#include "canvas.h"
#include "view.h"

/* Truth and answer together, or one of them. */
enum overlay { OVERLAY_ALL, OVERLAY_TRUTH, OVERLAY_ANSWER };

/* Pixels of the tile a pixel of the picture: `up` of them, or one for `down`. */
struct zoom {
	size_t up, down;
};

/* Is there a prediction that lies over the truth, and is better seen beside it? */
bool overlay_has_answer(const struct head *h);
/* Draws on c, which shows a picture of row `row` so enlarged. */
void overlay_draw(struct canvas *c, const struct head *h, const struct batch *b, size_t row,
	const struct zoom *z, enum overlay which);

#endif
