/* The kernels on channels and windows, for every kind of processor that this one is, against naive
 * loops in double precision. */
#include "../../libcore/simd.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../libcore/mem.h"
#include "../../libcore/rng.h"

enum { GUARD = 64 };
static const float untouched = 12345.5F;
static int failures;

/* n random floats, and a guard behind them. */
static float *numbers(size_t n, uint64_t seed)
{
	struct rng r;
	rng_for(&r, seed, RNG_METHOD, n, 0);
	float *x = mem_alloc(n + GUARD, sizeof *x, NULL);
	for (size_t i = 0; x && i < n + GUARD; i++)
		x[i] = i < n ? rng_normal(&r) : untouched;
	if (!x)
		exit(1);
	return x;
}

static bool near(double got, double want)
{
	return fabs(got - want) <= 1e-4 * (1 + fabs(want));
}

static bool guarded(const float *x, size_t n)
{
	bool kept = true;
	for (size_t i = n; i < n + GUARD; i++)
		kept = kept && memcmp(&x[i], &untouched, sizeof untouched) == 0;
	return kept;
}

static void check(bool good, const char *what, const char *processor)
{
	printf("%s %s of %s\n", good ? "ok" : "not ok", what, processor);
	failures += !good;
}

/* ---- channels ---------------------------------------------------------------------- */

struct channels {
	size_t rows, c;
	float *x, *dy, *p, *out; /* p: 3 constants a channel */
};

