/*
 * winograd_tiles: a map's tiles between pictures and their transforms, for what winograd.c runs and for
 * the gradient of weights. n tiles lie tile by tile, each position `step` floats behind the one
 * before: to[position step + tile channels], channels in whole registers (c_step, o_step).
 */
#ifndef CVT_NN_WINOGRAD_TILES_H
#define CVT_NN_WINOGRAD_TILES_H

#include "winograd.h"

enum { WINOGRAD_LINE = 16 }; /* floats; positions a power of two apart would meet in the cache */

/* Floats from position to position of n tiles of `channels` floats. */
size_t winograd_step(size_t n, size_t channels);

/* Tiles first..first+n of x transformed, and of dy. zeros: a vector of them, for what lies beyond the border. */
void winograd_take_inputs(const struct winograd *m, size_t first, size_t n, const float *x,
	const float *zeros, float *to, size_t step);
void winograd_take_gradients(const struct winograd *m, size_t first, size_t n, const float *dy,
	const float *zeros, float *to, size_t step);
/* Products back into the places of y, with the tail; nowhere: a vector that takes what lies beyond the map. */
void winograd_put_outputs(const struct winograd *m, size_t first, size_t n, const float *from,
	size_t step, const struct simd_tail *tail, float *nowhere, float *y);

/* The kernel's view of n tiles at one position: places in a row, their window one place. */
struct simd_conv winograd_view(const struct winograd *m, size_t n, const float *w);

#endif
