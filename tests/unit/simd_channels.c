/* The kernels on rows of channels, for every kind of processor that this one is, against naive loops in double
 * precision. */
#include "kernels.h"

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

int main(void)
{
	return on_kernels(check_channels);
}
