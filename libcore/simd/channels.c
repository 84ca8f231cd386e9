/*
 * channels: kernels over `rows` vectors of c channels, each with constants or sums of its own, as
 * batch normalisation needs them. Few channels are taken as a longer period of several vectors, so
 * that registers are full: what is per channel is repeated over the period, or folded at its end.
 */
#include "vmath.h"

enum { PERIOD = 128 }; /* floats; c beyond that is a period of its own */

static inline size_t period_of(size_t c)
{
	return c > 0 && c <= PERIOD / 2 ? PERIOD / c * c : c;
}

/* v for a whole period: itself, or copies in room (PERIOD floats). */
static const float *repeat(const float *v, size_t c, float *room)
{
	const size_t period = period_of(c);
	if (period == c)
		return v;
	for (size_t at = 0; at < period; at += c)
		memcpy(room + at, v, c * sizeof *room);
	return room;
}

/* A sum over a period: the channels' own floats, or zeros in room. */
static float *begin_sum(float *sum, size_t c, float *room)
{
	if (period_of(c) == c)
		return sum;
	memset(room, 0, PERIOD * sizeof *room);
	return room;
}

static void end_sum(float *sum, size_t c, const float *room)
{
	if (room == sum)
		return;
	for (size_t at = 0; at < period_of(c); at += c)
		for (size_t k = 0; k < c; k++)
			sum[k] += room[at + k];
}

/* Scale and shift of a period: v -> v scale + shift. */
struct affine {
	const float *scale, *shift;
	float room[2][PERIOD];
};

/* From 2 c floats: scales, then shifts. */
static void begin_affine(struct affine *a, const float *scale, size_t c)
{
	/* cppcheck-suppress uninitvar */
	a->scale = repeat(scale, c, a->room[0]);
	a->shift = repeat(scale + c, c, a->room[1]);
}

static inline vec affine_at(const struct affine *a, vec v, size_t k, size_t left)
{
	return v * vec_load_some(a->scale + k, left) + vec_load_some(a->shift + k, left);
}

/* y = x scale + shift, with relu nothing below 0, NaN stays; y may be x. scale: 2 c floats, the shifts
 * behind. */
void KERNEL(channel_scale)(
	const float *x, size_t rows, size_t c, const float *scale, bool relu, float *y)
{
	struct affine a;
	const size_t period = period_of(c), n = rows * c;
	const vec least = vec_all(relu ? 0 : -__builtin_inff());
	begin_affine(&a, scale, c);
	for (size_t at = 0; at < n; at += period) {
		const size_t m = n - at < period ? n - at : period;
		for (size_t k = 0; k < m; k += SIMD_WIDTH) {
			const vec v = affine_at(&a, vec_load_some(x + at + k, m - k), k, m - k);
			vec_ahead(x + at + k);
			vec_store_some(y + at + k, vec_max(least, v), m - k);
		}
	}
}

/* y = (x - mean) / std, each rounded; y may be x. mean_std: c means, then c std. */
void KERNEL(channel_standard)(
	const float *x, size_t rows, size_t c, const float *mean_std, float *y)
{
	float room[2][PERIOD];
	const float *mean = repeat(mean_std, c, room[0]), *std = repeat(mean_std + c, c, room[1]);
	const size_t period = period_of(c), n = rows * c;
	for (size_t at = 0; at < n; at += period) {
		const size_t m = n - at < period ? n - at : period;
		for (size_t k = 0; k < m; k += SIMD_WIDTH) {
			const vec v =
				vec_load_some(x + at + k, m - k) - vec_load_some(mean + k, m - k);
			vec_store_some(y + at + k, v / vec_load_some(std + k, m - k), m - k);
		}
	}
}

/* y = the channel's value for each byte; table: 256 of each of 1 or 3 channels. */
void KERNEL(channel_bytes)(const uint8_t *x, size_t rows, size_t c, const float *table, float *y)
{
	size_t i = 0;
	const size_t n = rows * c;
#if SIMD_WIDTH == 16
	enum { TURN = 3 * SIMD_WIDTH }; /* after which channels come in the same order again */
	int first[TURN];
	for (size_t k = 0; k < TURN; k++)
		first[k] = (int)(k % c * 256);
	for (; i + TURN <= n; i += TURN)
		for (size_t k = 0; k < TURN; k += SIMD_WIDTH) {
			const __m128i bytes = _mm_loadu_si128((const void *)(x + i + k));
			const __m512i at = _mm512_add_epi32(
				_mm512_cvtepu8_epi32(bytes), _mm512_loadu_si512(first + k));
			vec_store(y + i + k, (vec)_mm512_i32gather_ps(at, table, 4));
		}
#endif
	if (c == 1)
		for (; i < n; i++)
			y[i] = table[x[i]];
	for (; i < n; i++)
		y[i] = table[i % c * 256 + x[i]];
}

/* sum += x */
static void add_up(const float *x, size_t n, size_t period, float *sum)
{
	for (size_t at = 0; at < n; at += period) {
		const size_t m = n - at < period ? n - at : period;
		for (size_t k = 0; k < m; k += SIMD_WIDTH) {
			vec_ahead(x + at + k);
			vec_put_some(sum + k, vec_load_some(x + at + k, m - k), m - k, true);
		}
	}
}

