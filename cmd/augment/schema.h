/*
 * augment_schema: which fields of a stream are pictures, what moves along with them, and what they
 * are called and how large they are when a chain of operations is through with them.
 */
#ifndef CVT_AUGMENT_SCHEMA_H
#define CVT_AUGMENT_SCHEMA_H

#include "../../formats/head.h"
#include "../../libcore/aug/chain.h"

enum { AUGMENT_VIEWS = 256, AUGMENT_NAME = 72 };

/* What may move along with `image`, each as NAME or, of view k, NAME.k. */
enum companion { MASK, EDGE, DEPTH, BOXES, KEYPOINTS, COMPANIONS };
extern const char *const augment_companion[COMPANIONS];

struct augment_schema {
	size_t views; /* pictures a row that come in: 1 (`image`) or k (`image.1` ...) */
	bool numbered, ragged;
	size_t made;           /* views that the chain makes of one; 0 = none */
	size_t T, C;           /* of what comes in: frames of a clip (1), channels */
	size_t *H, *W;         /* of each view; 0 = they differ */
	size_t *out_H, *out_W; /* per picture that goes out */
	size_t outs;
	bool has[COMPANIONS];
	int32_t *flip; /* keypoint pairs; NULL */
	size_t K;
};

/* Understands the stream's fields and changes HEAD to what goes out. `first` is the first batch
 * (NULL if there is none): pictures of different sizes say there how many channels they have.
 * CVT_INPUT when there is no picture, when what moves along is not of its size, or when sizes would
 * differ in what goes out. */
int augment_schema_open(struct augment_schema *a, const struct aug_chain *chain,
	const struct batch *first, struct head *h, struct cvt_err *e);
void augment_schema_close(struct augment_schema *a);
/* What picture i, or what moves along with it, is called: NAME, or NAME.k with k from 1. */
const char *augment_in_name(
	const struct augment_schema *a, const char *name, size_t i, char to[AUGMENT_NAME]);
const char *augment_out_name(
	const struct augment_schema *a, const char *name, size_t i, char to[AUGMENT_NAME]);

#endif
