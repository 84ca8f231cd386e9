/*
 * aug: operations on pictures. Each is one file that ends in its record and one line in aug.def; a
 * chain (chain.h) is read from the command line and applied to rows. Semantics are torchvision's on
 * PIL images, to the bit where PIL computes in integers.
 *
 * A row is a picture (or a clip of T frames, all treated alike) with whatever moves along: planes
 * (mask, edge, depth), boxes, keypoints. Operations change the row's own copy; nothing is allocated
 * per row once the buffers have grown.
 *
 * Dimensions: T frames, H, W, C of the picture; M boxes, K keypoints.
 */
#ifndef CVT_AUG_H
#define CVT_AUG_H

#include "../mem.h"
#include "../rng.h"

enum { AUG_VALUES = 8, AUG_PLANES = 4 };

/* Items that lie like pixels: `size` bytes each (C for the picture, 1 or 4 for a plane). */
struct aug_plane {
	unsigned char *data, *spare; /* T x H x W items; operations write spare and swap */
	size_t capacity, spare_capacity;
	size_t size;
	int outside; /* byte for places that were not in the picture: 0, 255 = ignore for a mask */
};

struct resampler;

struct aug_row {
	size_t T, H, W, C;
	struct aug_plane image;
	size_t planes;
	struct aug_plane plane[AUG_PLANES]; /* sampled by the nearest, never mixed */
	float *boxes, *keypoints; /* (M,5) class x0 y0 x1 y1; (K,3) x y visible; or NULL */
	size_t M, K;
	bool of_episode; /* group and class hold: `group` and `label` of the row */
	int64_t group;
	int32_t class;
	const int32_t *flip;    /* K: which keypoint this one becomes in a mirror; NULL = itself */
	unsigned char *scratch; /* what an operation needs besides; kept from row to row */
	size_t scratch_capacity;
	struct resampler *resampler; /* the same, made when it is first needed */
	size_t copy;   /* which of the rows this one is that a pretext operation makes of one */
	int32_t label; /* what that operation wants learned */
};

/* Frees the buffers that a row has grown. */
void aug_row_free(struct aug_row *r);

struct mix;

/* One application. */
struct aug_call {
	const double *v; /* the operation's values, defaults filled in */
	struct rng *rng; /* NULL when the row must not be drawn on: do what keeps sizes equal */
	const struct rng_site *site; /* of the row and the operation's place */
	struct cvt_err *e;
};

struct aug_param {
	const char *name; /* NULL ends the table */
	double value;     /* default; NAN = as the parameter before it; required when `required` */
	double least, most;
	bool required, whole;
	const char *words; /* "zero|reflect": the value is the word's number */
};

/* A pretext task: the operation makes a label of its own (row->label), which travels as a field with
 * the loss that is to be lowered, and may make several rows of one (row->copy), which stay together
 * as a `group`. Nothing in it depends on `label`. */
struct aug_pretext {
	const char *field, *loss; /* "rotation", "cross-entropy" */
	size_t classes, copies;   /* rows that each row becomes; 1 */
	const char *const *class_name;
};

struct aug_op {
	const char *name, *help;
	const char *example; /* values to show it with, where some are required */
	struct aug_param param[AUG_VALUES];
	bool draws;  /* even at probability 1 */
	double prob; /* when none is written; 0 stands for 1 */
	/* CVT_USAGE when values do not go together; may be NULL. */
	int (*check)(const double *v, struct cvt_err *e);
	/* The size that comes out of H, W, C (H = W = 0: not known); NULL = the same. CVT_INPUT
	 * when the picture is too small. */
	int (*size)(const double *v, size_t *H, size_t *W, size_t *C, struct cvt_err *e);
	int (*apply)(const struct aug_call *c, struct aug_row *row);
	/* Instead of apply: what is drawn for a block of rows of H x W, which are then mixed with
	 * each other (mix.h). Such operations end a chain; their v[1] is the number of classes, 0
	 * = as many as have names. Planes can only be mixed by pasting. */
	void (*mix)(const double *v, struct rng *g, size_t H, size_t W, struct mix *m);
	bool pastes;
	const struct aug_pretext *pretext; /* NULL = none */
};

/* In the order of aug.def, NULL-terminated. */
extern const struct aug_op *const aug_ops[];

#endif
