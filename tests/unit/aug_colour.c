/*
 * The colour and resampling kernels of every processor against plain versions: hue as Pillow's
 * floats and doubles compute it, blends as one byte at a time, lines of odd lengths.
 */
#include "../../libcore/aug/resample.h"
#include "../../libcore/rng.h"
#include "../../libcore/simd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 4099 };

static int failures;
static unsigned char in[3][N], got[3][N], want[3][N], rgb[3 * N];

static void check(bool good, const char *isa, const char *what)
{
	printf("%s %s: %s\n", good ? "ok" : "not ok", isa, what);
	failures += !good;
}

/* ---- plain versions ---------------------------------------------------------------- */

/* Convert.c, rgb2hsv. */
static void to_hsv(int r, int g, int b, int *hue, int *saturation)
{
	const int rg = r > g ? r : g, top = rg > b ? rg : b;
	const int low_rg = r < g ? r : g, low = low_rg < b ? low_rg : b;
	*hue = *saturation = 0;
	if (top == low)
		return;
	const float range = (float)(top - low);
	const float rc = (float)(top - r) / range, gc = (float)(top - g) / range;
	const float bc = (float)(top - b) / range;
	const float h = r == top   ? bc - gc
			: g == top ? (float)(2.0 + (double)rc - (double)bc)
				   : (float)(4.0 + (double)gc - (double)rc);
	const double turns = (double)h / 6.0 + 1.0;
	*hue = (int)((double)(float)(turns - (double)(int)turns) * 255.0);
	*saturation = (int)((double)(range / (float)top) * 255.0);
}

/* Convert.c, hsv2rgb. */
static void to_rgb(int h, int s8, int v8, unsigned char *r, unsigned char *g, unsigned char *b)
{
	const double sixths = (double)h * 6.0 / 255.0, v = v8;
	const int sector = (int)sixths;
	const float f = (float)(sixths - (double)sector), s = (float)((double)s8 / 255.0);
	const int p = (int)(v * (1.0 - (double)s) + 0.5);
	const int q = (int)(v * (1.0 - (double)(s * f)) + 0.5);
	const int t = (int)(v * (1.0 - (double)s * (1.0 - (double)f)) + 0.5);
	const int table[6][3] = {
		{v8, t, p}, {q, v8, p}, {p, v8, t}, {p, q, v8}, {t, p, v8}, {v8, p, q}};
	*r = (unsigned char)table[sector % 6][0];
	*g = (unsigned char)table[sector % 6][1];
	*b = (unsigned char)table[sector % 6][2];
}

static void plain_turn(int turn)
{
	for (size_t i = 0; i < N; i++) {
		const int r = in[0][i], g = in[1][i], b = in[2][i];
		const int rg = r > g ? r : g, top = rg > b ? rg : b;
		int hue, s;
		to_hsv(r, g, b, &hue, &s);
		to_rgb((hue + turn) & 255, s, top, &want[0][i], &want[1][i], &want[2][i]);
	}
}

static unsigned luma(size_t i)
{
	return (in[0][i] * 19595u + in[1][i] * 38470u + in[2][i] * 7471u + 0x8000u) >> 16;
}

static unsigned char blend(int a, int b, float factor)
{
	const float product = factor * (float)(b - a);
	const volatile float rounded = product; /* never in one go */
	const float v = (float)a + rounded;
	return (unsigned char)(v <= 0 ? 0 : v >= 255 ? 255 : (int)v);
}

/* ---- kernels ----------------------------------------------------------------------- */

static bool same(void)
{
	return memcmp(got, want, sizeof got) == 0;
}

/* Every step-th colour of the cube, all the corners of its bytes among them as they come. */
static void test_hue(const struct simd *s, size_t step)
{
	uint8_t *const plane[3] = {got[0], got[1], got[2]};
	bool good = true;
	for (size_t part = 0; part < (1u << 24) && good; part += N * step) {
		for (size_t i = 0; i < N; i++) {
			const size_t k = part + i * step;
			in[0][i] = (unsigned char)(k >> 16);
			in[1][i] = (unsigned char)(k >> 8);
			in[2][i] = (unsigned char)k;
		}
		memcpy(got, in, sizeof got);
		s->turn_hue(plane, N, (int)(part / N % 256));
		plain_turn((int)(part / N % 256));
		good = same();
	}
	check(good, s->name, "the hue is Pillow's");
}

