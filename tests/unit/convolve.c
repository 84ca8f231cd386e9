/* Convolutions, directly, place by place, in groups and in bfloat16, against sums in double precision (of
 * operands that this file rounds itself), for every kind of processor that this one is: outputs with their
 * tail, gradients of inputs and of weights, added and not, and the same bits for any number of threads.
 * Products in bfloat16 are exact, so what errors there are come from adding floats. (Winograd's tiles:
 * winograd.c.) */
#include "../../libcore/nn/convolve.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convolutions.h"
#include "processors.h"

/* In standard deviations of what is compared; those that are floats may go by Winograd's tiles. */
static const double most_error[] = {1e-5, 3e-6};
static int failures;

struct shape_case {
	size_t rows, h, w, c, o, kh, kw, sh, sw, ph, pw, dh, dw, groups;
};

static const struct shape_case cases[] = {{3, 8, 8, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1},
	{2, 7, 9, 24, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1}, {2, 9, 7, 3, 33, 5, 5, 1, 1, 2, 2, 1, 1, 1},
	{5, 1, 1, 64, 10, 1, 1, 1, 1, 0, 0, 1, 1, 1}, {2, 11, 6, 33, 64, 1, 1, 1, 1, 0, 0, 1, 1, 1},
	{2, 6, 6, 40, 17, 2, 2, 1, 1, 0, 0, 1, 1, 1},
	{19, 4, 4, 130, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1}, {2, 5, 12, 7, 1, 1, 7, 1, 1, 0, 3, 1, 1, 1},
	{1, 33, 31, 24, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1},
	{2, 10, 10, 1, 6, 5, 5, 1, 1, 4, 0, 1, 1, 1}, {2, 10, 9, 32, 40, 3, 3, 2, 2, 1, 1, 1, 1, 1},
	{3, 8, 8, 16, 32, 1, 1, 2, 2, 0, 0, 1, 1, 1}, {2, 11, 13, 5, 18, 4, 4, 2, 2, 1, 1, 1, 1, 1},
	{2, 9, 12, 20, 8, 3, 5, 1, 3, 0, 2, 1, 1, 1},
	{2, 12, 12, 33, 17, 3, 3, 1, 1, 2, 2, 2, 2, 1},
	{1, 14, 9, 8, 16, 3, 2, 3, 2, 3, 1, 2, 3, 1}, {2, 5, 5, 4, 4, 2, 2, 3, 3, 0, 0, 1, 1, 1},
	{2, 6, 6, 8, 8, 3, 3, 1, 1, 4, 4, 1, 1, 1}, {3, 14, 14, 6, 16, 5, 5, 1, 1, 0, 0, 1, 1, 1},
	{2, 13, 11, 6, 9, 7, 7, 2, 1, 3, 2, 1, 1, 1}, {2, 16, 15, 3, 21, 4, 4, 2, 2, 1, 1, 1, 1, 1},
	{2, 9, 12, 1, 5, 3, 9, 1, 2, 1, 0, 2, 1, 1}};

/* Maps smaller than their window, with rows enough to be taken place by place (convolve_small.c). */
static const struct shape_case small[] = {{16, 2, 2, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1},
	{130, 2, 2, 33, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1},
	{17, 1, 1, 20, 7, 3, 3, 1, 1, 1, 1, 1, 1, 1}, {57, 3, 2, 5, 65, 3, 3, 1, 1, 1, 1, 1, 1, 1},
	{20, 2, 2, 8, 24, 3, 3, 2, 2, 1, 1, 1, 1, 1}, {31, 3, 3, 6, 18, 3, 3, 1, 1, 2, 2, 2, 2, 1},
	{18, 3, 3, 16, 16, 5, 5, 1, 1, 2, 2, 1, 1, 1},
	{16, 1, 3, 3, 17, 1, 5, 1, 1, 0, 2, 1, 1, 1}};

