/* convolve_run: which way a convolution is run in each direction, and what fixed plans prepare for it
 * (see convolve.h). */
#include "convolve.h"

#include <string.h>

/* Tiles of a batch from which Winograd's way pays, by what is to be done for them: transforming the
 * weights (64: one picture of 32x32), or only reading them, from memory or from the second cache. */
enum { TO_TRANSFORM = 65, TO_READ = 16, TO_READ_NEAR = 4 };

/* ---- forward ----------------------------------------------------------------------- */

/* How a direction is run: by the kernels of simd/conv.c, picture by picture, or else. */
enum way {
	DIRECT,
	IN_BF16,   /* bf16.h */
	BY_TILES,  /* winograd.h */
	BY_PLACES, /* convolve_small.c */
	DEPTHWISE, /* convolve_depthwise.c */
};

/* Winograd's weights cost as much as some tiles: batches that never have that many go the direct way.
 * The plan's N decides, not the rows at hand, so that no row's result depends on the others. */
static enum way way_of(const struct nn_io *io, bool fixed)
{
	const struct convolve *c = io->node->conf;
	const size_t least = !fixed                              ? TO_TRANSFORM
			     : c->packed_forward * 4 > SIMD_NEAR ? TO_READ
								 : TO_READ_NEAR;
	if (convolve_is_depthwise(c))
		return DEPTHWISE;
	if (c->in_bf16 && !fixed)
		return IN_BF16;
	if (c->by_tiles && io->most * c->forward_map.down * c->forward_map.across >= least)
		return BY_TILES;
	return convolve_is_small(io, fixed) ? BY_PLACES : DIRECT;
}

static void pack_forward(
	const struct nn_io *io, enum way way, const float *w, const float *scale, float *to)
{
	const struct convolve *c = io->node->conf;
	if (way == BY_PLACES) {
		convolve_small_pack(io, false, w, scale, to);
		return;
	}
	if (way == BY_TILES) {
		struct simd_weights weights = convolve_forward_weights(c, w, 0);
		weights.scale = scale;
		winograd_pack(io, &c->forward_map, &weights, to);
		return;
	}
	convolve_direct_pack_forward(c, w, scale, to);
}

/* The weights of an operator's forward pass; of any other pass they were packed into work. */
static const float *packed(const struct nn_io *io)
{
	return io->fixed ? io->fixed : io->work;
}

/* Whether weights that are not fixed are packed for each pass, all at once. */
static bool is_packed(enum way way)
{
	return way != IN_BF16 && way != DEPTHWISE;
}

static void forward_in_bf16(const struct nn_io *io, const struct convolve_data *d)
{
	const struct convolve *c = io->node->conf;
	bf16_pack(io, &c->forward_bf16, d->w, c->outputs, 1, io->work);
	bf16_run(io, &c->forward_bf16, io->work, d->rows, d->x, &d->tail, d->to);
}

void convolve_forward(const struct nn_io *io, const struct convolve_data *d)
{
	const struct convolve *c = io->node->conf;
	const enum way way = way_of(io, io->fixed);
	if (is_packed(way) && !io->fixed)
		pack_forward(io, way, d->w, NULL, io->work);
	switch (way) {
	case IN_BF16:
		forward_in_bf16(io, d);
		break;
	case BY_TILES:
		winograd_run(io, &c->forward_map, packed(io), d->rows, d->x, &d->tail, d->to);
		break;
	case BY_PLACES:
		convolve_small_run(io, false, d, packed(io));
		break;
	case DEPTHWISE:
		convolve_depthwise_forward(io, d);
		break;
	case DIRECT:
		convolve_direct_forward(io, d, packed(io));
		break;
	}
}

/* ---- backward ---------------------------------------------------------------------- */

