/* convolve: the geometry of the three directions, fixed when the graph is built (see convolve.h;
 * convolve_run.c runs them). */
#include "convolve.h"

#include <string.h>

enum { MOST_BLOCKS = 16, MOST_SUMS = 1 << 22 }; /* floats that partial sums may take in all */

/* Offsets of the window's places in bordered x and in the weights, row major. */
static void lay_forward(struct convolve *c)
{
	const struct window *v = &c->v;
	const size_t line = (v->w + 2 * v->pw) * v->c;
	for (size_t i = 0; i < v->kh; i++)
		for (size_t j = 0; j < v->kw; j++) {
			const size_t t = i * v->kw + j;
			c->place[t] = i * v->dh * line + j * v->dw * v->c;
			c->place_weight[t] = t * c->inputs * c->outputs;
		}
	c->runs = v->kh * v->kw;
	c->run = c->inputs;
	c->abreast = convolve_abreast(c);
	if (v->dw == 1 && c->groups == 1) { /* a row of the window is one run */
		for (size_t i = 0; i < v->kh; i++)
			c->place[i] = c->place[i * v->kw];
		c->runs = v->kh;
		c->run = (v->kw + (c->abreast - 1) * v->sw) * c->inputs;
	}
}

/* One axis of backward. A place at residue a is fed by window place k iff
 * (a + pad - k dilation) is a multiple of the stride; from y place u + that quotient. */
struct axis {
	size_t size, k, stride, pad, dilation, out;
	long low, high; /* y places that are read: low <= 0, high >= out - 1 */
};

static bool feeds(const struct axis *x, size_t a, size_t k, long *quotient)
{
	const long n = (long)(a + x->pad) - (long)(k * x->dilation);
	if (n % (long)x->stride != 0)
		return false;
	*quotient = n / (long)x->stride;
	return true;
}

static size_t residues(const struct axis *x)
{
	return x->stride < x->size ? x->stride : x->size;
}

/* How many places have residue a. */
static size_t places(const struct axis *x, size_t a)
{
	return (x->size - a + x->stride - 1) / x->stride;
}

static struct axis make_axis(
	size_t size, size_t k, size_t stride, size_t pad, size_t dilation, size_t out)
{
	struct axis x = {size, k, stride, pad, dilation, out, 0, (long)out - 1};
	for (size_t a = 0; a < residues(&x); a++)
		for (size_t i = 0; i < k; i++) {
			long q;
			if (!feeds(&x, a, i, &q))
				continue;
			const long last = q + (long)places(&x, a) - 1;
			x.low = q < x.low ? q : x.low;
			x.high = last > x.high ? last : x.high;
		}
	return x;
}

/* The taps of phase (a, b), columns from left to right in dy, which is the window backwards. */
static size_t lay_taps(struct convolve *c, const struct axis *h, const struct axis *w, size_t a,
	size_t b, size_t first)
{
	size_t n = first;
	long p, q;
	for (size_t i = 0; i < h->k; i++)
		for (size_t j = w->k; j-- > 0;)
			if (feeds(h, a, i, &p) && feeds(w, b, j, &q)) {
				const size_t row = (size_t)(p - h->low),
					     column = (size_t)(q - w->low);
				c->back[n] = (row * c->bordered_w + column) * c->lanes;
				c->back_spot[n] = row * c->bordered_w + column;
				c->back_weight[n] = (i * w->k + j) * c->inputs * c->outputs;
				n++;
			}
	return n - first;
}

/* How many columns of the window feed residue b, if they are neighbours in dy; else 0. */
static size_t neighbours(const struct axis *w, size_t b)
{
	size_t n = 0;
	long q, before = 0;
	for (size_t j = w->k; j-- > 0;)
		if (feeds(w, b, j, &q)) {
			if (n > 0 && q != before + 1)
				return 0;
			before = q;
			n++;
		}
	return n;
}

static void lay_phase(
	struct convolve *c, const struct axis *h, const struct axis *w, size_t a, size_t b)
{
	struct phase *p = &c->phase[c->phases++];
	const struct phase *last = c->phases > 1 ? p - 1 : NULL;
	p->at = (a * c->v.w + b) * c->v.c;
	p->rows = places(h, a);
	p->columns = places(w, b);
	p->first = last ? last->first + last->taps : 0;
	p->taps = p->runs = lay_taps(c, h, w, a, b, p->first);
	p->run = c->outputs / c->groups;
	const size_t n = neighbours(w, b);
	p->across = n > 1 && c->groups == 1 ? n : 1;
	if (n > 1 && c->groups == 1 && c->lanes == c->outputs) { /* a row of them is one run */
		p->runs /= n;
		p->run *= n;
		for (size_t i = 0; i < p->runs; i++)
			c->back[p->first + i] = c->back[p->first + i * n];
	}
}