/* Channels in groups, which bfloat16 leaves out; mostly each by itself (convolve_depthwise.c). */
static const struct shape_case grouped[] = {{3, 8, 8, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 4},
	{2, 7, 6, 12, 18, 3, 2, 2, 1, 1, 1, 1, 2, 3}, {2, 6, 6, 19, 38, 3, 3, 1, 1, 1, 1, 1, 1, 19},
	{3, 9, 8, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1, 64},
	{2, 9, 10, 19, 19, 3, 3, 1, 1, 1, 1, 1, 1, 19},
	{2, 12, 11, 40, 40, 3, 3, 2, 2, 1, 1, 1, 1, 40},
	{9, 2, 2, 70, 70, 3, 3, 1, 1, 1, 1, 1, 1, 70},
	{40, 4, 4, 33, 33, 3, 3, 1, 1, 1, 1, 1, 1, 33},
	{19, 1, 1, 24, 24, 3, 3, 1, 1, 1, 1, 1, 1, 24},
	{2, 9, 13, 48, 48, 5, 5, 1, 1, 2, 2, 1, 1, 48},
	{2, 11, 12, 19, 19, 7, 7, 1, 1, 3, 3, 1, 1, 19},
	{3, 7, 7, 32, 32, 7, 7, 1, 1, 3, 3, 1, 1, 32},
	{2, 14, 13, 16, 16, 5, 5, 2, 2, 2, 2, 1, 1, 16},
	{2, 12, 12, 7, 7, 3, 3, 1, 1, 2, 2, 2, 2, 7},
	{1, 14, 9, 20, 20, 3, 2, 3, 2, 3, 1, 2, 3, 20},
	{2, 13, 12, 17, 17, 3, 3, 4, 4, 0, 1, 2, 2, 17},
	{2, 5, 5, 18, 18, 2, 2, 3, 3, 0, 0, 1, 1, 18}, {2, 6, 6, 8, 8, 3, 3, 1, 1, 4, 5, 1, 1, 8},
	{2, 3, 4, 16, 16, 9, 11, 1, 1, 5, 6, 1, 1, 16},
	{2, 6, 5, 16, 16, 1, 1, 2, 2, 0, 0, 1, 1, 16}, {1, 2, 21, 3, 3, 1, 19, 1, 1, 0, 9, 1, 1, 3},
	{1, 40, 33, 96, 96, 3, 3, 1, 1, 1, 1, 1, 1, 96},
	{2, 33, 35, 34, 34, 3, 3, 2, 1, 1, 1, 1, 1, 34}};

struct work {
	struct shape_case s;
	bool bf16;
	struct window v;
	struct results got;
	float *x, *dy, *w, *bias, *back_bias, *plus;
	double *want; /* y, dx, dw */
};

/* In bfloat16 to eight bits of mantissa, halves to even: what frexp and nearbyint say. */
static double rounded(float x, bool bf16)
{
	int exponent;
	if (!bf16)
		return (double)x;
	const double mantissa = frexp((double)x, &exponent);
	return ldexp(nearbyint(mantissa * 256), exponent - 8);
}

static size_t fits(size_t size, size_t k, size_t stride, size_t pad, size_t dilation)
{
	return (size + 2 * pad - dilation * (k - 1) - 1) / stride + 1;
}

static void open_work(struct work *t, const struct shape_case *s, bool bf16)
{
	*t = (struct work){.s = *s, .bf16 = bf16};
	t->v = (struct window){s->h, s->w, s->c, s->kh, s->kw, s->sh, s->sw, s->ph, s->pw, s->dh,
		s->dw, fits(s->h, s->kh, s->sh, s->ph, s->dh),
		fits(s->w, s->kw, s->sw, s->pw, s->dw)};
	t->got.nx = s->rows * s->h * s->w * s->c;
	t->got.ny = s->rows * t->v.oh * t->v.ow * s->o;
	t->got.nw = s->kh * s->kw * s->c / s->groups * s->o;
	t->x = numbers(t->got.nx, 1, false);
	t->dy = numbers(t->got.ny, 2, false);
	t->w = numbers(t->got.nw, 3, false);
	t->bias = numbers(s->o, 4, false);
	t->back_bias = numbers(s->c, 5, false);
	t->plus = numbers(t->got.nx, 6, false);
	results_open(&t->got);
	t->want = get(t->got.nx + t->got.ny + t->got.nw, sizeof *t->want);
}

static void close_work(struct work *t)
{
	void *all[] = {t->x, t->dy, t->w, t->bias, t->back_bias, t->plus, t->want};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
	results_close(&t->got);
}

