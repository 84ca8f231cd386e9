/*
 * draw: pixels of a scene. Things are painted from far to near over planes of floats; each gives
 * its signed distances once, and coverage (anti-aliasing), rim light, shadow, outline and glow are
 * all read from them. At the end light, exposure and the sensor's noise make bytes of it.
 *
 * P = H*W pixels; `pixel` is the side of one in the scene's units.
 */
#include "scene.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct shapes_pad {
	size_t H, W;
	float pixel;
	float *rgb[3]; /* P each, 0..1 */
	float *dist;   /* P: of the thing in hand, inside its window */
	float *depth;  /* P */
	uint8_t *id;   /* P: 1 + place of the thing that is seen there, 0 the ground */
	float *memory;
	struct scene scene;
};

/* Pixels x0..x1-1, y0..y1-1. */
struct window {
	int x0, y0, x1, y1;
};

const char *const shapes_domain[SHAPES_DOMAINS] = {"photo", "flat", "sketch", "neon", "night"};

enum { PHOTO, FLAT, SKETCH, NEON, NIGHT };

/* Made by a camera from lit surfaces. */
static bool is_lit(unsigned domain)
{
	return domain == PHOTO || domain == NIGHT;
}

/* Drawn beyond the outline, too. */
static bool has_rim(unsigned domain)
{
	return domain == SKETCH || domain == NEON;
}

static const float paper[3] = {0.95f, 0.93f, 0.88f}, ink[3] = {0.13f, 0.12f, 0.15f};
static const float night[3] = {0.03f, 0.03f, 0.07f};

unsigned shapes_find_domain(const char *name)
{
	unsigned d = 0;
	while (d < SHAPES_DOMAINS && strcmp(name, shapes_domain[d]) != 0)
		d++;
	return d;
}

static float clamp01(float x)
{
	return x < 0 ? 0 : x > 1 ? 1 : x;
}

int shapes_pad_open(struct shapes_pad **out, const struct shapes_world *w, struct cvt_err *e)
{
	const size_t P = w->H * w->W;
	struct shapes_pad *p = *out = mem_alloc(1, sizeof *p, e);
	if (!p)
		return CVT_SYSTEM;
	p->H = w->H;
	p->W = w->W;
	p->pixel = 2 / (float)(w->H < w->W ? w->H : w->W);
	p->memory = mem_alloc(5 * P, sizeof *p->memory, e);
	p->id = mem_alloc(P, 1, e);
	if (!p->memory || !p->id) {
		shapes_pad_close(p);
		*out = NULL;
		return CVT_SYSTEM;
	}
	for (size_t c = 0; c < 3; c++)
		p->rgb[c] = p->memory + c * P;
	p->dist = p->memory + 3 * P;
	p->depth = p->memory + 4 * P;
	return CVT_OK;
}

void shapes_pad_close(struct shapes_pad *p)
{
	if (p) {
		free(p->memory);
		free(p->id);
	}
	free(p);
}

/* Centre of pixel column j, or row i, in the scene's units. */
static float centre(const struct shapes_pad *p, size_t side, int at)
{
	return ((float)at + 0.5f - 0.5f * (float)side) * p->pixel;
}

static int pixel_at(const struct shapes_pad *p, size_t side, float x)
{
	const float at = x / p->pixel + 0.5f * (float)side;
	return at < 0 ? 0 : at > (float)side ? (int)side : (int)at;
}

/* What a thing can touch, with a rim for outline and gradient. */
static struct window window_of(const struct shapes_pad *p, const struct thing *t, float rim)
{
	const float reach = t->size * t->reach * 1.2f + rim + 2 * p->pixel;
	return (struct window){pixel_at(p, p->W, t->x - reach), pixel_at(p, p->H, t->y - reach),
		pixel_at(p, p->W, t->x + reach), pixel_at(p, p->H, t->y + reach)};
}

static void measure(struct shapes_pad *p, const struct thing *t, const struct window *n)
{
	sdf_function *const sdf = sdf_table[t->kind];
	const struct sincos a = turn(t->turns);
	const float kx = 1 / (t->size * t->stretch), ky = t->stretch / t->size;
	for (int i = n->y0; i < n->y1; i++) {
		const float y = centre(p, p->H, i) - t->y;
		for (int j = n->x0; j < n->x1; j++) {
			const float x = centre(p, p->W, j) - t->x;
			p->dist[(size_t)i * p->W + (size_t)j] =
				t->size * sdf((a.c * x + a.s * y) * kx, (a.c * y - a.s * x) * ky);
		}
	}
}

