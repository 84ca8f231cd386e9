/* erase: operations that hide a part of the picture. Planes, boxes and points stay as they are: what
 * is hidden is still there. */
#ifndef CVT_AUG_ERASE_H
#define CVT_AUG_ERASE_H

#include "geometry.h"

enum erase_fill { ERASE_ZERO, ERASE_MEAN, ERASE_RANDOM };
#define ERASE_WORDS "zero|mean|random"

/* The window, cut at the borders, in every frame: black, each frame's own mean colour, or bytes at
 * random. */
void aug_erase(struct aug_row *r, const struct aug_window *w, enum erase_fill fill, struct rng *g);

#endif