static const struct channels shapes[] = {{1, 1, 0, 0, 0, 0}, {7, 3, 0, 0, 0, 0},
	{200, 3, 0, 0, 0, 0}, {33, 16, 0, 0, 0, 0}, {100, 20, 0, 0, 0, 0}, {65, 64, 0, 0, 0, 0},
	{9, 100, 0, 0, 0, 0}, {5, 128, 0, 0, 0, 0}, {6, 333, 0, 0, 0, 0}, {.rows = 301, .c = 6},
	{.rows = 150, .c = 20}, {.rows = 700, .c = 16}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Sum over the rows of channel k of dy^i (x - m)^j. */
static double power_sum(const struct channels *t, size_t k, double m, int i, int j)
{
	double sum = 0;
	for (size_t r = 0; r < t->rows; r++)
		sum += pow((double)t->dy[r * t->c + k], i) * pow((double)t->x[r * t->c + k] - m, j);
	return sum;
}

/* x scale + shift, with the first two constants of the channel. */
static double affine(const struct channels *t, size_t i)
{
	return (double)t->x[i] * (double)t->p[i % t->c] + (double)t->p[t->c + i % t->c];
}

static bool scale_right(const struct simd *s, const struct channels *t)
{
	bool right = true;
	for (int relu = 0; relu < 2; relu++) {
		s->channel_scale(t->x, t->rows, t->c, t->p, relu, t->out);
		for (size_t i = 0; i < t->rows * t->c; i++) {
			const double want = affine(t, i);
			right = right && near((double)t->out[i], relu && want < 0 ? 0 : want);
		}
	}
	return right && guarded(t->out, t->rows * t->c);
}

/* To the bit. */
static bool standard_right(const struct simd *s, const struct channels *t)
{
	bool right = true;
	s->channel_standard(t->x, t->rows, t->c, t->p, t->out);
	for (size_t i = 0; i < t->rows * t->c; i++) {
		const float want = (t->x[i] - t->p[i % t->c]) / t->p[t->c + i % t->c];
		right = right && memcmp(&t->out[i], &want, sizeof want) == 0;
	}
	return right && guarded(t->out, t->rows * t->c);
}

/* Of bytes of one channel and of three. */
static bool bytes_right(const struct simd *s, const struct channels *t)
{
	const size_t c = t->c % 2 ? 1 : 3, rows = t->rows * t->c / c, n = rows * c;
	float *table = numbers(c * 256, 5);
	unsigned char *x = mem_alloc(n, 1, NULL);
	bool right = x != NULL;
	for (size_t i = 0; x && i < n; i++)
		x[i] = (unsigned char)(i * 37 >> 1);
	if (x)
		s->channel_bytes(x, rows, c, table, t->out);
	for (size_t i = 0; i < n; i++)
		right = right && memcmp(&t->out[i], &table[i % c * 256 + x[i]], sizeof *table) == 0;
	free(x);
	free(table);
	return right && guarded(t->out, t->rows * t->c);
}

/* Overwriting, adding, and through the gate. */
static bool back_right(const struct simd *s, const struct channels *t)
{
	bool right = true;
	for (int add = 0; add < 4; add++) {
		float *before = numbers(t->rows * t->c, 9);
		const float *gate = add & 2 ? t->p : NULL;
		memcpy(t->out, before, t->rows * t->c * sizeof *before);
		s->channel_back(t->x, t->dy, t->rows, t->c, t->p, gate, t->out, add & 1);
		for (size_t i = 0; i < t->rows * t->c; i++) {
			const float *p = t->p + i % t->c;
			const double dy = gate && affine(t, i) <= 0 ? 0 : (double)t->dy[i];
			const double want = (double)p[0] * dy + (double)p[t->c] * (double)t->x[i]
					    + (double)p[2 * t->c]
					    + (add & 1 ? (double)before[i] : 0);
			right = right && near((double)t->out[i], want);
		}
		free(before);
	}
	return right && guarded(t->out, t->rows * t->c);
}

/* In two goes, so that the second joins the first. */
static bool moments_right(const struct simd *s, const struct channels *t)
{
	float *out = numbers(2 * t->c, 3), *work = numbers(2 * t->c, 4);
	const size_t half = t->rows / 3;
	if (half)
		s->channel_moments(t->x, half, t->c, 0, out, out + t->c, work);
	s->channel_moments(t->x + half * t->c, t->rows - half, t->c, half, out, out + t->c, work);
	bool right = guarded(out, 2 * t->c) && guarded(work, 2 * t->c);
	for (size_t k = 0; k < t->c; k++) {
		const double mean = power_sum(t, k, 0, 0, 1) / (double)t->rows;
		right = right && near((double)out[k], mean)
			&& near((double)out[t->c + k], power_sum(t, k, mean, 0, 2));
	}
	free(out);
	free(work);
	return right;
}

static bool sums_right(const struct simd *s, const struct channels *t)
{
	float *out = numbers(2 * t->c, 3);
	memset(out, 0, 2 * t->c * sizeof *out);
	s->channel_sums(t->x, t->dy, t->rows, t->c, t->p, NULL, out, out + t->c);
	bool right = guarded(out, 2 * t->c);
	for (size_t k = 0; k < t->c; k++)
		right = right && near((double)out[k], power_sum(t, k, 0, 1, 0))
			&& near((double)out[t->c + k], power_sum(t, k, (double)t->p[k], 1, 1));
	s->sum_rows(t->x, t->rows, t->c, out);
	for (size_t k = 0; k < t->c; k++)
		right = right && near((double)out[k], power_sum(t, k, 0, 0, 1));
	free(out);
	return right;
}

/* Sums through the gate are those of a dy with zeros. */
static bool gate_right(const struct simd *s, const struct channels *t)
{
	float *out = numbers(4 * t->c, 3);
	memset(out, 0, 4 * t->c * sizeof *out);
	s->channel_sums(t->x, t->dy, t->rows, t->c, t->p, t->p, out, out + t->c);
	for (size_t i = 0; i < t->rows * t->c; i++)
		t->dy[i] = affine(t, i) > 0 ? t->dy[i] : 0;
	s->channel_sums(t->x, t->dy, t->rows, t->c, t->p, NULL, out + 2 * t->c, out + 3 * t->c);
	bool right = guarded(out, 4 * t->c);
	for (size_t k = 0; k < 2 * t->c; k++)
		right = right && near((double)out[k], (double)out[2 * t->c + k]);
	free(out);
	return right;
}

static bool spread_right(const struct simd *s, const struct channels *t)
{
	bool right = true;
	s->spread_rows(t->p, 2, t->rows, t->c, t->out, false);
	s->spread_rows(t->p, 0.5F, t->rows, t->c, t->out, true);
	for (size_t i = 0; i < t->rows * t->c; i++)
		right = right && near((double)t->out[i], 2.5 * (double)t->p[i % t->c]);
	return right && guarded(t->out, t->rows * t->c);
}

static void check_channels(const struct simd *s)
{
	static const struct {
		const char *name;
		bool (*right)(const struct simd *s, const struct channels *t);
	} tests[] = {{"channel_scale", scale_right}, {"channel_standard", standard_right},
		{"channel_bytes", bytes_right}, {"channel_back", back_right},
		{"channel_moments", moments_right}, {"channel_sums", sums_right},
		{"channel_sums through a gate", gate_right}, {"spread_rows", spread_right}};
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
		bool right = true;
		for (size_t k = 0; k < SHAPES; k++) {
			struct channels t = shapes[k];
			const size_t n = t.rows * t.c;
			t.x = numbers(n, 1);
			t.dy = numbers(n, 2);
			t.p = numbers(3 * t.c, 3);
			t.out = numbers(n, 4);
			right = tests[i].right(s, &t) && right;
			free(t.x);
			free(t.dy);
			free(t.p);
			free(t.out);
		}
		check(right, tests[i].name, s->name);
	}
}