/* Adds the share of output place (r, i, j) and of its window's place k to all three. */
static void add_tap(struct work *t, size_t r, size_t i, size_t j, size_t k)
{
	const struct shape_case *s = &t->s;
	const size_t y = i * s->sh + k / s->kw * s->dh - s->ph; /* wrap before the border */
	const size_t x = j * s->sw + k % s->kw * s->dw - s->pw;
	if (y >= s->h || x >= s->w)
		return;
	const size_t in = ((r * s->h + y) * s->w + x) * s->c;
	const size_t out = ((r * t->v.oh + i) * t->v.ow + j) * s->o;
	double *wy = t->want + out, *wx = t->want + t->got.ny + in,
	       *ww = t->want + t->got.ny + t->got.nx;
	const size_t inputs = s->c / s->groups, outputs = s->o / s->groups;
	for (size_t c = 0; c < s->c; c++)
		for (size_t o = c / inputs * outputs; o < (c / inputs + 1) * outputs; o++) {
			const size_t w = (k * inputs + c % inputs) * s->o + o;
			const double xv = rounded(t->x[in + c], t->bf16);
			const double wv = rounded(t->w[w], t->bf16);
			const double dv = rounded(t->dy[out + o], t->bf16);
			wy[o] += xv * wv;
			wx[c] += dv * wv;
			ww[w] += xv * dv;
		}
}

static void compute_want(struct work *t)
{
	for (size_t r = 0; r < t->s.rows; r++)
		for (size_t i = 0; i < t->v.oh; i++)
			for (size_t j = 0; j < t->v.ow; j++)
				for (size_t k = 0; k < t->s.kh * t->s.kw; k++)
					add_tap(t, r, i, j, k);
}

/* What results start from or end with: y has a bias in any case, PLUS adds to all three, TAIL gives dx a
 * bias, adds another picture to it, and leaves nothing below 0. */
enum end { PLAIN, PLUS, TAIL };

/* All three into y, dx, dw. */
static void run_maps(struct work *t, unsigned threads, enum end end)
{
	const struct graph g = {.bf16 = t->bf16};
	struct node n = {0};
	struct run run = {0};
	if (convolve_create(&g, &n, &t->v, t->s.o, t->s.groups, NULL) != 0
		|| par_open(&run.par, threads, NULL) != 0)
		exit(1);
	struct nn_io io = {.node = &n, .run = &run, .most = t->s.rows};
	io.thread_stride = n.work_thread;
	io.work = get(n.work_whole + n.work_row * t->s.rows, sizeof(float));
	io.thread_work = get(threads * n.work_thread, sizeof(float));
	const struct convolve_data forward = {.rows = t->s.rows,
		.x = t->x,
		.w = t->w,
		.to = t->got.y,
		.tail = {t->bias, end == PLUS ? t->got.y : NULL, false}};
	const struct convolve_data backward = {.rows = t->s.rows,
		.x = t->x,
		.dy = t->dy,
		.w = t->w,
		.to = t->got.dx,
		.tail = {end == TAIL ? t->back_bias : NULL,
			end == PLUS   ? t->got.dx
			: end == TAIL ? t->plus
				      : NULL,
			end == TAIL},
		.dw = t->got.dw};
	convolve_forward(&io, &forward);
	convolve_backward(&io, &backward);
	free(io.work);
	free(io.thread_work);
	free(n.conf);
	par_close(run.par);
}

static double worst(
	const float *got, const double *want, const float *bias, size_t o, size_t n, double times)
{
	double square = 0, most = 0;
	for (size_t i = 0; i < n; i++) {
		const double expected = want[i] + (bias ? (double)bias[i % o] : 0);
		square += want[i] * want[i];
		most = fmax(most, fabs((double)got[i] / times - expected));
	}
	return most / sqrt(square / (double)n);
}

/* The largest error of the three, of which `times` as much was added up. */
static double error(const struct work *t, double times)
{
	const double *y = t->want, *x = y + t->got.ny, *w = x + t->got.nx;
	return fmax(worst(t->got.y, y, t->bias, t->s.o, t->got.ny, times),
		fmax(worst(t->got.dx, x, NULL, 1, t->got.nx, times),
			worst(t->got.dw, w, NULL, 1, t->got.nw, times)));
}

/* That of dx with its tail, in standard deviations of dx. Groups have none: tconv has no groups. */
static double tail_error(struct work *t)
{
	const double *x = t->want + t->got.ny;
	double square = 0, most = 0;
	if (t->s.groups > 1)
		return 0;
	run_maps(t, 2, TAIL);
	for (size_t i = 0; i < t->got.nx; i++) {
		const double want = x[i] + (double)t->back_bias[i % t->s.c] + (double)t->plus[i];
		square += x[i] * x[i];
		most = fmax(most, fabs((double)t->got.dx[i] - fmax(want, 0)));
	}
	return most / sqrt(square / (double)t->got.nx);
}

