/* The kernels on windows of pictures, for every kind of processor that this one is, against naive loops in double
 * precision. */
#include "kernels.h"

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

/* Every place of y spreads to its window of what lay in x. */
static bool spread_window_right(const struct simd *s, struct windows *t)
{
	const struct picture *p = &t->p;
	const size_t n = p->h * p->w * p->c, line = p->k * p->c;
	struct simd_spread c = {.inputs = p->outputs,
		.down = p->k,
		.run = line,
		.channels = p->c,
		.rows = t->oh,
		.columns = t->ow,
		.x_row = t->ow * p->outputs,
		.x_column = p->outputs,
		.y_row = p->step * p->w * p->c,
		.y_column = p->step * p->c,
		.y_down = p->w * p->c};
	const size_t floats = p->outputs * p->k * ((line + s->width - 1) / s->width * s->width);
	float *to = numbers(n, 6), *scale = numbers(p->c, 7), *packed = numbers(floats, 8);
	double *want = mem_alloc(n, sizeof *want, NULL);
	bool right = want != NULL;
	for (size_t i = 0; want && i < n; i++)
		want[i] = (double)to[i];
	for (size_t i = 0; want && i < t->oh * t->ow * t->items; i++) {
		const size_t place = i / t->items, item = i % t->items, row = item / line;
		const size_t at = place / t->ow * c.y_row + place % t->ow * c.y_column;
		for (size_t o = 0; o < p->outputs; o++)
			want[at + row * c.y_down + item % line] +=
				(double)t->y[place * p->outputs + o]
				* (double)t->w[item * p->outputs + o] * (double)scale[item % p->c];
	}
	c.w = packed;
	s->conv_spread_pack(&c, t->w, scale, packed);
	s->conv_spread(&c, t->y, to);
	for (size_t i = 0; want && i < n; i++)
		right = right && near((double)to[i], want[i]);
	right = right && guarded(to, n) && guarded(packed, floats);
	free(to);
	free(scale);
	free(packed);
	free(want);
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
	bool conv = true, tail = true, gradient = true, spread = true, pool = true;
	for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
		struct windows t;
		open_windows(&t, &pictures[i]);
		conv = conv_right(s, &t) && conv;
		tail = tail_right(s, &t) && tail;
		gradient = weights_right(s, &t) && gradient;
		spread = spread_window_right(s, &t) && spread;
		pool = pool_right(s, &t) && pool;
		close_windows(&t);
	}
	check(conv, "conv_pack, conv", s->name);
	check(tail, "conv with scales and a tail", s->name);
	check(gradient, "conv_weights, conv_unpack_add", s->name);
	check(spread, "conv_spread_pack, conv_spread", s->name);
	check(pool, "pool_max, pool_max_back", s->name);
}

int main(void)
{
	return on_kernels(check_windows);
}