/* ---- windows ----------------------------------------------------------------------- */

/* A picture of h x w x c under a window of k x k with a step, without a border. */
struct picture {
	size_t h, w, c, k, step, outputs;
};

static const struct picture pictures[] = {{3, 3, 1, 3, 1, 1}, {10, 34, 16, 3, 1, 16},
	{6, 9, 3, 3, 1, 6}, {10, 10, 20, 3, 1, 33}, {9, 9, 8, 3, 2, 48}, {5, 7, 40, 1, 1, 70},
	{12, 33, 2, 5, 1, 17}, {8, 8, 4, 4, 4, 100}, {4, 30, 5, 2, 1, 32}, {3, 19, 4, 1, 1, 12},
	{7, 8, 24, 3, 1, 40}, {5, 5, 6, 3, 1, 20}};

struct windows {
	struct picture p;
	size_t oh, ow, items; /* places, inputs of a window */
	size_t tap[5], place[25];
	float *x, *w, *y, *bias, *packed;
};

static void open_windows(struct windows *t, const struct picture *p)
{
	*t = (struct windows){.p = *p};
	t->oh = (p->h - p->k) / p->step + 1;
	t->ow = (p->w - p->k) / p->step + 1;
	t->items = p->k * p->k * p->c;
	for (size_t i = 0; i < p->k; i++)
		t->tap[i] = i * p->w * p->c;
	for (size_t i = 0; i < p->k * p->k; i++)
		t->place[i] = i * p->c * p->outputs;
	t->x = numbers(p->h * p->w * p->c, 1);
	t->w = numbers(t->items * p->outputs, 2);
	t->y = numbers(t->oh * t->ow * p->outputs, 3);
	t->bias = numbers(p->outputs, 4);
	t->packed = numbers(t->items * (p->outputs + 16), 5);
}

static void close_windows(struct windows *t)
{
	free(t->x);
	free(t->w);
	free(t->y);
	free(t->bias);
	free(t->packed);
}

static struct simd_conv view(const struct windows *t)
{
	const struct picture *p = &t->p;
	return (struct simd_conv){.taps = p->k,
		.run = p->k * p->c,
		.tap = t->tap,
		.outputs = p->outputs,
		.rows = t->oh,
		.columns = t->ow,
		.x_row = p->step * p->w * p->c,
		.x_column = p->step * p->c,
		.y_row = t->ow * p->outputs,
		.y_column = p->outputs,
		.w = t->packed};
}

