/*
 * scene: draws what is in a picture (see scene.h). Every thing has its own random sequence, so that
 * what is drawn of one (or whether it is there at all) changes nothing of the others.
 */
#include "scene.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Sequences of one picture. */
enum slot { SLOT_WORLD, SLOT_OBJECT, SLOT_FRONT = 64, SLOT_CLUTTER = 128, SLOT_ORDER = 256 };

/* Ten pictures in a row show all classes once, in an order of their own: any few of them are
 * balanced. */
static int draw_class(uint64_t seed, uint64_t index, size_t object)
{
	struct rng r;
	size_t order[SHAPES_CLASSES];
	if (object > 0) {
		rng_for(&r, seed, RNG_SHAPES, index, SLOT_ORDER + object);
		return (int)rng_below(&r, SHAPES_CLASSES);
	}
	rng_for(&r, seed, RNG_SHAPES, index / SHAPES_CLASSES, SLOT_ORDER);
	rng_permutation(&r, order, SHAPES_CLASSES);
	return (int)order[index % SHAPES_CLASSES];
}

/* Less than half an eighth of a turn from an axis: tan(1/16 turn). */
static const float slope = 0.41421356f;

const char *const shapes_motion[SHAPES_MOTIONS] = {
	"right", "right-down", "down", "left-down", "left", "left-up", "up", "right-up"};

int scene_motion(const struct scene *s)
{
	const struct thing *t = &s->thing[s->object[0]];
	const float x = fabsf(t->dx), y = fabsf(t->dy);
	if (y < slope * x)
		return t->dx > 0 ? 0 : 4;
	if (x < slope * y)
		return t->dy > 0 ? 2 : 6;
	return t->dx > 0 ? (t->dy > 0 ? 1 : 7) : (t->dy > 0 ? 3 : 5);
}

/* Motion comes last, so that a still picture is the clip's first moment. */
static void draw_motion(struct thing *t, struct rng *r)
{
	t->dx = rng_between(r, -1.2f, 1.2f);
	t->dy = rng_between(r, -1.2f, 1.2f);
	t->spin = rng_between(r, -0.5f, 0.5f);
}

/* The labelled shape is the biggest and lies wholly, or nearly so, in the picture. */
static void draw_object(struct thing *t, const struct shapes_world *w, uint64_t index,
	size_t object, const struct material *ground)
{
	struct rng r;
	rng_for(&r, w->seed, RNG_SHAPES, index, SLOT_OBJECT + object);
	const bool first = object == 0;
	const float shorter = (float)(w->H < w->W ? w->H : w->W);
	t->kind = (enum sdf_kind)draw_class(w->seed, index, object);
	t->size = first ? rng_between(&r, 0.55f, 0.85f) : rng_between(&r, 0.2f, 0.36f);
	const float room_x = (float)w->W / shorter - 0.8f * t->size;
	const float room_y = (float)w->H / shorter - 0.8f * t->size;
	t->x = rng_between(&r, -room_x, room_x);
	t->y = rng_between(&r, -room_y, room_y);
	t->turns = rng_between(&r, -0.12f, 0.12f);
	t->stretch = rng_between(&r, 0.85f, 1.15f);
	t->reach = 1.3f;
	t->depth = first ? rng_between(&r, 0.3f, 0.5f) : rng_between(&r, 0.55f, 0.8f);
	t->shadow = true;
	material_draw_unlike(&t->paint, &r, ground, true);
	draw_motion(t, &r);
}

/* Something before the shape: a bar across a part of it, or a cloud at its side. It never covers
 * more than about a third. */
static void draw_front(
	struct thing *t, const struct thing *before, uint64_t seed, uint64_t index, size_t number)
{
	struct rng r;
	rng_for(&r, seed, RNG_SHAPES, index, SLOT_FRONT + number);
	const float size = before->size;
	t->kind = rng_uniform(&r) < 0.5f ? SDF_BAR : SDF_CLOUD;
	const struct sincos side = turn(rng_uniform(&r));
	const bool bar = t->kind == SDF_BAR;
	const float away =
		size * (bar ? rng_between(&r, 0.15f, 0.75f) : rng_between(&r, 0.7f, 1.0f));
	t->x = before->x + side.c * away;
	t->y = before->y + side.s * away;
	t->turns = rng_uniform(&r);
	t->size = size * (bar ? rng_between(&r, 0.6f, 1.1f) : rng_between(&r, 0.4f, 0.6f));
	t->stretch = 1;
	t->reach = bar ? 100 : 1.1f;
	t->depth = rng_between(&r, 0.1f, 0.2f);
	t->shadow = true;
	material_draw_unlike(&t->paint, &r, &before->paint, true);
	draw_motion(t, &r);
}

