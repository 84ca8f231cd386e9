/* convolve_run: convolutions in three directions, picture by picture (see convolve.h). */
#include "convolve.h"

#include <string.h>

/* Tiles of a batch from which Winograd's way pays, by what is to be done for them: transforming the
 * weights (64: one picture of 32x32), or only reading them, from memory or from the second cache. */
enum { TO_TRANSFORM = 65, TO_READ = 16, TO_READ_NEAR = 4 };
enum { UNIT = 32 }; /* outputs that are not parted: whole panels of packed weights everywhere */
enum { WORTH = 1 << 18 }; /* products that are worth a block: some microseconds */
enum { TURNS = 4 };       /* blocks a thread, so that all end at about the same time */

/* One call, for the blocks of par_for. */
struct job {
	const struct convolve *c;
	const struct nn_io *io;
	const struct convolve_data *d;
	const float *packed;
	float *sums;
	size_t each, blocks; /* rows of a partial sum, and how many there are */
	size_t parts;        /* forward: blocks that a row is cut into */
};

/* A picture in memory: first float, floats from line to line and from place to place. */
struct picture {
	const float *p;
	size_t line, place;
};

/* A picture with a border of zeros, and perhaps more channels, all zero. */
struct border {
	size_t h, w, c;                           /* without */
	size_t top, left, full_h, full_w, full_c; /* with */
};

static void copy_line(const struct border *b, const float *from, float *to)
{
	if (b->full_c == b->c) {
		memcpy(to, from, b->w * b->c * sizeof *to);
		return;
	}
	for (size_t i = 0; i < b->w; i++, to += b->full_c, from += b->c) {
		memcpy(to, from, b->c * sizeof *to);
		memset(to + b->c, 0, (b->full_c - b->c) * sizeof *to);
	}
}

static void copy_with_border(const struct border *b, const float *from, float *to)
{
	const size_t line = b->full_w * b->full_c, left = b->left * b->full_c;
	const size_t right = (b->full_w - b->left - b->w) * b->full_c;
	memset(to, 0, b->top * line * sizeof *to);
	to += b->top * line;
	for (size_t i = 0; i < b->h; i++, to += line, from += b->w * b->c) {
		memset(to, 0, left * sizeof *to);
		copy_line(b, from, to + left);
		memset(to + line - right, 0, right * sizeof *to);
	}
	memset(to, 0, (b->full_h - b->top - b->h) * line * sizeof *to);
}

static bool is_bare(const struct border *b)
{
	return b->full_h == b->h && b->full_w == b->w && b->full_c == b->c;
}

static struct picture bordered(const struct border *b, const float *from, float *scratch)
{
	if (!is_bare(b)) {
		copy_with_border(b, from, scratch);
		from = scratch;
	}
	return (struct picture){from, b->full_w * b->full_c, b->full_c};
}

static float *scratch(const struct job *j, unsigned thread)
{
	return j->io->thread_work + thread * j->io->thread_stride;
}

static struct picture bordered_x(const struct job *j, size_t row, unsigned thread)
{
	const struct window *v = &j->c->v;
	const struct border b = {
		v->h, v->w, v->c, v->ph, v->pw, v->h + 2 * v->ph, v->w + 2 * v->pw, v->c};
	return bordered(&b, j->d->x + row * v->h * v->w * v->c, scratch(j, thread));
}

/* The gradient of the weights reads whole registers of dy: where those would reach beyond the last
 * place, dy is copied to where more floats follow. */
static struct picture bordered_dy(const struct job *j, size_t row, unsigned thread)
{
	const struct convolve *c = j->c;
	const size_t o = c->outputs, width = simd()->width;
	const struct border b = {
		c->v.oh, c->v.ow, o, c->top, c->left, c->bordered_h, c->bordered_w, c->lanes};
	const float *dy = j->d->dy + row * c->v.oh * c->v.ow * o;
	float *to = scratch(j, thread) + c->bordered_x;
	if (is_bare(&b) && o / c->groups % width != 0) {
		memcpy(to, dy, c->v.oh * c->v.ow * o * sizeof *to);
		dy = to;
	}
	return bordered(&b, dy, to);
}

/* ---- forward ----------------------------------------------------------------------- */

/* w is NULL where only the layout is asked for. */
static struct simd_weights forward_weights(const struct convolve *c, const float *w, size_t group)
{
	const size_t o = c->outputs / c->groups;
	return (struct simd_weights){.w = w ? w + group * o : NULL,
		.taps = c->v.kh * c->v.kw,
		.run = c->inputs,
		.tap = c->place_weight,
		.run_step = c->outputs,
		.output_step = 1,
		.outputs = o};
}

