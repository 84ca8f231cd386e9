/*
 * convolve: what conv and tconv share. One linear map between a large picture x (v.h x v.w x v.c)
 * and a small one y (v.oh x v.ow x outputs), in three directions:
 *
 *     forward    y[p][o]      = bias[o] + sum over window places t and inputs i of x[p,t][i] w[t][i][o]
 *     backward   dx[p,t][i]   = bias[i] + sum of dy[p][o] w[t][i][o]
 *     weights    dw[t][i][o] += sum over rows and places of x[p,t][i] dy[p][o]
 *
 * Weights lie as [KH][KW][inputs of a group][outputs]. All three run picture by picture
 * (convolve_direct.c), on copies with a border of zeros in the thread's scratch; where it pays
 * (winograd_fits), by Winograd's tiles instead, where the graph says so in bfloat16 (bf16.h), and where
 * each channel is a group of its own, with channels in the lanes (convolve_depthwise.c).
 *
 * Backward is itself a convolution of dy with stride 1. With strides the places of dx fall into
 * phases by their residues, each reached by its own subset of the window:
 *     place h of phase a = (h mod s) gets dy[(h + pad - kh d) / s] w[kh] where that division is
 * exact.
 */
#ifndef CVT_NN_CONVOLVE_H
#define CVT_NN_CONVOLVE_H

#include "bf16.h"
#include "winograd.h"

struct convolve {
	struct window v;
	size_t outputs, groups, inputs;           /* inputs of a group */
	size_t lanes;                             /* outputs rounded up to whole registers */
	size_t top, left, bordered_h, bordered_w; /* dy with its border of zeros */
	size_t bordered_x;                        /* floats of x with its */
	size_t runs, run;                         /* forward, as the kernel sees a window */
	size_t blocks; /* partial sums of the weights' gradient, at most */
	size_t packed_forward, packed_backward, phases;
	bool spreads;   /* dx, where it is run directly */
	size_t abreast; /* places of y that share a register, where it is run directly: 1 or more */
	bool by_tiles;  /* Winograd's way, all three */
	struct winograd forward_map, backward_map;
	bool in_bf16; /* with rounded operands, all three, in plans that are not fixed */
	struct bf16_map forward_bf16, backward_bf16;
	struct phase whole;       /* forward as a phase */
	size_t *spot, *back_spot; /* tap by tap: places from the window's first on, laid for bf16 */
	size_t mirrored[9];       /* place_weight backwards: the window as backward_map sees it */
	/* floats from the window's first place to each run in bordered x, and to each place in the
	 * weights; the same for the phases of backward, in bordered dy, from phase.first on */
	size_t *place, *place_weight, *back, *back_weight;
	struct phase *phase;
};

/* What the three directions work on. */
struct convolve_data {
	size_t rows;
	const float *x, *dy, *w;
	float *to; /* y of forward, dx of backward; NULL = not wanted */
	struct simd_tail tail;
	float *dw; /* NULL = not wanted */
};

/* Makes the node's conf (one block of memory) from the geometry, and sets the node's work_*. */
int convolve_create(const struct graph *g, struct node *n, const struct window *v, size_t outputs,
	size_t groups, struct cvt_err *e);
void convolve_forward(const struct nn_io *io, const struct convolve_data *d);
/* What a fixed plan's operator prepares for one direction: weights packed (times io->affine's scales),
 * then a bias of every output; bias: the operator's own, or NULL. Returns the floats. The operator's
 * io->fixed must be of the direction that it runs forward. */
size_t convolve_prepare(
	const struct nn_io *io, bool backward, const float *w, const float *bias, float *to);
/* The tail of an operator whose forward pass is that direction. */
struct simd_tail convolve_tail(const struct nn_io *io, bool backward, const float *bias);
/* dx and dw in one pass over the pictures, either may be left out. */
void convolve_backward(const struct nn_io *io, const struct convolve_data *d);

/* ---- convolve_direct.c: picture by picture ---------------------------------------------- */
/* Where a group's weights lie, as the kernels of either direction (backward: a phase) see them; w is NULL
 * where only the layout is asked for. */
struct simd_weights convolve_forward_weights(
	const struct convolve *c, const float *w, size_t group);
struct simd_weights convolve_backward_weights(
	const struct convolve *c, const float *w, size_t group, const struct phase *p);
/* All weights, each times the scale of what it makes (NULL: as they are). */
void convolve_direct_pack_forward(
	const struct convolve *c, const float *w, const float *scale, float *to);
void convolve_direct_pack_backward(
	const struct convolve *c, const float *w, const float *scale, float *to);
void convolve_direct_forward(
	const struct nn_io *io, const struct convolve_data *d, const float *packed);
void convolve_direct_backward(
	const struct nn_io *io, const struct convolve_data *d, const float *packed);

/* ---- convolve_few.c: few channels -------------------------------------------------------- */
/* Whether backward pays that way; what it packs is no more than packed_backward. */
bool convolve_spreads_well(const struct convolve *c);
void convolve_spread_pack(const struct convolve *c, const float *w, const float *scale, float *to);
/* Backward of one picture; scratch: bordered_x floats. tail->plus begins at the picture, like dx. */
void convolve_spread(const struct convolve *c, const float *packed, const float *dy,
	const struct simd_tail *tail, float *scratch, float *dx);

/* How many places of y forward and the weights' gradient take abreast; 1: each by itself. Any more are of one
 * group, and run holds the joint window's rows. */
size_t convolve_abreast(const struct convolve *c);
/* Floats of packed weights, and of a sum of their gradients. */
size_t convolve_abreast_floats(const struct convolve *c);
void convolve_abreast_pack(const struct convolve *c, const float *w, const float *scale, float *to);
void convolve_abreast_unpack_add(const struct convolve *c, const float *from, float *dw);
/* The tail's bias for all of them, in bias[width of a register]. */
void convolve_abreast_bias(const struct convolve *c, struct simd_tail *tail, float *bias);

/* ---- convolve_small.c: maps smaller than their window, place by place ------------------- */
bool convolve_has_small_map(const struct convolve *c);
/* It pays for that; by sizes and the plan's N, so that no row's result depends on the others. */
bool convolve_is_small(const struct nn_io *io, bool fixed);
/* Of either direction: floats of packed weights, to pack them, to run on them. */
size_t convolve_small_floats(const struct convolve *c, bool backward);
void convolve_small_pack(
	const struct nn_io *io, bool backward, const float *w, const float *scale, float *to);
void convolve_small_run(
	const struct nn_io *io, bool backward, const struct convolve_data *d, const float *packed);
/* dw += the gradient. Its scratch: floats a row, from io->work on, and a thread. */
void convolve_small_gradient(const struct nn_io *io, const struct convolve_data *d);
size_t convolve_small_gradient_row(const struct convolve *c);
size_t convolve_small_gradient_thread(const struct convolve *c);

/* ---- convolve_depthwise.c: each channel is a group of its own -------------------------- */
bool convolve_is_depthwise(const struct convolve *c);
/* Weights of either direction, as they lie, each times its channel's scale (NULL: as they are). */
void convolve_depthwise_pack(
	const struct convolve *c, const float *w, const float *scale, float *to);
void convolve_depthwise_forward(const struct nn_io *io, const struct convolve_data *d);
/* The partial sums of the weights' gradient lie from io->work on, c->blocks times all weights. */
void convolve_depthwise_backward(const struct nn_io *io, const struct convolve_data *d);

#endif