static void put(struct shapes_pad *p, size_t at, const float rgb[3], float cover)
{
	for (int c = 0; c < 3; c++)
		p->rgb[c][at] += (rgb[c] - p->rgb[c][at]) * cover;
}

static void material_at(const struct material *m, float x, float y, float rgb[3])
{
	const float mix = material_mix(m, x, y);
	for (int c = 0; c < 3; c++)
		rgb[c] = m->a[c] + (m->b[c] - m->a[c]) * mix;
}

static void draw_ground(struct shapes_pad *p, const struct scene *s, unsigned domain)
{
	for (size_t i = 0; i < p->H; i++)
		for (size_t j = 0; j < p->W; j++) {
			float rgb[3];
			const float *colour = domain == SKETCH ? paper
					      : domain == NEON ? night
							       : s->ground.a;
			if (is_lit(domain)) {
				material_at(&s->ground, centre(p, p->W, (int)j),
					centre(p, p->H, (int)i), rgb);
				colour = rgb;
			}
			put(p, i * p->W + j, colour, 1);
		}
}

/* A shadow lies where a step towards the light meets the thing. */
static void draw_shadow(
	struct shapes_pad *p, const struct scene *s, const struct thing *t, const struct window *n)
{
	const float height = 0.12f * t->size / p->pixel + 0.7f,
		    soft = 2 * p->pixel + 0.1f * t->size;
	const int dx = (int)floorf(s->light[0] * height + 0.5f);
	const int dy = (int)floorf(s->light[1] * height + 0.5f);
	const int W = (int)p->W, H = (int)p->H;
	for (int i = n->y0; i < n->y1; i++)
		for (int j = n->x0; j < n->x1; j++) {
			const int to_x = j - dx, to_y = i - dy;
			if (to_x < 0 || to_x >= W || to_y < 0 || to_y >= H)
				continue;
			const float d = p->dist[i * W + j];
			const float light = 1 - 0.5f * clamp01(0.5f - d / soft);
			for (int c = 0; c < 3; c++)
				p->rgb[c][to_y * W + to_x] *= light;
		}
}

/* How much the rim at a pixel faces the light: -1..1, 0 inside. */
static float rim_light(const struct shapes_pad *p, const struct scene *s, const struct window *n,
	int i, int j, float rim)
{
	const float *row = p->dist + (size_t)i * p->W;
	const int left = j > n->x0 ? j - 1 : j, right = j + 1 < n->x1 ? j + 1 : j;
	const int up = i > n->y0 ? i - 1 : i, down = i + 1 < n->y1 ? i + 1 : i;
	const float gx = row[right] - row[left];
	const float gy =
		p->dist[(size_t)down * p->W + (size_t)j] - p->dist[(size_t)up * p->W + (size_t)j];
	return rim * (gx * s->light[0] + gy * s->light[1]) / (2 * p->pixel);
}

/* Colours of the thing at a pixel with distance d, in the style of the domain; its coverage. */
static float style(const struct shapes_pad *p, const struct scene *s, const struct thing *t,
	const struct window *n, unsigned domain, int i, int j, float rgb[3])
{
	const float d = p->dist[(size_t)i * p->W + (size_t)j],
		    inside = clamp01(0.5f - d / p->pixel);
	const float x = centre(p, p->W, j) - t->x, y = centre(p, p->H, i) - t->y;
	const float wide = 0.03f + 0.55f * p->pixel;
	const float outline = clamp01((wide - fabsf(d)) / p->pixel + 0.5f);
	if (domain == FLAT) {
		memcpy(rgb, t->paint.a, 3 * sizeof *rgb);
		return inside;
	}
	if (domain == SKETCH) {
		const float hatch = t->shadow ? 0.35f * material_mix(&t->paint, x, y) : 0;
		const float dark = outline > hatch ? outline : hatch;
		for (int c = 0; c < 3; c++)
			rgb[c] = paper[c] + (ink[c] - paper[c]) * dark;
		return inside > outline ? inside : outline;
	}
	if (domain == NEON) {
		const float far = d / (1.5f * wide), glow = 1 / (1 + far * far);
		const float *colour =
			t->paint.a[0] + t->paint.a[1] + t->paint.a[2]
					> t->paint.b[0] + t->paint.b[1] + t->paint.b[2]
				? t->paint.a
				: t->paint.b;
		const float bright = t->shadow ? 1 : 0.35f;
		for (int c = 0; c < 3; c++)
			rgb[c] = night[c] + (0.25f + 0.75f * colour[c]) * glow * bright;
		return inside > glow ? inside : glow;
	}
	material_at(&t->paint, x, y, rgb);
	const float rim = t->shadow && inside > 0 ? clamp01(1 + d / (0.3f * t->size)) : 0;
	const float light = 1 + (rim > 0 ? 0.4f * rim_light(p, s, n, i, j, rim) : 0);
	for (int c = 0; c < 3; c++)
		rgb[c] = clamp01(rgb[c] * light);
	return inside;
}