static void test_blends(const struct simd *s)
{
	static const float factors[] = {0, 0.25f, 0.7f, 1, 1.3333f, 4.5f};
	uint8_t *const plane[3] = {got[0], got[1], got[2]};
	const uint8_t *const from[3] = {in[0], in[1], in[2]};
	bool level = true, grey = true;
	uint64_t sum = 0;
	for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
		memcpy(got, in, sizeof got);
		s->blend_level(got[0], sizeof got, 77, factors[f]);
		for (size_t c = 0; c < 3; c++)
			for (size_t i = 0; i < N; i++)
				want[c][i] = blend(77, in[c][i], factors[f]);
		level = level && same();
		memcpy(got, in, sizeof got);
		s->blend_grey(plane, N, factors[f]);
		for (size_t c = 0; c < 3; c++)
			for (size_t i = 0; i < N; i++)
				want[c][i] = blend((int)luma(i), in[c][i], factors[f]);
		grey = grey && same();
	}
	check(level, s->name, "blends with a level");
	check(grey, s->name, "blends with the grey picture");
	for (size_t i = 0; i < N; i++)
		sum += luma(i);
	check(s->luma_sum(from, N) == sum, s->name, "the sum of the luma");
	s->luma(from, N, got[0]);
	bool each = true;
	for (size_t i = 0; i < N; i++)
		each = each && got[0][i] == luma(i);
	check(each, s->name, "the luma");
	s->rgb_join(from, N, rgb);
	memset(got, 0, sizeof got);
	s->rgb_split(rgb, N, plane);
	check(memcmp(got, in, sizeof in) == 0 && rgb[3 * 1000 + 1] == in[1][1000], s->name,
		"channels together and apart");
}

/* ---- lines ------------------------------------------------------------------------- */

enum { IN = 23, OUT = 37, TAPS = 3 };

static void test_lines(const struct simd *s, struct rng *g, size_t taps, size_t c)
{
	int32_t first[OUT], weight[OUT * TAPS], work[IN + 3 * OUT];
	unsigned char line[3 * IN], to[3 * OUT], down[IN * 3 / TAPS];
	bool good = true;
	for (size_t i = 0; i < OUT; i++)
		first[i] = (int32_t)rng_below(g, IN - taps + 1);
	for (size_t i = 0; i < OUT * taps; i++)
		weight[i] = (int32_t)rng_below(g, (1u << 22) / taps + 1);
	for (size_t i = 0; i < 3 * IN; i++)
		line[i] = (unsigned char)rng_u32(g);
	const struct simd_taps t = {OUT, taps, first, weight};
	s->resample_across(&t, line, IN, c, work, to);
	for (size_t i = 0; i < OUT * c; i++) {
		const size_t place = i % OUT, channel = i / OUT;
		int32_t sum = 1 << 21;
		for (size_t k = 0; k < taps; k++)
			sum += weight[k * OUT + place]
			       * line[((size_t)first[place] + k) * c + channel];
		good = good && to[i] == sum >> 22;
	}
	check(good, s->name, "a line across");
	const size_t bytes = sizeof down;
	s->resample_down(weight, OUT, taps, line, bytes, down);
	for (size_t i = 0; i < bytes; i++) {
		int32_t sum = 1 << 21;
		for (size_t k = 0; k < taps; k++)
			sum += weight[k * OUT] * line[k * bytes + i];
		good = good && down[i] == sum >> 22;
	}
	check(good, s->name, "a line down");
}

/* What the fixed places of pixels say. */
static void test_pictures(void)
{
	struct resampler r = {0};
	struct cvt_err e;
	unsigned char flat[5 * 7 * 4], to[11 * 2 * 4], four[4];
	const unsigned char two[] = {0, 100};
	memset(flat, 77, sizeof flat);
	bool good = true;
	for (size_t C = 1; C <= 4; C++) {
		const struct resample_from f = {flat, 7 * C, 5, 7, C};
		good = good && resample_picture(&r, &f, to, 11, 2, &e) == CVT_OK;
		for (size_t i = 0; i < 11 * 2 * C; i++)
			good = good && to[i] == 77;
	}
	check(good, "resize", "what is even stays so");
	const struct resample_from f = {two, 2, 1, 2, 1};
	good = resample_picture(&r, &f, four, 1, 4, &e) == CVT_OK;
	check(good && four[0] == 0 && four[1] == 25 && four[2] == 75 && four[3] == 100, "resize",
		"pixels are areas, their centres apart");
	resampler_free(&r);
}

int main(void)
{
	static const char *const names[] = {"portable", "avx2", "avx512"};
	const char *quick = getenv("TESTS"); /* under a sanitizer */
	for (size_t k = 0; k < 3; k++) {
		const struct simd *s = simd_named(names[k]);
		struct rng g;
		if (!s)
			continue;
		rng_for(&g, 5, RNG_SHUFFLE, 0, 0);
		test_hue(s, quick && *quick ? 997 : 13);
		for (size_t i = 0; i < sizeof in; i++)
			in[i / N][i % N] = (unsigned char)rng_u32(&g);
		test_blends(s);
		for (size_t i = 0; i < 6; i++)
			test_lines(s, &g, 1 + i % TAPS, 3 - i / 2);
	}
	test_pictures();
	return failures != 0;
}