static void draw_clutter(
	struct thing *t, const struct shapes_world *w, uint64_t index, size_t number)
{
	struct rng r;
	rng_for(&r, w->seed, RNG_SHAPES, index, SLOT_CLUTTER + number);
	const float shorter = (float)(w->H < w->W ? w->H : w->W);
	t->kind = rng_uniform(&r) < 0.6f ? SDF_STROKE : SDF_CLOUD;
	t->x = rng_between(&r, -1, 1) * (float)w->W / shorter;
	t->y = rng_between(&r, -1, 1) * (float)w->H / shorter;
	t->turns = rng_uniform(&r);
	t->size = rng_between(&r, 0.08f, 0.26f);
	t->stretch = 1;
	t->reach = 1.1f;
	t->depth = rng_between(&r, 0.8f, 0.95f);
	t->shadow = false;
	material_draw(&t->paint, &r, true);
	draw_motion(t, &r);
}

static void draw_light(struct scene *s, struct rng *r)
{
	const struct sincos t = turn(rng_uniform(r));
	s->light[0] = t.c;
	s->light[1] = t.s;
	s->falloff = rng_between(r, 0.05f, 0.35f);
	s->gain = rng_between(r, 0.75f, 1.15f);
	for (int c = 0; c < 3; c++)
		s->cast[c] = rng_between(r, 0.88f, 1);
	s->noise = rng_between(r, 0.0f, 0.03f);
	s->grain[0] = rng_u32(r);
	s->grain[1] = rng_u32(r);
}

static void move(struct scene *s, float time)
{
	for (size_t i = 0; i < s->n; i++) {
		struct thing *t = &s->thing[i];
		t->x += t->dx * time;
		t->y += t->dy * time;
		t->turns += t->spin * time;
	}
	s->grain[1] += (uint32_t)(time * 65536); /* every frame is another exposure */
}

void scene_make(struct scene *s, const struct shapes_world *w, uint64_t index, float time)
{
	struct rng r;
	memset(s, 0, sizeof *s);
	rng_for(&r, w->seed, RNG_SHAPES, index, SLOT_WORLD);
	draw_light(s, &r);
	material_draw(&s->ground, &r, false);
	const size_t clutter = rng_below(&r, SCENE_CLUTTER / 2 + 1);
	const bool hidden = rng_uniform(&r) < 0.25f;
	for (size_t i = 0; i < clutter; i++)
		draw_clutter(&s->thing[s->n++], w, index, i);
	s->objects = w->objects;
	for (size_t i = w->objects; i-- > 0;) {
		s->object[i] = s->n;
		draw_object(&s->thing[s->n++], w, index, i, &s->ground);
	}
	if (hidden) {
		draw_front(&s->thing[s->n], &s->thing[s->n - 1], w->seed, index, 0);
		s->n++;
	}
	if (time != 0)
		move(s, time);
}

static const char *place_word(float x, float y)
{
	static const char *const word[3][3] = {{"at top left", "at top", "at top right"},
		{"at left", "in the middle", "at right"},
		{"at bottom left", "at bottom", "at bottom right"}};
	const float aside = 0.12f;
	return word[y < -aside ? 0 : y > aside ? 2 : 1][x < -aside ? 0 : x > aside ? 2 : 1];
}

void scene_caption(const struct scene *s, char caption[SHAPES_CAPTION])
{
	const struct thing *t = &s->thing[s->object[0]];
	const bool hidden = s->object[0] + 1 < s->n;
	const char *size = t->size < 0.63f ? "small " : t->size > 0.77f ? "large " : "";
	memset(caption, 0, SHAPES_CAPTION);
	(void)snprintf(caption, SHAPES_CAPTION, "a %s%s %s %s %s on a %s %s ground%s", size,
		texture_word(t->paint.texture), colour_word(t->paint.a), shapes_class[t->kind],
		place_word(t->x, t->y), texture_word(s->ground.texture), colour_word(s->ground.a),
		hidden ? ", partly hidden" : "");
}
