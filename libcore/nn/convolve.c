/* convolve: convolutions in three directions (see convolve.h), by a picture's windows laid out as
 * rows of a matrix (im2col) and matrix products. */
#include "convolve.h"

#include "../blas.h"

#include <string.h>

enum { SUMS = 8 }; /* partial sums of the weights' gradient, at most */

/* One call, for the blocks of par_for. */
struct job {
	const struct convolve *c;
	const struct nn_io *io;
	size_t rows, each; /* rows in all, and of a partial sum */
	const float *x, *w, *bias, *dy;
	float *y, *dx;
	bool add;
};

static size_t window_items(const struct convolve *c)
{
	return c->v.kh * c->v.kw * (c->v.c / c->groups);
}

static size_t weight_items(const struct convolve *c)
{
	return window_items(c) * c->outputs;
}

void convolve_scratch(const struct convolve *c, struct node *n)
{
	n->work_whole = SUMS * weight_items(c);
	n->work_thread = c->v.oh * c->v.ow * window_items(c);
}

/* Calls copy for every place of every window that lies inside the picture. */
static void each_place(const struct convolve *c, size_t group, float *columns, float *x,
	void (*copy)(float *column, float *x, size_t n))
{
	const struct window *v = &c->v;
	const size_t ci = v->c / c->groups;
	for (size_t oh = 0; oh < v->oh; oh++)
		for (size_t ow = 0; ow < v->ow; ow++, columns += window_items(c)) {
			size_t h0, h1, w0, w1;
			window_inside(oh, v->sh, v->ph, v->kh, v->dh, v->h, &h0, &h1);
			window_inside(ow, v->sw, v->pw, v->kw, v->dw, v->w, &w0, &w1);
			for (size_t i = h0; i < h1; i++)
				for (size_t j = w0; j < w1; j++) {
					const size_t h = oh * v->sh + i * v->dh - v->ph;
					const size_t w = ow * v->sw + j * v->dw - v->pw;
					copy(columns + (i * v->kw + j) * ci,
						x + (h * v->w + w) * v->c + group * ci, ci);
				}
		}
}

static void gather(float *column, float *x, size_t n)
{
	memcpy(column, x, n * sizeof *x);
}

static void scatter(float *column, float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] += column[i];
}

/* The windows of one picture as a matrix: places x window_items; zeros outside the picture. */
static void columns_of(const struct convolve *c, size_t group, const float *x, float *columns)
{
	memset(columns, 0, c->v.oh * c->v.ow * window_items(c) * sizeof *columns);
	/* gather only reads x */
	union {
		const float *in;
		float *out;
	} u = {.in = x};
	each_place(c, group, columns, u.out, gather);
}

static void forward_row(void *context, size_t row, unsigned thread)
{
	const struct job *j = context;
	const struct convolve *c = j->c;
	const size_t places = c->v.oh * c->v.ow, k = window_items(c), o = c->outputs;
	float *columns = j->io->thread_work + thread * j->io->thread_stride;
	float *y = j->y + row * places * o;
	for (size_t p = 0; j->bias && p < places; p++)
		for (size_t i = 0; i < o; i++)
			y[p * o + i] = j->bias[i] + (j->add ? y[p * o + i] : 0);
	const float beta = j->bias || j->add ? 1 : 0;
	for (size_t g = 0; g < c->groups; g++) {
		const size_t at = g * (o / c->groups);
		columns_of(c, g, j->x + row * c->v.h * c->v.w * c->v.c, columns);
		blas_gemm(false, false, places, o / c->groups, k, 1, columns, k, j->w + at, o, beta,
			y + at, o);
	}
}

void convolve_forward(const struct convolve *c, const struct nn_io *io, size_t rows, const float *x,
	const float *w, const float *bias, bool add, float *y)
{
	struct job j = {.c = c, .io = io, .x = x, .w = w, .bias = bias, .add = add, .y = y};
	par_for(io->run->par, rows, forward_row, &j);
}

static void backward_row(void *context, size_t row, unsigned thread)
{
	const struct job *j = context;
	const struct convolve *c = j->c;
	const size_t places = c->v.oh * c->v.ow, k = window_items(c), o = c->outputs;
	const size_t pixels = c->v.h * c->v.w, ci = c->v.c;
	float *columns = j->io->thread_work + thread * j->io->thread_stride;
	float *dx = j->dx + row * pixels * ci;
	for (size_t p = 0; p < pixels; p++)
		for (size_t i = 0; i < ci; i++)
			dx[p * ci + i] = (j->bias ? j->bias[i] : 0) + (j->add ? dx[p * ci + i] : 0);
	for (size_t g = 0; g < c->groups; g++) {
		const size_t at = g * (o / c->groups);
		blas_gemm(false, true, places, k, o / c->groups, 1, j->dy + row * places * o + at,
			o, j->w + at, o, 0, columns, k);
		each_place(c, g, columns, dx, scatter);
	}
}

void convolve_backward(const struct convolve *c, const struct nn_io *io, size_t rows,
	const float *dy, const float *w, const float *bias, bool add, float *dx)
{
	struct job j = {.c = c, .io = io, .dy = dy, .w = w, .bias = bias, .add = add, .dx = dx};
	par_for(io->run->par, rows, backward_row, &j);
}

static void weights_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	const struct convolve *c = j->c;
	const size_t places = c->v.oh * c->v.ow, k = window_items(c), o = c->outputs;
	float *columns = j->io->thread_work + thread * j->io->thread_stride;
	float *sum = j->io->work + block * weight_items(c);
	size_t first;
	const size_t n = par_span(j->rows, j->each, block, &first);
	for (size_t r = 0; r < n; r++)
		for (size_t g = 0; g < c->groups; g++) {
			const size_t row = first + r, at = g * (o / c->groups);
			columns_of(c, g, j->x + row * c->v.h * c->v.w * c->v.c, columns);
			blas_gemm(true, false, k, o / c->groups, places, 1, columns, k,
				j->dy + row * places * o + at, o, r ? 1 : 0, sum + at, o);
		}
}

void convolve_weights(const struct convolve *c, const struct nn_io *io, size_t rows, const float *x,
	const float *dy, float *dw)
{
	struct job j = {.c = c, .io = io, .rows = rows, .x = x, .dy = dy};
	j.each = (rows + SUMS - 1) / SUMS;
	const size_t blocks = (rows + j.each - 1) / j.each, items = weight_items(c);
	par_for(io->run->par, blocks, weights_block, &j);
	for (size_t b = 0; b < blocks; b++)
		for (size_t i = 0; i < items; i++)
			dw[i] += io->work[b * items + i];
}

void convolve_bias(const struct nn_io *io, size_t vectors, size_t c, const float *dy, float *db)
{
	(void)io;
	for (size_t i = 0; i < vectors; i++)
		for (size_t k = 0; k < c; k++)
			db[k] += dy[i * c + k];
}
