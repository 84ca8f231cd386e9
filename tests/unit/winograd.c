/* Winograd's convolutions against sums in double precision, for every kind of processor that this one
 * is: outputs, gradients of inputs and of weights, added and not, and the same bits for any number
 * of threads. Errors are given in the standard deviation of what is compared. */
#include "../../libcore/nn/winograd.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convolutions.h"
#include "processors.h"

/* The most that an error may be; measured is about 6e-7 and 6e-6 for 64 inputs, growing with the
 * root of their number (gradients of weights: 1e-6 and 8e-6). */
static const double most_mean = 2e-6, most_single = 3e-5;
static int failures;

struct shape_case {
	size_t rows, h, w, c, o, pad;
};

/* The last three make the gradient of chunks of a sum, of several sums, of chunks shared by all threads. */
static const struct shape_case cases[] = {{3, 8, 8, 16, 16, 1}, {2, 7, 9, 24, 20, 1},
	{2, 15, 6, 33, 64, 1}, {1, 6, 6, 16, 17, 0}, {2, 5, 5, 64, 16, 2}, {9, 4, 4, 130, 48, 1},
	{1, 31, 31, 24, 64, 1}, {128, 4, 4, 64, 64, 1}, {42, 17, 15, 16, 20, 1},
	{20, 15, 14, 130, 64, 1}};

struct work {
	struct shape_case s;
	struct window v;
	struct results got;
	size_t tap[9], mirrored[9];
	float *x, *dy, *w, *bias;
	double *want;
	struct run run;
	struct nn_io io;
};

static void open_work(struct work *t, const struct shape_case *s)
{
	*t = (struct work){.s = *s};
	t->v = (struct window){s->h, s->w, s->c, 3, 3, 1, 1, s->pad, s->pad, 1, 1,
		s->h + 2 * s->pad - 2, s->w + 2 * s->pad - 2};
	t->got.nx = s->rows * s->h * s->w * s->c;
	t->got.ny = s->rows * t->v.oh * t->v.ow * s->o;
	t->got.nw = 9 * s->c * s->o;
	for (size_t i = 0; i < 9; i++) {
		t->tap[i] = i * s->c * s->o;
		t->mirrored[i] = (8 - i) * s->c * s->o;
	}
	t->x = numbers(t->got.nx, 1, true);
	t->dy = numbers(t->got.ny, 2, false);
	t->w = numbers(t->got.nw, 3, false);
	t->bias = numbers(s->o, 4, false);
	results_open(&t->got);
	t->want = get(t->got.nx + t->got.ny + t->got.nw, sizeof *t->want);
}

static void close_work(struct work *t)
{
	float *all[] = {t->x, t->dy, t->w, t->bias};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
	free(t->want);
	results_close(&t->got);
}

/* ---- in double precision ------------------------------------------------------------- */

/* Adds the share of output place (r, i, j) and of its window's place t to all three. */
static void add_tap(struct work *t, size_t r, size_t i, size_t j, size_t k)
{
	const struct shape_case *s = &t->s;
	const size_t y = i + k / 3 - s->pad, x = j + k % 3 - s->pad; /* wraps beyond the border */
	if (y >= s->h || x >= s->w)
		return;
	const size_t in = ((r * s->h + y) * s->w + x) * s->c;
	const size_t out = ((r * t->v.oh + i) * t->v.ow + j) * s->o;
	double *wy = t->want + out, *wx = t->want + t->got.ny + in,
	       *ww = t->want + t->got.ny + t->got.nx;
	for (size_t c = 0; c < s->c; c++)
		for (size_t o = 0; o < s->o; o++) {
			const size_t w = t->tap[k] + c * s->o + o;
			wy[o] += (double)t->x[in + c] * (double)t->w[w];
			wx[c] += (double)t->dy[out + o] * (double)t->w[w];
			ww[w] += (double)t->x[in + c] * (double)t->dy[out + o];
		}
}

static void compute_want(struct work *t)
{
	for (size_t i = 0; i < t->got.ny; i++)
		t->want[i] = (double)t->bias[i % t->s.o];
	for (size_t r = 0; r < t->s.rows; r++)
		for (size_t i = 0; i < t->v.oh; i++)
			for (size_t j = 0; j < t->v.ow; j++)
				for (size_t k = 0; k < 9; k++)
					add_tap(t, r, i, j, k);
}

/* ---- by tiles ------------------------------------------------------------------------ */

static struct simd_weights forward_weights(const struct work *t)
{
	return (struct simd_weights){t->w, 9, t->s.c, t->tap, t->s.o, 1, t->s.o, NULL};
}