/* Domes: what lies farther inside comes nearer. */
static float depth_at(const struct thing *t, float d)
{
	const float in = clamp01(-d / (0.5f * t->size));
	return t->depth - 0.08f * in * (2 - in);
}

static void draw_thing(struct shapes_pad *p, const struct scene *s, size_t place, unsigned domain)
{
	const struct thing *t = &s->thing[place];
	const struct window n = window_of(p, t, domain == NEON ? 0.3f : 0.06f);
	measure(p, t, &n);
	if (is_lit(domain) && t->shadow)
		draw_shadow(p, s, t, &n);
	for (int i = n.y0; i < n.y1; i++)
		for (int j = n.x0; j < n.x1; j++) {
			const size_t at = (size_t)i * p->W + (size_t)j;
			const float d = p->dist[at];
			if (d > p->pixel && !has_rim(domain))
				continue;
			float rgb[3];
			const float cover = style(p, s, t, &n, domain, i, j, rgb);
			put(p, at, rgb, cover);
			if (d < 0) {
				p->id[at] = (uint8_t)(place + 1);
				p->depth[at] = depth_at(t, d);
			}
		}
}

/* Triangular noise from the bytes of one Philox block for two pixels. */
static void noise(const struct scene *s, size_t pair, float level, float grain[6])
{
	uint32_t word[4];
	philox(s->grain, (const uint32_t[4]){(uint32_t)pair, 0, 0, 0}, word);
	for (int k = 0; k < 6; k++) {
		const uint32_t two = word[k / 2] >> 16 * (k & 1);
		grain[k] = ((float)(two & 0xff) + (float)(two >> 8 & 0xff) - 255) / 255 * level;
	}
}

/* By night little light is left, bluish and from a lamp at one side, and the sensor shows. */
static const struct {
	float gain, falloff, noise, cast[3];
} by_night = {0.3f, 0.6f, 0.06f, {0.75f, 0.85f, 1.1f}};

/* Light, exposure, noise: floats to bytes. Flat and neon pictures were made without a camera. */
static void develop(
	const struct shapes_pad *p, const struct scene *s, unsigned domain, uint8_t *image)
{
	const bool camera = is_lit(domain) || domain == SKETCH, dark = domain == NIGHT;
	const float falloff = s->falloff + (dark ? by_night.falloff : 0);
	const float level = s->noise + (dark ? by_night.noise : 0);
	float grain[6] = {0};
	for (size_t at = 0; at < p->H * p->W; at++) {
		const float x = centre(p, p->W, (int)(at % p->W)),
			    y = centre(p, p->H, (int)(at / p->W));
		const float slope = 1 + falloff * (x * s->light[0] + y * s->light[1]);
		const float gain =
			is_lit(domain) ? s->gain * slope * (dark ? by_night.gain : 1) : 1;
		if (camera && at % 2 == 0)
			noise(s, at / 2, level, grain);
		for (size_t c = 0; c < 3; c++) {
			const float cast = s->cast[c] * (dark ? by_night.cast[c] : 1);
			const float light = is_lit(domain) ? gain * cast : 1;
			const float v = p->rgb[c][at] * light + grain[at % 2 * 3 + c];
			image[at * 3 + c] = (uint8_t)(clamp01(v) * 255 + 0.5f);
		}
	}
}

/* ---- what is known about the picture ----------------------------------------------- */