static void lay_backward(struct convolve *c)
{
	const struct window *v = &c->v;
	const struct axis h = make_axis(v->h, v->kh, v->sh, v->ph, v->dh, v->oh);
	const struct axis w = make_axis(v->w, v->kw, v->sw, v->pw, v->dw, v->ow);
	c->top = (size_t)-h.low;
	c->left = (size_t)-w.low;
	c->bordered_h = (size_t)(h.high - h.low) + 1;
	c->bordered_w = (size_t)(w.high - w.low) + 1;
	for (size_t a = 0; a < residues(&h); a++)
		for (size_t b = 0; b < residues(&w); b++)
			lay_phase(c, &h, &w, a, b);
}

/* Scratch of all directions: packed weights, then the partial sums; a thread: bordered x and dy. */
static void lay_scratch(struct node *n, struct convolve *c)
{
	const struct window *v = &c->v;
	const size_t places = v->kh * v->kw, width = simd()->width;
	c->packed_forward =
		places * c->inputs * nn_round_up(c->outputs / c->groups, width) * c->groups;
	if (c->abreast > 1)
		c->packed_forward = convolve_abreast_floats(c);
	c->packed_backward = places * nn_round_up(c->inputs, width) * c->outputs;
	const size_t weights = places * c->inputs * c->outputs;
	c->blocks = weights > 0 ? MOST_SUMS / weights : 0;
	c->blocks = c->blocks < 4 ? 4 : c->blocks > MOST_BLOCKS ? MOST_BLOCKS : c->blocks;
	const size_t gradient = c->packed_backward + c->blocks * c->packed_forward;
	const size_t bias = NN_PARTS * (v->c > c->outputs ? v->c : c->outputs);
	n->work_whole = gradient > bias ? gradient : bias;
	c->bordered_x = nn_round_up((v->h + 2 * v->ph) * (v->w + 2 * v->pw) * v->c, 16);
	n->work_thread = c->bordered_x + c->bordered_h * c->bordered_w * c->lanes + 2 * width;
}

/* Depthwise needs less: sums that lie like the weights, and no copies. */
static void lay_depthwise(struct node *n, struct convolve *c)
{
	c->packed_forward = c->packed_backward = c->v.kh * c->v.kw * c->outputs;
	n->work_whole = nn_most(c->blocks * c->packed_forward, NN_PARTS * c->outputs);
	n->work_thread = 0;
}

/* Winograd's way needs more scratch. */
static void lay_tiles(struct node *n, struct convolve *c)
{
	c->forward_map = winograd_forward_map(&c->v, c->outputs);
	c->backward_map = winograd_backward_map(&c->v, c->outputs);
	for (size_t t = 0; t < 9; t++)
		c->mirrored[t] = c->place_weight[8 - t];
	const struct winograd *f = &c->forward_map, *b = &c->backward_map;
	n->work_whole = nn_most(n->work_whole, nn_most(winograd_work(f), winograd_work(b)));
	n->work_whole = nn_most(n->work_whole, winograd_gradient_work(f));
	n->work_thread =
		nn_most(n->work_thread, nn_most(winograd_thread_work(f), winograd_thread_work(b)));
	n->work_thread = nn_most(n->work_thread, winograd_gradient_thread_work(f));
}

/* Forward in bfloat16: bordered x falls into as many pictures as its places have residues by the
 * strides, so that neighbouring windows begin at neighbouring places of one of them. */