static struct simd_weights backward_weights(const struct work *t)
{
	return (struct simd_weights){t->w, 9, t->s.o, t->mirrored, 1, t->s.o, t->s.c, NULL};
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* All three into y, dx, dw. */
static void run_tiles(struct work *t, unsigned threads, bool add)
{
	const struct winograd f = winograd_forward_map(&t->v, t->s.o);
	const struct winograd b = winograd_backward_map(&t->v, t->s.o);
	const struct simd_weights w = forward_weights(t), back = backward_weights(t);
	struct run run = {0};
	if (par_open(&run.par, threads, NULL) != 0)
		exit(1);
	struct nn_io io = {.run = &run};
	io.thread_stride = larger(larger(winograd_thread_work(&f), winograd_thread_work(&b)),
		winograd_gradient_thread_work(&f));
	io.work = get(
		larger(larger(winograd_work(&f), winograd_work(&b)), winograd_gradient_work(&f)),
		sizeof(float));
	io.thread_work = get(threads * io.thread_stride, sizeof(float));
	const struct simd_tail to_y = {t->bias, add ? t->got.y : NULL, false};
	const struct simd_tail to_x = {NULL, add ? t->got.dx : NULL, false};
	winograd_pack(&io, &f, &w, io.work);
	winograd_run(&io, &f, io.work, t->s.rows, t->x, &to_y, t->got.y);
	winograd_pack(&io, &b, &back, io.work);
	winograd_run(&io, &b, io.work, t->s.rows, t->dy, &to_x, t->got.dx);
	winograd_gradient(&io, &f, &w, t->s.rows, t->x, t->dy, t->got.dw);
	free(io.work);
	free(io.thread_work);
	par_close(run.par);
}

/* `times` what is wanted was added up. */
static bool near(const float *got, const double *want, size_t n, double times, double worst[2])
{
	double square = 0, error = 0, most = 0;
	for (size_t i = 0; i < n; i++) {
		const double d = (double)got[i] / times - want[i];
		square += want[i] * want[i];
		error += d * d;
		most = fmax(most, fabs(d));
	}
	const double mean = sqrt(error / square), single = most / sqrt(square / (double)n);
	worst[0] = fmax(worst[0], mean);
	worst[1] = fmax(worst[1], single);
	return mean < most_mean && single < most_single;
}

static bool right(struct work *t, double times, double worst[2])
{
	const double *y = t->want, *x = y + t->got.ny, *w = x + t->got.nx;
	const bool a = near(t->got.y, y, t->got.ny, times, worst),
		   b = near(t->got.dx, x, t->got.nx, times, worst);
	return near(t->got.dw, w, t->got.nw, times, worst) && a && b;
}

/* Weights scaled by output, and the whole tail: bias, another picture, nothing below 0. */
static bool tail_right(struct work *t, double worst[2])
{
	const struct winograd f = winograd_forward_map(&t->v, t->s.o);
	const struct simd_tail tail = {t->bias, t->dy, true};
	struct simd_weights w = forward_weights(t);
	struct run run = {0};
	struct nn_io io = {.run = &run, .thread_stride = winograd_thread_work(&f)};
	double *want = get(t->got.ny, sizeof *want);
	float *packed = get(winograd_work(&f), sizeof *packed);
	w.scale = t->bias;
	io.thread_work = get(io.thread_stride, sizeof(float));
	winograd_pack(&io, &f, &w, packed);
	winograd_run(&io, &f, packed, t->s.rows, t->x, &tail, t->got.y);
	for (size_t i = 0; i < t->got.ny; i++) {
		const double bias = (double)t->bias[i % t->s.o];
		want[i] = fmax(0, bias + bias * (t->want[i] - bias) + (double)t->dy[i]);
	}
	const bool good = near(t->got.y, want, t->got.ny, 1, worst);
	free(want);
	free(packed);
	free(io.thread_work);
	return good;
}

/* With three threads, the bits that one thread gave. */
static bool same_bits(struct work *t)
{
	struct results one = t->got;
	results_open(&t->got);
	run_tiles(t, 3, false);
	const bool same = results_same(&one, &t->got);
	results_close(&one);
	return same;
}

static void check_case(const struct shape_case *s)
{
	struct work t;
	double worst[2] = {0};
	open_work(&t, s);
	compute_want(&t);
	run_tiles(&t, 1, false);
	bool good = right(&t, 1, worst) && same_bits(&t);
	run_tiles(&t, 1, true);
	good = right(&t, 2, worst) && good;
	good = tail_right(&t, worst) && good;
	close_work(&t);
	failures += !good;
	printf("%s %zu x %zux%zux%zu to %zu, pad %zu of %s: error %.1e, at most %.1e\n",
		good ? "ok" : "not ok", s->rows, s->h, s->w, s->c, s->o, s->pad, simd()->name,
		worst[0], worst[1]);
}

static void check_all(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_case(&cases[i]);
}

int main(void)
{
	return on_processors(check_all, &failures);
}