/* The kernel's view of group g: places of y, each with its window in x. */
static struct simd_conv forward_view(const struct convolve *c, const struct picture *x)
{
	return (struct simd_conv){.taps = c->runs,
		.run = c->run,
		.tap = c->place,
		.outputs = c->outputs / c->groups,
		.rows = c->v.oh,
		.columns = c->v.ow,
		.x_row = c->v.sh * x->line,
		.x_column = c->v.sw * x->place,
		.y_row = c->v.ow * c->outputs,
		.y_column = c->outputs};
}

/* A tail from item `at` of the result and output `first` on. */
static struct simd_tail tail_of(const struct simd_tail *t, size_t at, size_t first)
{
	return (struct simd_tail){
		t->bias ? t->bias + first : NULL, t->plus ? t->plus + at + first : NULL, t->relu};
}

/* Units of outputs of a group. */
static size_t units_of(const struct convolve *c)
{
	return (c->outputs / c->groups + UNIT - 1) / UNIT;
}

/* One part of a row's outputs, of all groups one behind the other. */
static void forward_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	const struct convolve *c = j->c;
	const size_t row = block / j->parts, part = block % j->parts;
	const size_t o = c->outputs / c->groups, each = units_of(c), units = c->groups * each;
	const size_t from = part * units / j->parts, to = (part + 1) * units / j->parts;
	const struct picture x = bordered_x(j, row, thread);
	struct simd_conv view = forward_view(c, &x);
	const size_t y = row * c->v.oh * c->v.ow * c->outputs;
	for (size_t u = from; u < to; u += each - u % each) { /* to the end of each group */
		const size_t g = u / each, first = u % each * UNIT, last = g * each + each;
		const size_t end = to < last ? (to - g * each) * UNIT : o;
		view.outputs = end - first;
		view.tail = tail_of(&j->d->tail, y, g * o + first);
		view.w = j->packed + g * (c->packed_forward / c->groups)
			 + first * (c->v.kh * c->v.kw * c->inputs);
		simd()->conv(&view, x.p + g * c->inputs, j->d->to + y + g * o + first);
	}
}

/* Rows are cut where there are too few for all threads: a sum is one output's, so its bits stay. */
static size_t parts_of_row(const struct nn_io *io, size_t rows)
{
	const struct convolve *c = io->node->conf;
	const size_t threads = par_threads(io->run->par), units = c->groups * units_of(c);
	const size_t want = (TURNS * threads + rows - 1) / (rows ? rows : 1);
	const size_t work = c->v.oh * c->v.ow * c->v.kh * c->v.kw * c->inputs * c->outputs;
	return threads == 1 ? 1 : nn_clamp(nn_clamp(work / WORTH, 1, want), 1, units);
}

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
		struct simd_weights weights = forward_weights(c, w, 0);
		weights.scale = scale;
		winograd_pack(io, &c->forward_map, &weights, to);
		return;
	}
	for (size_t g = 0; g < c->groups; g++) {
		struct simd_weights weights = forward_weights(c, w, g);
		weights.scale = scale ? scale + g * weights.outputs : NULL;
		simd()->conv_pack(&weights, to + g * (c->packed_forward / c->groups));
	}
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

static void forward_directly(const struct nn_io *io, const struct convolve_data *d)
{
	struct job j = {.c = io->node->conf,
		.io = io,
		.d = d,
		.packed = packed(io),
		.parts = parts_of_row(io, d->rows)};
	par_for(io->run->par, d->rows * j.parts, forward_block, &j);
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
		forward_directly(io, d);
		break;
	}
}

/* ---- backward ---------------------------------------------------------------------- */

static struct simd_weights backward_weights(
	const struct convolve *c, const float *w, size_t group, const struct phase *p)
{
	const size_t o = c->outputs / c->groups;
	return (struct simd_weights){.w = w ? w + group * o : NULL,
		.taps = p->taps,
		.run = o,
		.tap = c->back_weight + p->first,
		.run_step = 1,
		.output_step = c->outputs,
		.outputs = c->inputs};
}

/* Where the packed weights of a phase begin. */
static size_t backward_place(const struct convolve *c, size_t group, const struct phase *p)
{
	const size_t all = c->v.kh * c->v.kw, each = c->packed_backward / (all * c->groups);
	return (group * all + p->first) * each;
}

