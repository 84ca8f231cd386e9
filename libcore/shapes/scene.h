/*
 * scene: what is in a picture of the world of shapes.h, before a pixel is drawn. Lengths are in
 * units of half the shorter side; the origin is the centre, y points down. Angles are in turns.
 */
#ifndef CVT_SCENE_H
#define CVT_SCENE_H

#include "../rng.h"
#include "shapes.h"

/* Signed distance from the outline of a shape of radius about 1, negative inside. */
typedef float sdf_function(float x, float y);

/* The classes come first, then what only hides or disturbs. */
enum sdf_kind { SDF_BAR = SHAPES_CLASSES, SDF_CLOUD, SDF_STROKE, SDF_KINDS };
extern sdf_function *const sdf_table[SDF_KINDS];

struct sincos {
	float s, c;
};
/* Sine and cosine of an angle in turns, the same bits on every machine (unlike libm's). */
struct sincos turn(float turns);

enum texture { PLAIN, STRIPES, CHECKER, DOTS, CLOUDY, WAVES, TEXTURES };

/* Two colours and how they mix over the surface. */
struct material {
	float a[3], b[3];
	enum texture texture;
	float u[2], v[2]; /* texture coordinates are u.(x,y)+shift, v.(x,y)+shift */
	float shift[2];
	uint32_t lattice; /* seed of the noise */
};

struct thing {
	enum sdf_kind kind;
	float x, y, size;   /* centre, half width */
	float turns;        /* rotation */
	float stretch;      /* width over height */
	float reach;        /* nothing of it is farther from the centre */
	float depth;        /* 0 near .. 1 far */
	float dx, dy, spin; /* motion a unit of time */
	bool shadow;        /* throws one, and its rim is lit */
	struct material paint;
};

enum { SCENE_CLUTTER = 6, SCENE_THINGS = SHAPES_OBJECTS + SCENE_CLUTTER + 2 };

struct scene {
	struct material ground;
	size_t n;
	struct thing thing[SCENE_THINGS]; /* far to near */
	size_t object[SHAPES_OBJECTS];    /* places of the labelled shapes in thing[] */
	size_t objects;
	float light[2];      /* direction the light comes from, in the plane */
	float falloff, gain; /* of the light over the picture; exposure */
	float cast[3];       /* its colour */
	float noise;         /* of the sensor, 0..1 */
	uint32_t grain[2];   /* key of that noise */
};

void scene_make(struct scene *s, const struct shapes_world *w, uint64_t index, float time);
/* Where the labelled shape goes, of shapes_motion. */
int scene_motion(const struct scene *s);
/* "a large striped red star at top left on a dotted blue ground, partly hidden" */
void scene_caption(const struct scene *s, char caption[SHAPES_CAPTION]);

/* Mix 0..1 of the material's colours at a point. */
float material_mix(const struct material *m, float x, float y);
void material_draw(struct material *m, struct rng *r, bool fine);
/* Draws again until the base colours differ enough to be told apart. */
void material_draw_unlike(
	struct material *m, struct rng *r, const struct material *other, bool fine);
const char *texture_word(enum texture t);
const char *colour_word(const float rgb[3]);

#endif