static struct simd_weights weights(const struct windows *t)
{
	return (struct simd_weights){.w = t->w,
		.taps = t->p.k * t->p.k,
		.run = t->p.c,
		.tap = t->place,
		.run_step = t->p.outputs,
		.output_step = 1,
		.outputs = t->p.outputs};
}

/* Item n of the window at place (i, j). */
static double input(const struct windows *t, size_t i, size_t j, size_t n)
{
	const size_t line = t->p.k * t->p.c;
	return (double)
		t->x[((i * t->p.step + n / line) * t->p.w + j * t->p.step) * t->p.c + n % line];
}

static double conv_want(const struct windows *t, size_t i, size_t j, size_t o)
{
	double sum = 0;
	for (size_t n = 0; n < t->items; n++)
		sum += input(t, i, j, n) * (double)t->w[n * t->p.outputs + o];
	return sum;
}

static bool conv_right(const struct simd *s, struct windows *t)
{
	const struct simd_weights w = weights(t);
	struct simd_conv c = view(t);
	bool right = true;
	s->conv_pack(&w, t->packed);
	c.tail.bias = t->bias;
	s->conv(&c, t->x, t->y);
	c.tail.bias = NULL;
	c.tail.plus = t->y;
	s->conv(&c, t->x, t->y);
	for (size_t i = 0; i < t->oh; i++)
		for (size_t j = 0; j < t->ow; j++)
			for (size_t o = 0; o < t->p.outputs; o++)
				right = right
					&& near((double)t->y[(i * t->ow + j) * t->p.outputs + o],
						(double)t->bias[o] + 2 * conv_want(t, i, j, o));
	return right && guarded(t->y, t->oh * t->ow * t->p.outputs);
}

/* Weights scaled by output, and the whole tail: bias, another picture, nothing below 0. */
static bool tail_right(const struct simd *s, struct windows *t)
{
	const size_t n = t->oh * t->ow * t->p.outputs;
	struct simd_weights w = weights(t);
	struct simd_conv c = view(t);
	float *plus = numbers(n, 6), *scale = numbers(t->p.outputs, 7);
	bool right = true;
	w.scale = scale;
	c.tail = (struct simd_tail){t->bias, plus, true};
	s->conv_pack(&w, t->packed);
	s->conv(&c, t->x, t->y);
	for (size_t i = 0; i < n; i++) {
		const size_t place = i / t->p.outputs, o = i % t->p.outputs;
		const double conv = conv_want(t, place / t->ow, place % t->ow, o);
		const double want = (double)t->bias[o] + (double)scale[o] * conv + (double)plus[i];
		right = right && near((double)t->y[i], want > 0 ? want : 0);
	}
	right = right && guarded(t->y, n) && guarded(plus, n);
	free(plus);
	free(scale);
	return right;
}

static double weights_want(const struct windows *t, size_t n, size_t o)
{
	double sum = 0;
	for (size_t i = 0; i < t->oh; i++)
		for (size_t j = 0; j < t->ow; j++)
			sum += input(t, i, j, n) * (double)t->y[(i * t->ow + j) * t->p.outputs + o];
	return sum;
}

/* The guard behind y is what the kernel may read there. */
static bool weights_right(const struct simd *s, struct windows *t)
{
	const struct simd_weights w = weights(t);
	const struct simd_conv c = view(t);
	float *dw = numbers(t->items * t->p.outputs, 6),
	      *before = numbers(t->items * t->p.outputs, 6);
	bool right = true;
	memset(t->packed, 0, t->items * (t->p.outputs + 16) * sizeof *t->packed);
	s->conv_weights(&c, t->x, t->y, t->packed);
	s->conv_unpack_add(&w, t->packed, dw);
	for (size_t n = 0; n < t->items; n++)
		for (size_t o = 0; o < t->p.outputs; o++) {
			const size_t at = n * t->p.outputs + o;
			right = right
				&& near((double)dw[at], (double)before[at] + weights_want(t, n, o));
		}
	right = right && guarded(dw, t->items * t->p.outputs);
	free(dw);
	free(before);
	return right;
}

