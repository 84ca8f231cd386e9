/*
 * convolve_depthwise: a convolution of each channel by itself, channels in the lanes (simd/depthwise.c).
 * Weights lie as the kernels want them, and no border is copied: places whose window leaves the picture
 * are sums over the part inside of it, and neighbours with the same part are one call of a kernel. Maps
 * of some channels fit the cache many times over: as many pictures are taken at once, place by place,
 * which share each weight as neighbouring places do in larger ones.
 */
#include "convolve.h"

#include <string.h>

enum { GROUP = 1 << 16 }; /* floats of the pictures that are taken at once */
enum { NEAR = 1 << 13 };  /* floats of the lines that one call reads, of a picture alone */
enum { SHORT = 4 };       /* rows of fewer places are not worth a tile */
enum { WORTH = 1 << 16 }; /* products that are worth a block */
enum { TURNS = 4 };       /* blocks a thread, so that all end at about the same time */

bool convolve_is_depthwise(const struct convolve *c)
{
	return c->groups > 1 && c->groups == c->v.c && c->groups == c->outputs;
}

void convolve_depthwise_pack(
	const struct convolve *c, const float *w, const float *scale, float *to)
{
	for (size_t t = 0; t < c->v.kh * c->v.kw; t++, w += c->outputs, to += c->outputs)
		for (size_t k = 0; k < c->outputs; k++)
			to[k] = w[k] * (scale ? scale[k] : 1);
}

/* ---- which part of the window is inside of the picture ------------------------------- */

/* One axis: places of the result, `step` from one to the next in what is summed, which has `size`;
 * tap t of them lies at first + t tap, and is place k + t k_step of the window. */
struct slide {
	size_t places, size, step, taps, tap;
	long first;
	size_t k;
	ptrdiff_t k_step;
};

static struct slide forward_slide(
	size_t size, size_t k, size_t stride, size_t pad, size_t dilation, size_t out)
{
	return (struct slide){.places = out,
		.size = size,
		.step = stride,
		.taps = k,
		.tap = dilation,
		.first = -(long)pad,
		.k_step = 1};
}

/* Of the places at residue `a` by the stride (convolve.h), the window backwards. */
static struct slide backward_slide(
	size_t a, size_t size, size_t k, size_t stride, size_t pad, size_t dilation, size_t out)
{
	struct slide s = {
		.places = (size - a + stride - 1) / stride, .size = out, .step = 1, .tap = 1};
	for (size_t i = k; i-- > 0;) {
		const long n = (long)(a + pad) - (long)(i * dilation), q = n / (long)stride;
		if (n % (long)stride != 0)
			continue;
		if (s.taps == 0) {
			s.first = q;
			s.k = i;
		} else if (s.taps == 1) {
			s.tap = (size_t)(q - s.first);
			s.k_step = (ptrdiff_t)i - (ptrdiff_t)s.k;
		}
		s.taps++;
	}
	return s;
}

/* The taps of place u that are inside, where the first is, and how many places from u on have all these. */
struct part {
	size_t first, taps, at, places;
};

static struct part part_of(const struct slide *s, size_t u)
{
	const long size = (long)s->size, tap = (long)s->tap;
	const long at = s->first + (long)(u * s->step);
	const long first = at >= 0 ? 0 : (tap - 1 - at) / tap;
	const long end = at >= size ? 0 : (size - 1 - at) / tap + 1;
	const long last = end < (long)s->taps ? end : (long)s->taps;
	struct part p = {.places = s->taps == 0 ? s->places - u : 1};
	if (first >= last)
		return p;
	p.first = (size_t)first;
	p.taps = (size_t)(last - first);
	p.at = (size_t)(at + first * tap);
	if (p.taps == s->taps) {
		const size_t most = (s->size - 1 - p.at - (p.taps - 1) * s->tap) / s->step + 1;
		p.places = nn_clamp(s->places - u, 1, most);
	}
	return p;
}

/* ---- pictures ------------------------------------------------------------------------ */

/* Sums over x and w for y; or, where dw is wanted, over x and dy. */
struct sums {
	struct slide down, across;
	size_t c, kw, pictures;
	size_t x_line, x_picture, y_place, y_line, y_picture;
	const float *x, *w, *dy;
	float *y, *dw;
	struct simd_tail tail;
};

