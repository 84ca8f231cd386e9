/*
 * material: colours and textures of the world (see scene.h). Only sums, products and whole numbers,
 * so that every machine draws the same bits.
 */
#include "scene.h"

#include <math.h>
#include <string.h>

/* floor for the small numbers met here, without a call. */
static int floor_int(float x)
{
	return (int)(x + 4096.0f) - 4096;
}

static float clamp01(float x)
{
	return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* -1..1, a triangle of period 1. */
static float zigzag(float x)
{
	return 4 * fabsf(x - (float)floor_int(x + 0.5f)) - 1;
}

/* Polynomials on a quarter turn (Taylor to the 9th power: below one unit of 2^-20). */
struct sincos turn(float turns)
{
	const int quarter = floor_int(turns * 4 + 0.5f);
	const float x = (turns * 4 - (float)quarter) * 1.57079633f, q = x * x;
	const float s = x * (1 - q / 6 * (1 - q / 20 * (1 - q / 42)));
	const float c = 1 - q / 2 * (1 - q / 12 * (1 - q / 30 * (1 - q / 56)));
	switch (quarter & 3) {
	case 0:
		return (struct sincos){s, c};
	case 1:
		return (struct sincos){c, -s};
	case 2:
		return (struct sincos){-s, -c};
	default:
		return (struct sincos){-c, s};
	}
}

/* A hash of a lattice point as 0..1: xor, shift, multiply, twice. */
static float lattice(uint32_t seed, int x, int y)
{
	uint32_t h = seed ^ (uint32_t)x * 0x9E3779B1u ^ (uint32_t)y * 0x85EBCA77u;
	h = (h ^ h >> 15) * 0x2C1B3C6Du;
	h = (h ^ h >> 12) * 0x297A2D39u;
	return (float)(h >> 8) * 0x1p-24f;
}

/* Value noise: lattice values joined by smooth steps. */
static float value_noise(uint32_t seed, float x, float y)
{
	const int i = floor_int(x), j = floor_int(y);
	float a = x - (float)i, b = y - (float)j;
	a = a * a * (3 - 2 * a);
	b = b * b * (3 - 2 * b);
	const float p = lattice(seed, i, j), q = lattice(seed, i + 1, j);
	const float s = lattice(seed, i, j + 1), t = lattice(seed, i + 1, j + 1);
	const float top = p + (q - p) * a, bottom = s + (t - s) * a;
	return top + (bottom - top) * b;
}

float material_mix(const struct material *m, float x, float y)
{
	const float u = m->u[0] * x + m->u[1] * y + m->shift[0];
	const float v = m->v[0] * x + m->v[1] * y + m->shift[1];
	switch (m->texture) {
	case STRIPES:
		return clamp01(0.5f + 1.1f * zigzag(u));
	case CHECKER:
		return clamp01(0.5f + 3 * zigzag(u) * zigzag(v));
	case DOTS: {
		const float a = zigzag(u), b = zigzag(v);
		return clamp01(2.2f - 1.8f * (a * a + b * b) - 1.1f);
	}
	case CLOUDY:
		return clamp01(
			1.5f
				* (0.65f * value_noise(m->lattice, u, v)
					+ 0.35f * value_noise(m->lattice + 1, 2.1f * u, 2.1f * v))
			- 0.25f);
	case WAVES:
		return clamp01(0.5f + 0.9f * zigzag(u + 0.25f * zigzag(0.7f * v)));
	default:
		return clamp01(0.5f + 0.25f * v);
	}
}

/* Hue in turns, saturation, value to red, green, blue. */
static void hsv(float h, float s, float v, float rgb[3])
{
	for (int c = 0; c < 3; c++) {
		/* 1 within a sixth of the channel's own hue, 0 beyond a third, straight between */
		const float t = h - (float)c / 3, d = fabsf(t - (float)floor_int(t + 0.5f));
		rgb[c] = v * (1 - s * (1 - clamp01(2 - 6 * d)));
	}
}

static void draw_colours(struct material *m, struct rng *r, float contrast)
{
	const float h = rng_uniform(r), s = rng_between(r, 0.1f, 0.95f);
	const float v = rng_between(r, 0.15f, 1);
	hsv(h, s, v, m->a);
	/* The second colour: the same stuff, lighter or darker, and now and then another. */
	const bool other = rng_uniform(r) < 0.25f;
	const float h2 = other ? rng_uniform(r) : h + rng_between(r, -0.06f, 0.06f);
	const float step = rng_between(r, 0.15f, 0.4f);
	hsv(h2, s, v > 0.5f ? v - step : v + step, m->b);
	/* A ground that shouts as loud as the shape would hide it from any eye. */
	for (int c = 0; c < 3; c++)
		m->b[c] = m->a[c] + contrast * (m->b[c] - m->a[c]);
}

void material_draw(struct material *m, struct rng *r, bool fine)
{
	memset(m, 0, sizeof *m);
	draw_colours(m, r, fine ? 0.5f : 0.3f);
	m->texture = (enum texture)rng_below(r, TEXTURES);
	m->lattice = rng_u32(r);
	const struct sincos t = turn(rng_uniform(r));
	const float scale = fine ? rng_between(r, 1.4f, 2.4f) : rng_between(r, 1.0f, 2.4f);
	m->u[0] = t.c * scale;
	m->u[1] = t.s * scale;
	m->v[0] = -t.s * scale;
	m->v[1] = t.c * scale;
	m->shift[0] = rng_between(r, 8, 16);
	m->shift[1] = m->texture == PLAIN ? 0 : rng_between(r, 8, 16);
}

/* How differently the eye sees two colours: luma counts most. */
static float unlike(const float a[3], const float b[3])
{
	const float luma = 0.3f * (a[0] - b[0]) + 0.6f * (a[1] - b[1]) + 0.1f * (a[2] - b[2]);
	float chroma = 0;
	for (int c = 0; c < 3; c++)
		chroma += fabsf(a[c] - b[c] - luma);
	return fabsf(luma) + 0.35f * chroma;
}

void material_draw_unlike(
	struct material *m, struct rng *r, const struct material *other, bool fine)
{
	material_draw(m, r, fine);
	for (int tries = 0; tries < 24; tries++) {
		float least = 9;
		for (int i = 0; i < 4; i++) {
			const float d = unlike(i & 1 ? m->b : m->a, i & 2 ? other->b : other->a);
			least = d < least ? d : least;
		}
		if (least > 0.38f)
			return;
		draw_colours(m, r, fine ? 0.5f : 0.3f);
	}
}

const char *texture_word(enum texture t)
{
	static const char *const word[TEXTURES] = {
		"plain", "striped", "chequered", "dotted", "cloudy", "wavy"};
	return word[t];
}

/* By the place on the colour circle, unless it is too dark or too grey to tell. */
const char *colour_word(const float rgb[3])
{
	static const struct {
		float below;
		const char *word;
	} hue[] = {{0.04f, "red"}, {0.11f, "orange"}, {0.19f, "yellow"}, {0.44f, "green"},
		{0.54f, "cyan"}, {0.72f, "blue"}, {0.82f, "purple"}, {0.95f, "pink"}, {2, "red"}};
	int top = 0, low = 0;
	for (int c = 1; c < 3; c++) {
		top = rgb[c] > rgb[top] ? c : top;
		low = rgb[c] <= rgb[low] ? c : low;
	}
	const float span = rgb[top] - rgb[low];
	if (rgb[top] < 0.2f)
		return "black";
	if (span < 0.18f * rgb[top])
		return rgb[top] > 0.8f ? "white" : "grey";
	const int next = (top + 1) % 3, last = (top + 2) % 3;
	float h = ((float)top + (rgb[next] - rgb[last]) / (2 * span)) / 3;
	h = h < 0 ? h + 1 : h;
	size_t i = 0;
	while (h >= hue[i].below)
		i++;
	return hue[i].word;
}