/* The best place of the window at (i, j) in channel k. */
static size_t pool_want(const struct windows *t, size_t i, size_t j, size_t k)
{
	size_t best = 0;
	for (size_t n = 1; n < t->p.k * t->p.k; n++)
		if (input(t, i, j, n * t->p.c + k) > input(t, i, j, best * t->p.c + k))
			best = n;
	return best;
}

/* The kernel takes a line of windows. dx begins as zeros and gets 1 from every winner. */
static bool pool_right(const struct simd *s, struct windows *t)
{
	const struct picture *p = &t->p;
	size_t tap[25];
	uint8_t number[25], winner[64 * 64];
	float want_y[64 * 64];
	for (size_t n = 0; n < p->k * p->k; n++) {
		tap[n] = (n / p->k * p->w + n % p->k) * p->c;
		number[n] = (uint8_t)n;
	}
	const struct simd_pool pool = {.rows = 1,
		.n = t->ow,
		.x_step = p->step * p->c,
		.c = p->c,
		.taps = p->k * p->k,
		.across = p->k,
		.tap = tap,
		.number = number};
	float *y = numbers(t->ow * p->c, 7), *dx = numbers(p->h * p->w * p->c, 8);
	float *ones = numbers(t->ow * p->c, 9), *want = numbers(p->h * p->w * p->c, 8);
	for (size_t n = 0; n < t->ow * p->c; n++)
		ones[n] = 1;
	bool right = true;
	for (size_t i = 0; i < t->oh; i++) {
		const size_t line = i * p->step * p->w * p->c;
		s->pool_max(&pool, t->x + line, y, winner);
		s->pool_max_back(&pool, ones, winner, dx + line, true);
		for (size_t n = 0; n < t->ow * p->c; n++)
			want_y[n] = y[n];
		s->pool_max(&pool, t->x + line, y, NULL);
		right = right && memcmp(y, want_y, t->ow * p->c * sizeof *y) == 0;
		for (size_t n = 0; n < t->ow * p->c; n++) {
			const size_t j = n / p->c, k = n % p->c, best = pool_want(t, i, j, k);
			right = right && winner[n] == best
				&& near((double)y[n], input(t, i, j, best * p->c + k));
			want[line + j * p->step * p->c + tap[best] + k] += 1;
		}
	}
	for (size_t n = 0; n < p->h * p->w * p->c; n++)
		right = right && near((double)dx[n], (double)want[n]);
	right = right && guarded(y, t->ow * p->c) && guarded(dx, p->h * p->w * p->c);
	free(y);
	free(dx);
	free(ones);
	free(want);
	return right;
}

static void check_windows(const struct simd *s)
{
	bool conv = true, tail = true, gradient = true, pool = true;
	for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
		struct windows t;
		open_windows(&t, &pictures[i]);
		conv = conv_right(s, &t) && conv;
		tail = tail_right(s, &t) && tail;
		gradient = weights_right(s, &t) && gradient;
		pool = pool_right(s, &t) && pool;
		close_windows(&t);
	}
	check(conv, "conv_pack, conv", s->name);
	check(tail, "conv with scales and a tail", s->name);
	check(gradient, "conv_weights, conv_unpack_add", s->name);
	check(pool, "pool_max, pool_max_back", s->name);
}

int main(void)
{
	static const char *const names[] = {"portable", "avx2", "avx512"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct simd *s = simd_named(names[i]);
		if (!s) {
			printf("skip kernels of %s: this processor has it not\n", names[i]);
			continue;
		}
		check_channels(s);
		check_windows(s);
	}
	return failures != 0;
}