/* Rows are taken for places, and the other way round. */
static void swap_rows(struct simd_depthwise *d)
{
	const struct simd_depthwise was = *d;
	d->rows = was.places;
	d->places = was.rows;
	d->x_row = was.x_place;
	d->x_place = was.x_row;
	d->y_row = was.y_place;
	d->y_place = was.y_row;
}

/* The places that have parts h and w of the window, whose first is at y. */
static void run_part(const struct sums *s, const struct part *h, const struct part *w, size_t y)
{
	const bool empty = h->taps == 0 || w->taps == 0, many = s->pictures > 1;
	const ptrdiff_t down = s->down.k_step * (ptrdiff_t)(s->kw * s->c),
			across = s->across.k_step * (ptrdiff_t)s->c;
	struct simd_depthwise d = {.c = s->c,
		.rows = many ? s->pictures : h->places,
		.places = w->places,
		.x_row = many ? s->x_picture : s->down.step * s->x_line,
		.x_place = s->across.step * s->c,
		.y_row = many ? s->y_picture : s->y_line,
		.y_place = s->y_place,
		.down = empty ? 0 : h->taps,
		.across = w->taps,
		.x_down = s->down.tap * s->x_line,
		.x_across = s->across.tap * s->c,
		.w_down = down,
		.w_across = across,
		.tail = {s->tail.bias, s->tail.plus ? s->tail.plus + y : NULL, s->tail.relu}};
	if (d.places < SHORT && d.rows > d.places)
		swap_rows(&d);
	const size_t x = empty ? 0 : h->at * s->x_line + w->at * s->c;
	const ptrdiff_t tap = (ptrdiff_t)((s->down.k * s->kw + s->across.k) * s->c)
			      + (ptrdiff_t)h->first * down + (ptrdiff_t)w->first * across;
	d.w = s->w + tap;
	if (!s->dw)
		simd()->depthwise(&d, s->x + x, s->y + y);
	else if (!empty)
		simd()->depthwise_weights(&d, s->x + x, s->dy + y, s->dw + tap);
}

/* The lines `from` to before `to` of the result. */
static void run_lines(const struct sums *s, size_t from, size_t to)
{
	const size_t most = s->pictures > 1 ? 1 : nn_most(1, NEAR / (s->down.step * s->x_line));
	for (size_t u = from, n; u < to; u += n) {
		struct part h = part_of(&s->down, u);
		n = h.places = nn_clamp(h.places, 1, most < to - u ? most : to - u);
		for (size_t v = 0; v < s->across.places;) {
			const struct part w = part_of(&s->across, v);
			run_part(s, &h, &w, u * s->y_line + v * s->y_place);
			v += w.places;
		}
	}
}

/* ---- blocks -------------------------------------------------------------------------- */

struct job {
	const struct convolve *c;
	const struct convolve_data *d;
	const float *w;
	float *sum;          /* of the gradients of weights, a block */
	size_t group, parts; /* pictures that are taken at once; forward: parts of their lines */
	size_t each;         /* backward: rows of a block */
};

static size_t weights_of(const struct convolve *c)
{
	return c->v.kh * c->v.kw * c->outputs;
}

/* `pictures` from row `row` on; with dw its gradient. */
static struct sums forward_sums(const struct job *j, size_t row, size_t pictures, float *dw)
{
	const struct window *v = &j->c->v;
	const size_t line = v->w * v->c, y_line = v->ow * v->c;
	const size_t at = row * v->h * line, y = row * v->oh * y_line;
	return (struct sums){.down = forward_slide(v->h, v->kh, v->sh, v->ph, v->dh, v->oh),
		.across = forward_slide(v->w, v->kw, v->sw, v->pw, v->dw, v->ow),
		.c = v->c,
		.kw = v->kw,
		.pictures = pictures,
		.x_line = line,
		.x_picture = v->h * line,
		.y_place = v->c,
		.y_line = y_line,
		.y_picture = v->oh * y_line,
		.x = j->d->x + at,
		.w = j->w,
		.dy = dw ? j->d->dy + y : NULL,
		.y = dw ? NULL : j->d->to + y,
		.dw = dw,
		.tail = {j->d->tail.bias, j->d->tail.plus ? j->d->tail.plus + y : NULL,
			j->d->tail.relu}};
}