static void pack_backward(
	const struct nn_io *io, enum way way, const float *w, const float *scale, float *to)
{
	const struct convolve *c = io->node->conf;
	if (way == BY_PLACES) {
		convolve_small_pack(io, true, w, scale, to);
		return;
	}
	if (way == BY_TILES) {
		struct simd_weights weights = backward_weights(c, w, 0, &c->phase[0]);
		weights.tap = c->mirrored;
		weights.scale = scale;
		winograd_pack(io, &c->backward_map, &weights, to);
		return;
	}
	for (size_t g = 0; g < c->groups; g++)
		for (size_t i = 0; i < c->phases; i++) {
			struct simd_weights weights = backward_weights(c, w, g, &c->phase[i]);
			weights.scale = scale ? scale + g * c->inputs : NULL;
			simd()->conv_pack(&weights, to + backward_place(c, g, &c->phase[i]));
		}
}

/* The kernel's view of a phase: places of dx, each with its window in dy. */
static struct simd_conv backward_view(
	const struct convolve *c, const struct phase *p, const struct picture *dy)
{
	return (struct simd_conv){.taps = p->runs,
		.run = p->run,
		.outputs = c->inputs,
		.rows = p->rows,
		.columns = p->columns,
		.x_row = dy->line,
		.x_column = dy->place,
		.y_row = c->v.sh * c->v.w * c->v.c,
		.y_column = c->v.sw * c->v.c};
}

static void backward_row(const struct job *j, size_t row, const struct picture *dy)
{
	const struct convolve *c = j->c;
	const size_t at = row * c->v.h * c->v.w * c->v.c;
	float *dx = j->d->to + at;
	for (size_t i = 0; i < c->phases; i++) {
		const struct phase *p = &c->phase[i];
		struct simd_conv view = backward_view(c, p, dy);
		view.tap = c->back + p->first;
		for (size_t g = 0; g < c->groups; g++) {
			view.w = j->packed + backward_place(c, g, p);
			view.tail = tail_of(&j->d->tail, at + p->at, g * c->inputs);
			simd()->conv(&view, dy->p + g * (c->outputs / c->groups),
				dx + p->at + g * c->inputs);
		}
	}
}

static void weights_row(const struct job *j, float *sum, const struct picture *x, const float *dy,
	const struct picture *dy_view)
{
	const struct convolve *c = j->c;
	struct simd_conv view = forward_view(c, x);
	view.y_row = dy_view->line;
	view.y_column = dy_view->place;
	for (size_t g = 0; g < c->groups; g++)
		simd()->conv_weights(&view, x->p + g * c->inputs, dy + g * (c->outputs / c->groups),
			sum + g * (c->packed_forward / c->groups));
}

static void backward_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	const struct convolve *c = j->c;
	float *sum = NULL; /* of weights that learn */
	size_t first;
	const size_t n = par_span(j->d->rows, j->each, block, &first);
	if (j->d->dw) {
		sum = j->sums + block * c->packed_forward;
		memset(sum, 0, c->packed_forward * sizeof *sum);
	}
	for (size_t row = first; row < first + n; row++) {
		const struct picture dy = bordered_dy(j, row, thread);
		if (j->d->to)
			backward_row(j, row, &dy);
		if (!sum)
			continue;
		const struct picture x = bordered_x(j, row, thread);
		weights_row(j, sum, &x, dy.p + c->top * dy.line + c->left * dy.place, &dy);
	}
}

static void add_sums(struct job *j)
{
	const struct convolve *c = j->c;
	nn_join_sums(j->io, j->sums, j->blocks, c->packed_forward);
	for (size_t g = 0; g < c->groups; g++) {
		const struct simd_weights w = forward_weights(c, NULL, g);
		simd()->conv_unpack_add(&w, j->sums + g * (c->packed_forward / c->groups),
			j->d->dw + g * (c->outputs / c->groups));
	}
}

static void backward_by_tiles(const struct nn_io *io, const struct convolve_data *d)
{
	const struct convolve *c = io->node->conf;
	if (d->to)
		winograd_run(io, &c->backward_map, packed(io), d->rows, d->dy, &d->tail, d->to);
	if (d->dw) {
		const struct simd_weights w = forward_weights(c, NULL, 0);
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
	const struct convolve *c = io->node->conf;
	struct job j = {.c = c, .io = io, .d = d, .packed = packed(io)};
	j.sums = d->dw ? io->work + c->packed_backward : NULL;
	j.each = (d->rows + c->blocks - 1) / c->blocks;
	j.blocks = (d->rows + j.each - 1) / j.each;
	par_for(io->run->par, j.blocks, backward_block, &j);
	if (d->dw)
		add_sums(&j);
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
