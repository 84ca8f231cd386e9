/*
 * convolve_direct: convolutions picture by picture, on copies with a border of zeros in the thread's scratch,
 * by the kernels of simd/conv.c; where few channels would leave registers empty, by those of
 * convolve_few.c.
 */
#include "convolve.h"

#include <string.h>

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

static struct border border_of_dy(const struct convolve *c)
{
	return (struct border){c->v.oh, c->v.ow, c->outputs, c->top, c->left, c->bordered_h,
		c->bordered_w, c->lanes};
}

static const float *dy_of(const struct job *j, size_t row)
{
	return j->d->dy + row * j->c->v.oh * j->c->v.ow * j->c->outputs;
}

static struct picture bordered_dy(const struct job *j, size_t row, unsigned thread)
{
	const struct border b = border_of_dy(j->c);
	return bordered(&b, dy_of(j, row), scratch(j, thread) + j->c->bordered_x);
}

/* dy as it lies, for the gradient of the weights. That reads whole registers: where those would reach beyond
 * the last picture, it is copied to where more floats follow. */
static struct picture bare_dy(const struct job *j, size_t row, unsigned thread)
{
	const struct convolve *c = j->c;
	const size_t o = c->outputs, n = c->v.oh * c->v.ow * o, width = simd()->width;
	const bool inside = row + 1 < j->d->rows && n >= 2 * width;
	const float *dy = dy_of(j, row);
	if (!inside && o / c->groups % width != 0) {
		float *to = scratch(j, thread) + c->bordered_x;
		memcpy(to, dy, n * sizeof *to);
		dy = to;
	}
	return (struct picture){dy, c->v.ow * o, o};
}

/* ---- forward ----------------------------------------------------------------------- */

/* w is NULL where only the layout is asked for. */
struct simd_weights convolve_forward_weights(const struct convolve *c, const float *w, size_t group)
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

void convolve_direct_pack_forward(
	const struct convolve *c, const float *w, const float *scale, float *to)
{
	if (c->abreast > 1) {
		convolve_abreast_pack(c, w, scale, to);
		return;
	}
	for (size_t g = 0; g < c->groups; g++) {
		struct simd_weights weights = convolve_forward_weights(c, w, g);
		weights.scale = scale ? scale + g * weights.outputs : NULL;
		simd()->conv_pack(&weights, to + g * (c->packed_forward / c->groups));
	}
}

/* The kernel's view of group g: places of y, or some abreast, each with its window in x. */
static struct simd_conv forward_view(const struct convolve *c, const struct picture *x)
{
	return (struct simd_conv){.taps = c->runs,
		.run = c->run,
		.tap = c->place,
		.outputs = c->outputs / c->groups * c->abreast,
		.rows = c->v.oh,
		.columns = c->v.ow / c->abreast,
		.x_row = c->v.sh * x->line,
		.x_column = c->v.sw * x->place * c->abreast,
		.y_row = c->v.ow * c->outputs,
		.y_column = c->outputs * c->abreast};
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
	float bias[SIMD_MOST_WIDTH];
	for (size_t u = from; u < to; u += each - u % each) { /* to the end of each group */
		const size_t g = u / each, first = u % each * UNIT, last = g * each + each;
		const size_t end = to < last ? (to - g * each) * UNIT : o;
		view.outputs = (end - first) * c->abreast;
		view.tail = tail_of(&j->d->tail, y, g * o + first);
		if (c->abreast > 1)
			convolve_abreast_bias(c, &view.tail, bias);
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

void convolve_direct_forward(
	const struct nn_io *io, const struct convolve_data *d, const float *packed)
{
	struct job j = {.c = io->node->conf,
		.io = io,
		.d = d,
		.packed = packed,
		.parts = parts_of_row(io, d->rows)};
	par_for(io->run->par, d->rows * j.parts, forward_block, &j);
}

/* ---- backward ---------------------------------------------------------------------- */

struct simd_weights convolve_backward_weights(
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

void convolve_direct_pack_backward(
	const struct convolve *c, const float *w, const float *scale, float *to)
{
	if (c->spreads) {
		convolve_spread_pack(c, w, scale, to);
		return;
	}
	for (size_t g = 0; g < c->groups; g++)
		for (size_t i = 0; i < c->phases; i++) {
			struct simd_weights weights =
				convolve_backward_weights(c, w, g, &c->phase[i]);
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

static void weights_row(
	const struct job *j, float *sum, const struct picture *x, const struct picture *dy)
{
	const struct convolve *c = j->c;
	struct simd_conv view = forward_view(c, x);
	view.y_row = dy->line;
	view.y_column = dy->place * c->abreast;
	for (size_t g = 0; g < c->groups; g++)
		simd()->conv_weights(&view, x->p + g * c->inputs,
			dy->p + g * (c->outputs / c->groups),
			sum + g * (c->packed_forward / c->groups));
}

static void spread_row(const struct job *j, size_t row, unsigned thread)
{
	const struct window *v = &j->c->v;
	const size_t at = row * v->h * v->w * v->c;
	const struct simd_tail tail = tail_of(&j->d->tail, at, 0);
	convolve_spread(j->c, j->packed, dy_of(j, row), &tail, scratch(j, thread), j->d->to + at);
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
	const struct border b = border_of_dy(c);
	const bool borders = j->d->to && !c->spreads,
		   again = borders && !is_bare(&b) && c->abreast == 1;
	for (size_t row = first; row < first + n; row++) {
		struct picture dy;
		if (borders) {
			dy = bordered_dy(j, row, thread);
			backward_row(j, row, &dy);
		} else if (j->d->to) {
			spread_row(j, row, thread);
		}
		if (!sum)
			continue;
		if (again) /* the copy serves once more */
			dy.p += b.top * dy.line + b.left * dy.place;
		else
			dy = bare_dy(j, row, thread);
		const struct picture x = bordered_x(j, row, thread);
		weights_row(j, sum, &x, &dy);
	}
}

static void add_sums(struct job *j)
{
	const struct convolve *c = j->c;
	nn_join_sums(j->io, j->sums, j->blocks, c->packed_forward);
	if (c->abreast > 1) {
		convolve_abreast_unpack_add(c, j->sums, j->d->dw);
		return;
	}
	for (size_t g = 0; g < c->groups; g++) {
		const struct simd_weights w = convolve_forward_weights(c, NULL, g);
		simd()->conv_unpack_add(&w, j->sums + g * (c->packed_forward / c->groups),
			j->d->dw + g * (c->outputs / c->groups));
	}
}

void convolve_direct_backward(
	const struct nn_io *io, const struct convolve_data *d, const float *packed)
{
	const struct convolve *c = io->node->conf;
	struct job j = {.c = c, .io = io, .d = d, .packed = packed};
	j.sums = d->dw ? io->work + c->packed_backward : NULL;
	j.each = (d->rows + c->blocks - 1) / c->blocks;
	j.blocks = (d->rows + j.each - 1) / j.each;
	par_for(io->run->par, j.blocks, backward_block, &j);
	if (d->dw)
		add_sums(&j);
}
