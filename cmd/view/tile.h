/* view_tile: one picture of a row, enlarged, with what is known of it drawn on it and its caption.
 */
#ifndef CVT_VIEW_TILE_H
#define CVT_VIEW_TILE_H

#include "overlay.h"

enum { CAPTION = 64, CAPTIONS = 2 };

struct tile {
	struct canvas picture;
	char caption[CAPTIONS][CAPTION]; /* what it is; what it was taken for */
	struct colour ink[CAPTIONS];
};

/* True if rows of this field are pictures, or clips of them. */
bool tile_can_show(const struct head_field *f);
/* How many pictures a row of this field of b has: the frames of a clip, else 1. */
size_t tile_frames(const struct head_field *f, const struct batch *b);
int tile_make(struct tile *t, const struct head *h, const struct batch *b,
	const struct head_field *f, size_t row, size_t frame, const struct view_options *o,
	enum overlay which, struct cvt_err *e);

#endif