/* sum += (x - mean)^2 */
static void add_squares(const float *x, size_t n, size_t period, const float *mean, float *sum)
{
	for (size_t at = 0; at < n; at += period) {
		const size_t m = n - at < period ? n - at : period;
		for (size_t k = 0; k < m; k += SIMD_WIDTH) {
			const vec d =
				vec_load_some(x + at + k, m - k) - vec_load_some(mean + k, m - k);
			vec_put_some(sum + k, d * d, m - k, true);
		}
	}
}

/* Mean and sum of squared differences from it, by two passes; call it with what fits a cache. */
static void moments(const float *x, size_t rows, size_t c, float *mean, float *square)
{
	float room[2][PERIOD];
	memset(mean, 0, c * sizeof *mean);
	memset(square, 0, c * sizeof *square);
	float *sum = begin_sum(mean, c, room[0]);
	add_up(x, rows * c, period_of(c), sum);
	end_sum(mean, c, sum);
	for (size_t k = 0; k < c; k++)
		mean[k] /= (float)rows;
	const float *repeated = repeat(mean, c, room[0]);
	sum = begin_sum(square, c, room[1]);
	add_squares(x, rows * c, period_of(c), repeated, sum);
	end_sum(square, c, sum);
}

/* mean and square (the sum of squared differences from it) of `before` vectors become those of
 * rows more (Chan, Golub and LeVeque, "Updating formulae", 1979). work: 2 c floats. */
void KERNEL(channel_moments)(const float *x, size_t rows, size_t c, size_t before,
	float *restrict mean, float *restrict square, float *restrict work)
{
	if (before == 0) {
		moments(x, rows, c, mean, square);
		return;
	}
	const float part = (float)rows / (float)(before + rows), weight = part * (float)before;
	moments(x, rows, c, work, work + c);
	for (size_t k = 0; k < c; k++) {
		const float d = work[k] - mean[k];
		mean[k] += d * part;
		square[k] += work[c + k] + d * d * weight;
	}
}

/* What passes backward through the relu that channel_scale did: dy where x scale + shift > 0. */
static inline vec pass(const struct affine *gate, vec x, vec dy, size_t k, size_t left)
{
	return vec_select(affine_at(gate, x, k, left) > 0, dy, (vec){0});
}

struct sums {
	const float *mean;
	float *sum, *product;
	float room[3][PERIOD];
};

static inline __attribute__((always_inline)) void add_sums(const float *x, const float *dy,
	size_t n, size_t period, const struct sums *s, const struct affine *gate)
{
	for (size_t at = 0; at < n; at += period) {
		const size_t m = n - at < period ? n - at : period;
		for (size_t k = 0; k < m; k += SIMD_WIDTH) {
			const vec v = vec_load_some(x + at + k, m - k);
			vec d = vec_load_some(dy + at + k, m - k);
			vec_ahead(x + at + k);
			vec_ahead(dy + at + k);
			if (gate)
				d = pass(gate, v, d, k, m - k);
			vec_put_some(s->sum + k, d, m - k, true);
			d *= v - vec_load_some(s->mean + k, m - k);
			vec_put_some(s->product + k, d, m - k, true);
		}
	}
}

/* sum += dy, product += dy (x - mean), over the rows; dy through the gate of channel_scale's 2 c
 * floats, unless that is NULL. */
void KERNEL(channel_sums)(const float *x, const float *dy, size_t rows, size_t c, const float *mean,
	const float *gate, float *sum, float *product)
{
	struct sums s;
	struct affine a;
	/* cppcheck-suppress uninitvar */
	s.mean = repeat(mean, c, s.room[0]);
	s.sum = begin_sum(sum, c, s.room[1]);
	s.product = begin_sum(product, c, s.room[2]);
	if (gate) {
		begin_affine(&a, gate, c);
		add_sums(x, dy, rows * c, period_of(c), &s, &a);
	} else {
		add_sums(x, dy, rows * c, period_of(c), &s, NULL);
	}
	end_sum(sum, c, s.sum);
	end_sum(product, c, s.product);
}

struct back {
	const float *a;
	struct affine b;
	float room[PERIOD];
	bool add;
};

static inline __attribute__((always_inline)) void put_back(const float *x, const float *dy,
	size_t n, size_t period, const struct back *t, const struct affine *gate, float *dx)
{
	for (size_t at = 0; at < n; at += period) {
		const size_t m = n - at < period ? n - at : period;
		for (size_t k = 0; k < m; k += SIMD_WIDTH) {
			const vec v = vec_load_some(x + at + k, m - k);
			vec d = vec_load_some(dy + at + k, m - k);
			vec_ahead(x + at + k);
			vec_ahead(dy + at + k);
			if (gate)
				d = pass(gate, v, d, k, m - k);
			d = vec_load_some(t->a + k, m - k) * d + affine_at(&t->b, v, k, m - k);
			vec_put_some(dx + at + k, d, m - k, t->add);
		}
	}
}

/* dx = a dy + (b x + d), or += that; dx may be dy. abd: a, b and d of c floats each; gate as above.
 */
void KERNEL(channel_back)(const float *x, const float *dy, size_t rows, size_t c, const float *abd,
	const float *gate, float *dx, bool add)
{
	struct back t = {.add = add};
	struct affine g;
	t.a = repeat(abd, c, t.room);
	begin_affine(&t.b, abd + c, c);
	if (gate) {
		begin_affine(&g, gate, c);
		put_back(x, dy, rows * c, period_of(c), &t, &g, dx);
	} else {
		put_back(x, dy, rows * c, period_of(c), &t, NULL, dx);
	}
}