static void pack_backward(
	const struct nn_io *io, enum way way, const float *w, const float *scale, float *to)
{
	const struct convolve *c = io->node->conf;
	if (way == BY_PLACES) {
		convolve_small_pack(io, true, w, scale, to);
		return;
	}
	if (way == BY_TILES) {
		struct simd_weights weights = convolve_backward_weights(c, w, 0, &c->phase[0]);
		weights.tap = c->mirrored;
		weights.scale = scale;
		winograd_pack(io, &c->backward_map, &weights, to);
		return;
	}
	convolve_direct_pack_backward(c, w, scale, to);
}

static void backward_by_tiles(const struct nn_io *io, const struct convolve_data *d)
{
	const struct convolve *c = io->node->conf;
	if (d->to)
		winograd_run(io, &c->backward_map, packed(io), d->rows, d->dy, &d->tail, d->to);
	if (d->dw) {
		const struct simd_weights w = convolve_forward_weights(c, NULL, 0);
		winograd_gradient(io, &c->forward_map, &w, d->rows, d->x, d->dy, d->dw);
	}
}

static void backward_in_bf16(const struct nn_io *io, const struct convolve_data *d)
{
	const struct convolve *c = io->node->conf;
	if (d->to) {
		bf16_pack(io, &c->backward_bf16, d->w, 1, c->outputs, io->work);
		bf16_run(io, &c->backward_bf16, io->work, d->rows, d->dy, &d->tail, d->to);
	}
	if (d->dw)
		bf16_gradient(io, &c->forward_bf16, d->rows, d->x, d->dy, d->dw);
}

static void backward_directly(const struct nn_io *io, const struct convolve_data *d)
{
	convolve_direct_backward(io, d, packed(io));
}

static void backward_by_places(const struct nn_io *io, const struct convolve_data *d)
{
	if (d->to)
		convolve_small_run(io, true, d, packed(io));
	if (d->dw)
		convolve_small_gradient(io, d);
}

void convolve_backward(const struct nn_io *io, const struct convolve_data *d)
{
	static void (*const run[])(const struct nn_io *io, const struct convolve_data *d) = {
		[DIRECT] = backward_directly,
		[IN_BF16] = backward_in_bf16,
		[BY_TILES] = backward_by_tiles,
		[BY_PLACES] = backward_by_places,
		[DEPTHWISE] = convolve_depthwise_backward};
	const enum way way = way_of(io, io->fixed);
	if (is_packed(way) && d->to && !io->fixed)
		pack_backward(io, way, d->w, NULL, io->work);
	run[way](io, d);
}

/* ---- fixed plans ------------------------------------------------------------------- */

/* Floats of packed weights, the bias behind begins on a line of the cache. */
static size_t packed_floats(const struct nn_io *io, bool backward)
{
	enum { LINE = 16 };
	const struct convolve *c = io->node->conf;
	const enum way way = way_of(io, true);
	const size_t n = way == BY_TILES
				 ? winograd_work(backward ? &c->backward_map : &c->forward_map)
			 : way == BY_PLACES ? convolve_small_floats(c, backward)
			 : backward         ? c->packed_backward
					    : c->packed_forward;
	return (n + LINE - 1) / LINE * LINE;
}

size_t convolve_prepare(
	const struct nn_io *io, bool backward, const float *w, const float *bias, float *to)
{
	const struct convolve *c = io->node->conf;
	const size_t n = packed_floats(io, backward), outputs = backward ? c->v.c : c->outputs;
	const float *scale = io->affine, *shift = scale ? scale + outputs : NULL;
	if (!to)
		return n + outputs;
	if (way_of(io, true) == DEPTHWISE)
		convolve_depthwise_pack(c, w, scale, to);
	else
		(backward ? pack_backward : pack_forward)(io, way_of(io, true), w, scale, to);
	for (size_t o = 0; o < outputs; o++)
		to[n + o] = (bias ? bias[o] : 0) * (scale ? scale[o] : 1) + (shift ? shift[o] : 0);
	return n + outputs;
}

struct simd_tail convolve_tail(const struct nn_io *io, bool backward, const float *bias)
{
	return (struct simd_tail){io->fixed ? io->fixed + packed_floats(io, backward) : bias,
		io->plus, io->fixed && io->absorbs};
}