/* The labelled shapes by place in the scene: class + 1, 0 for all else. */
static void write_mask(const struct shapes_pad *p, const struct scene *s, uint8_t *mask)
{
	uint8_t class_of[SCENE_THINGS + 1] = {0};
	for (size_t k = 0; k < s->objects; k++)
		class_of[s->object[k] + 1] = (uint8_t)(s->thing[s->object[k]].kind + 1);
	for (size_t at = 0; at < p->H * p->W; at++)
		mask[at] = class_of[p->id[at]];
}

static void write_edge(const struct shapes_pad *p, uint8_t *edge)
{
	for (size_t i = 0; i < p->H; i++)
		for (size_t j = 0; j < p->W; j++) {
			const uint8_t *id = p->id + i * p->W + j;
			const bool right = j + 1 < p->W && id[0] != id[1];
			const bool down = i + 1 < p->H && id[0] != id[p->W];
			edge[i * p->W + j] = right || down;
		}
}

static void write_boxes(const struct shapes_pad *p, const struct scene *s, float *boxes)
{
	for (size_t k = 0; k < s->objects; k++) {
		const uint8_t me = (uint8_t)(s->object[k] + 1);
		size_t x0 = p->W, y0 = p->H, x1 = 0, y1 = 0;
		for (size_t at = 0; at < p->H * p->W; at++)
			if (p->id[at] == me) {
				const size_t x = at % p->W, y = at / p->W;
				x0 = x < x0 ? x : x0;
				x1 = x + 1 > x1 ? x + 1 : x1;
				y0 = y < y0 ? y : y0;
				y1 = y + 1;
			}
		float *b = boxes + 5 * k;
		memset(b, 0, 5 * sizeof *b);
		b[0] = -1;
		if (x1 == 0)
			continue;
		b[0] = (float)s->thing[s->object[k]].kind;
		b[1] = (float)x0;
		b[2] = (float)y0;
		b[3] = (float)x1;
		b[4] = (float)y1;
	}
}

static void write_keypoints(const struct shapes_pad *p, const struct scene *s, float *points)
{
	static const float along[SHAPES_KEYPOINTS] = {0, -0.85f, 0.85f, 0, 0};
	static const float across[SHAPES_KEYPOINTS] = {0, 0, 0, -0.85f, 0.85f};
	const struct thing *t = &s->thing[s->object[0]];
	const struct sincos a = turn(t->turns);
	for (size_t k = 0; k < SHAPES_KEYPOINTS; k++) {
		const float down = along[k] * t->size / t->stretch;
		const float side = across[k] * t->size * t->stretch;
		const float right = a.c * side - a.s * down, below = a.s * side + a.c * down;
		const float x = (t->x + right) / p->pixel + 0.5f * (float)p->W;
		const float y = (t->y + below) / p->pixel + 0.5f * (float)p->H;
		const bool in = x >= 0 && y >= 0 && x < (float)p->W && y < (float)p->H;
		const size_t front = in ? p->id[(size_t)y * p->W + (size_t)x] : SCENE_THINGS + 1;
		points[3 * k] = x;
		points[3 * k + 1] = y;
		points[3 * k + 2] = in && front <= s->object[0] + 1 ? 1 : 0;
	}
}

void shapes_draw(const struct shapes_world *w, uint64_t index, float time, struct shapes_pad *p,
	struct shapes_row *to)
{
	struct scene *s = &p->scene;
	const size_t P = p->H * p->W;
	scene_make(s, w, index, time);
	memset(p->id, 0, P);
	for (size_t at = 0; at < P; at++)
		p->depth[at] = 1;
	draw_ground(p, s, w->domain);
	for (size_t i = 0; i < s->n; i++)
		draw_thing(p, s, i, w->domain);
	to->label = (int32_t)s->thing[s->object[0]].kind;
	to->motion = scene_motion(s);
	if (to->image)
		develop(p, s, w->domain, to->image);
	if (to->mask)
		write_mask(p, s, to->mask);
	if (to->edge)
		write_edge(p, to->edge);
	if (to->depth)
		memcpy(to->depth, p->depth, P * sizeof *p->depth);
	if (to->boxes)
		write_boxes(p, s, to->boxes);
	if (to->keypoints)
		write_keypoints(p, s, to->keypoints);
	if (to->caption)
		scene_caption(s, to->caption);
}