/* With three threads, the bits that one thread gave. */
static bool same_bits(struct work *t)
{
	struct results one = t->got;
	results_open(&t->got);
	run_maps(t, 3, PLAIN);
	const bool same = results_same(&one, &t->got);
	results_close(&one);
	return same;
}

static void check_case(const struct shape_case *s, bool bf16)
{
	struct work t;
	open_work(&t, s, bf16);
	compute_want(&t);
	run_maps(&t, 1, PLAIN);
	const double once = error(&t, 1);
	const bool same = same_bits(&t);
	run_maps(&t, 1, PLUS);
	const double twice = error(&t, 2), tail = tail_error(&t);
	const bool good = once < most_error[bf16] && twice < most_error[bf16]
			  && tail < most_error[bf16] && same;
	close_work(&t);
	failures += !good;
	printf("%s %zu x %zux%zux%zu to %zu, window %zux%zu, stride %zux%zu, groups %zu in %s of "
	       "%s: errors "
	       "%.1e, %.1e, %.1e%s\n",
		good ? "ok" : "not ok", s->rows, s->h, s->w, s->c, s->o, s->kh, s->kw, s->sh, s->sw,
		s->groups, bf16 ? "bfloat16" : "floats", simd()->name, once, twice, tail,
		same ? "" : ", threads matter");
}

/* What one channel has that is no number, no other gets. */
static void check_apart(void)
{
	const struct shape_case s = {2, 9, 10, 19, 19, 3, 3, 1, 1, 1, 1, 1, 1, 19};
	struct work t;
	size_t wrong = 0;
	open_work(&t, &s, false);
	for (size_t i = 0; i < t.got.nx; i += s.c)
		t.x[i + 17] = i % 2 ? NAN : INFINITY;
	for (size_t i = 0; i < t.got.ny; i += s.c)
		t.dy[i + 17] = NAN;
	run_maps(&t, 1, PLUS);
	const float *of[] = {t.got.y, t.got.dx, t.got.dw};
	const size_t n[] = {t.got.ny, t.got.nx, t.got.nw};
	for (size_t k = 0; k < 3; k++)
		for (size_t i = 0; i < n[k]; i++)
			wrong += isfinite(of[k][i]) ? i % s.c == 17 : i % s.c != 17;
	close_work(&t);
	failures += wrong > 0;
	printf("%s channels stay apart with %s\n", wrong ? "not ok" : "ok", simd()->name);
}

/* What is no number stays none, what is infinite stays so, halves go to even. */
static void check_rounding(void)
{
	const float from[] = {1, -2.5F, 1.00390625F, 1.01171875F, 3.0e38F, -3.4028235e38F, 0,
		1e-10F, 1.0039063F, -0.99804688F, INFINITY, -INFINITY, NAN};
	const size_t n = sizeof from / sizeof *from;
	uint16_t one[48], two[48];
	float many[48];
	for (size_t i = 0; i < 48; i++)
		many[i] = from[i % n];
	simd()->bf16_round(many, 41, one);
	simd()->bf16_pairs(many, many + 1, 23, two);
	int wrong = 0;
	for (size_t i = 0; i < 41; i++) {
		const uint32_t u = (uint32_t)one[i] << 16;
		float got;
		memcpy(&got, &u, sizeof got);
		const double want = isfinite(many[i]) ? rounded(many[i], true) : (double)many[i];
		const bool same = isnan(many[i]) ? isnan(got) : (double)(float)want == (double)got;
		wrong += !same;
	}
	for (size_t i = 0; i < 46; i++)
		wrong += two[i] != one[i / 2 + i % 2];
	failures += wrong;
	printf("%s rounding of %s\n", wrong ? "not ok" : "ok", simd()->name);
}

static void check_all(void)
{
	check_rounding();
	check_apart();
	for (int bf16 = 0; bf16 < 2; bf16++) {
		for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
			check_case(&cases[i], bf16);
		for (size_t i = 0; i < sizeof small / sizeof *small; i++)
			check_case(&small[i], bf16);
	}
	for (size_t i = 0; i < sizeof grouped / sizeof *grouped; i++)
		check_case(&grouped[i], false);
}

int main(void)
{
	return on_processors(check_all, &failures);
}