static struct bf16_map forward_bf16(struct convolve *c)
{
	const struct window *v = &c->v;
	struct bf16_map m = {.h = v->h,
		.w = v->w,
		.c = v->c,
		.top = v->ph,
		.left = v->pw,
		.sh = v->sh,
		.sw = v->sw,
		.lines = (v->h + 2 * v->ph + v->sh - 1) / v->sh,
		.pitch = (v->w + 2 * v->pw + v->sw - 1) / v->sw,
		.o = c->outputs,
		.y_picture = v->oh * v->ow * c->outputs,
		.y_row = v->ow * c->outputs,
		.y_column = c->outputs,
		.taps = v->kh * v->kw,
		.tap = c->spot,
		.weight = c->place_weight,
		.phases = 1,
		.phase = &c->whole};
	for (size_t t = 0; t < m.taps; t++) {
		const size_t y = t / v->kw * v->dh, x = t % v->kw * v->dw;
		const size_t picture = y % v->sh * v->sw + x % v->sw;
		c->spot[t] = (picture * m.lines + y / v->sh) * m.pitch + x / v->sw;
	}
	c->whole = (struct phase){.rows = v->oh,
		.columns = v->ow,
		.taps = m.taps,
		.across = v->sw == 1 && v->dw == 1 ? v->kw : 1};
	return m;
}

static struct bf16_map backward_bf16(const struct convolve *c)
{
	const struct window *v = &c->v;
	return (struct bf16_map){.h = v->oh,
		.w = v->ow,
		.c = c->outputs,
		.top = c->top,
		.left = c->left,
		.sh = 1,
		.sw = 1,
		.lines = c->bordered_h,
		.pitch = c->bordered_w,
		.o = v->c,
		.y_picture = v->h * v->w * v->c,
		.y_row = v->sh * v->w * v->c,
		.y_column = v->sw * v->c,
		.taps = v->kh * v->kw,
		.tap = c->back_spot,
		.weight = c->back_weight,
		.phases = c->phases,
		.phase = c->phase};
}

static void lay_bf16(struct node *n, struct convolve *c)
{
	struct bf16_map *f = &c->forward_bf16, *b = &c->backward_bf16;
	*f = forward_bf16(c);
	*b = backward_bf16(c);
	bf16_finish(f);
	bf16_finish(b);
	n->work_whole = nn_most(n->work_whole, nn_most(bf16_work(f), bf16_work(b)));
	n->work_whole = nn_most(n->work_whole, bf16_gradient_work(f));
	n->work_thread = nn_most(n->work_thread, nn_most(bf16_thread_work(f), bf16_thread_work(b)));
	n->work_thread = nn_most(n->work_thread, bf16_gradient_thread_work(f));
}

/* The node's conf is one block, which free() releases. */
static struct convolve *allocate(const struct window *v, struct cvt_err *e)
{
	const size_t places = v->kh * v->kw;
	const size_t phases = (v->sh < v->h ? v->sh : v->h) * (v->sw < v->w ? v->sw : v->w);
	struct convolve *c = mem_alloc(
		1, sizeof *c + 6 * places * sizeof *c->place + phases * sizeof *c->phase, e);
	if (!c)
		return NULL;
	c->phase = (struct phase *)(c + 1);
	c->place = (size_t *)(c->phase + phases);
	c->place_weight = c->place + places;
	c->back = c->place_weight + places;
	c->back_weight = c->back + places;
	c->spot = c->back_weight + places;
	c->back_spot = c->spot + places;
	return c;
}

/* Places need the weights of each place at once, and copies of all rows. */
static void lay_places(struct node *n, const struct convolve *c)
{
	n->work_whole = nn_most(n->work_whole, convolve_small_floats(c, false));
	n->work_whole = nn_most(n->work_whole, convolve_small_floats(c, true));
	n->work_row = convolve_small_gradient_row(c);
	n->work_thread = nn_most(n->work_thread, convolve_small_gradient_thread(c));
}

int convolve_create(const struct graph *g, struct node *n, const struct window *v, size_t outputs,
	size_t groups, struct cvt_err *e)
{
	struct convolve *c = allocate(v, e);
	if (!c)
		return CVT_SYSTEM;
	n->conf = c;
	c->v = *v;
	c->outputs = outputs;
	c->groups = groups;
	c->inputs = v->c / groups;
	c->lanes = groups == 1 ? nn_round_up(outputs, simd()->width) : outputs;
	lay_forward(c);
	lay_backward(c);
	c->spreads = convolve_spreads_well(c);
	lay_scratch(n, c);
	if (convolve_is_depthwise(c))
		lay_depthwise(n, c);
	c->by_tiles = winograd_fits(v, outputs, groups);
	if (c->by_tiles)
		lay_tiles(n, c);
	if (convolve_has_small_map(c))
		lay_places(n, c);
	c->in_bf16 = g->bf16 && groups == 1;
	if (c->in_bf16)
		lay_bf16(n, c);
	return CVT_OK;
}
