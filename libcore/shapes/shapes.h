/*
 * shapes: the embedded data set, an endless procedural world of textured, lit, partly hidden
 * shapes. Picture number `index` of the world `seed` follows from these two numbers alone, so there
 * is no file, no end, and no order in which it has to be drawn. The same index in another domain
 * (photo, flat, sketch, neon, night) is the same scene in another style; at another moment its
 * things have moved on their ways.
 *
 * Dimensions: H, W of the picture, C = 3 channels, M = objects at most.
 */
#ifndef CVT_SHAPES_H
#define CVT_SHAPES_H

#include "../mem.h"

enum {
	SHAPES_CLASSES = 10,
	SHAPES_DOMAINS = 5,
	SHAPES_OBJECTS = 8,   /* most labelled shapes in a picture */
	SHAPES_KEYPOINTS = 5, /* centre, tip, tail, left, right of the labelled shape */
	SHAPES_MOTIONS = 8,
	SHAPES_CAPTION = 96, /* bytes of a caption, NUL-padded */
	SHAPES_MIN_SIDE = 8,
	SHAPES_MAX_SIDE = 4096,
};

/* First picture of the test split: far from any training range. */
#define SHAPES_TEST ((uint64_t)1 << 40)

extern const char *const shapes_class[SHAPES_CLASSES];
extern const char *const shapes_domain[SHAPES_DOMAINS];
/* Where the labelled shape goes: the eighths of a turn from right over down. */
extern const char *const shapes_motion[SHAPES_MOTIONS];

struct shapes_world {
	uint64_t seed;
	size_t H, W;
	size_t objects; /* labelled shapes a picture: 1..SHAPES_OBJECTS; the first is the label's */
	unsigned domain;
};

/* What is wanted of one picture: NULL = not wanted. */
struct shapes_row {
	uint8_t *image; /* (H,W,3) */
	uint8_t *mask;  /* (H,W): 0 background, k+1 a visible pixel of class k */
	uint8_t *edge;  /* (H,W): 1 where one thing ends before another */
	float *depth;   /* (H,W): 1 the background, less is nearer */
	float *boxes;   /* (objects,5): class, x0, y0, x1, y1 of the visible part; class -1 = hidden
			 */
	float *keypoints; /* (SHAPES_KEYPOINTS,3): x, y, visible */
	char *caption;    /* (SHAPES_CAPTION) */
	int32_t label, motion;
};

/* Scratch of one thread. */
struct shapes_pad;

int shapes_pad_open(struct shapes_pad **p, const struct shapes_world *w, struct cvt_err *e);
void shapes_pad_close(struct shapes_pad *p);

/* Draws picture `index` at moment `time` of its clip (0 = the still picture; things move on their
 * own paths and turn, about a picture's width in 1). */
void shapes_draw(const struct shapes_world *w, uint64_t index, float time, struct shapes_pad *p,
	struct shapes_row *to);

/* Number of the domain of that name, SHAPES_DOMAINS if there is none. */
unsigned shapes_find_domain(const char *name);

#endif