/* The places of dx at residues (a, b). */
static struct sums backward_sums(
	const struct job *j, size_t row, size_t pictures, size_t a, size_t b)
{
	const struct window *v = &j->c->v;
	const size_t line = v->w * v->c, y_line = v->ow * v->c;
	const size_t at = row * v->h * line + (a * v->w + b) * v->c, y = row * v->oh * y_line;
	return (struct sums){.down = backward_slide(a, v->h, v->kh, v->sh, v->ph, v->dh, v->oh),
		.across = backward_slide(b, v->w, v->kw, v->sw, v->pw, v->dw, v->ow),
		.c = v->c,
		.kw = v->kw,
		.pictures = pictures,
		.x_line = y_line,
		.x_picture = v->oh * y_line,
		.y_place = v->sw * v->c,
		.y_line = v->sh * line,
		.y_picture = v->h * line,
		.x = j->d->dy + y,
		.w = j->w,
		.y = j->d->to + at,
		.tail = {j->d->tail.bias, j->d->tail.plus ? j->d->tail.plus + at : NULL,
			j->d->tail.relu}};
}

static void forward_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct job *j = context;
	const size_t part = block % j->parts, lines = j->c->v.oh;
	size_t row;
	const size_t n = par_span(j->d->rows, j->group, block / j->parts, &row);
	const struct sums s = forward_sums(j, row, n, NULL);
	run_lines(&s, part * lines / j->parts, (part + 1) * lines / j->parts);
}

static void backward_block(void *context, size_t block, unsigned thread)
{
	(void)thread;
	const struct job *j = context;
	const struct window *v = &j->c->v;
	float *sum = j->sum ? j->sum + block * weights_of(j->c) : NULL;
	size_t first;
	const size_t rows = par_span(j->d->rows, j->each, block, &first);
	if (sum)
		memset(sum, 0, weights_of(j->c) * sizeof *sum);
	for (size_t row = first, n; row < first + rows; row += n) {
		n = nn_clamp(first + rows - row, 1, j->group);
		for (size_t a = 0; j->d->to && a < v->sh && a < v->h; a++)
			for (size_t b = 0; b < v->sw && b < v->w; b++) {
				const struct sums s = backward_sums(j, row, n, a, b);
				run_lines(&s, 0, s.down.places);
			}
		if (sum) {
			const struct sums s = forward_sums(j, row, n, sum);
			run_lines(&s, 0, v->oh);
		}
	}
}

/* Pictures of which as many floats as GROUP lie on the larger side. */
static size_t group_of(const struct convolve *c)
{
	return nn_most(1, GROUP / (nn_most(c->v.h * c->v.w, c->v.oh * c->v.ow) * c->v.c));
}

/* Neither pictures at once nor parts change any sum of a place. */
void convolve_depthwise_forward(const struct nn_io *io, const struct convolve_data *d)
{
	const struct convolve *c = io->node->conf;
	const size_t threads = par_threads(io->run->par), want = threads > 1 ? TURNS * threads : 1;
	struct job j = {.c = c, .d = d, .w = io->fixed ? io->fixed : d->w};
	j.group = nn_clamp(d->rows / want, 1, group_of(c));
	const size_t groups = par_blocks(d->rows, j.group);
	const size_t work = j.group * c->v.oh * c->v.ow * weights_of(c);
	j.parts = nn_clamp(par_blocks(want, nn_most(groups, 1)), 1, nn_most(1, work / WORTH));
	j.parts = nn_clamp(j.parts, 1, c->v.oh);
	par_for(io->run->par, groups * j.parts, forward_block, &j);
}

void convolve_depthwise_backward(const struct nn_io *io, const struct convolve_data *d)
{
	const struct convolve *c = io->node->conf;
	struct job j = {.c = c, .d = d, .w = io->fixed ? io->fixed : d->w};
	j.sum = d->dw ? io->work : NULL;
	j.group = group_of(c);
	j.each = par_blocks(d->rows, c->blocks);
	const size_t blocks = par_blocks(d->rows, j.each);
	par_for(io->run->par, blocks, backward_block, &j);
	if (!d->dw)
		return;
	nn_join_sums(io, j.sum, blocks, weights_of(c));
	simd()->add(d->dw, j.sum, weights_of(c));
}
