/*
 * embed_output: which fields cv-embed writes: the stages asked for, each under its field's name, and
 * the rows' other fields that are kept.
 */
#ifndef CVT_EMBED_OUTPUT_H
#define CVT_EMBED_OUTPUT_H

#include "network.h"

enum { EMBED_OUTPUTS = 32 };

struct embed_outputs {
	size_t n;
	size_t node[EMBED_OUTPUTS]; /* of the graph; what a plan must keep */
	char field[EMBED_OUTPUTS][FIELD_NAME];
	bool softmax[EMBED_OUTPUTS]; /* `probs` is made of the logits here */
	/* `prediction`: the largest of a place's numbers; where there is one, that */
	bool decides[EMBED_OUTPUTS];
	size_t last[EMBED_OUTPUTS];            /* how many numbers that is */
	char truth[EMBED_OUTPUTS][FIELD_NAME]; /* the field that a stage is called after; "" */
	enum dtype dtype[EMBED_OUTPUTS];
	struct shape row[EMBED_OUTPUTS]; /* as it is written */
	struct shape sum[EMBED_OUTPUTS]; /* as it is gathered, f4 */
	bool head;                       /* logits or probs are among them: class numbers matter */
	size_t views;                    /* 1: the field itself; else FIELD.1 .. FIELD.k */
	size_t pool; /* feature maps as their means over pool x pool cells; 0 = as they are */
	bool numbered;
	char input[FIELD_NAME]; /* the network's field */
	char **keep;            /* of the rows' fields */
	size_t nkeep;
};

/* Reads "STAGE[=FIELD],..." (NULL = embedding). CVT_USAGE naming the nearest stage, or a FIELD that a
 * stage cannot be. */
int embed_outputs_open(struct embed_outputs *o, const char *text, size_t pool,
	const struct network *n, const struct head *h, struct cvt_err *e);
void embed_outputs_close(struct embed_outputs *o);
/* True when logits, probs or predictions are written. */
bool embed_has_classes(const struct embed_outputs *o);
/* Names the classes of predictions as the model does. */
int embed_name_predictions(
	const struct embed_outputs *o, const struct head *model, struct head *h, struct cvt_err *e);
/* Changes the HEAD's fields: keeps those of the comma list (NULL = all but pictures), adds outputs. */
int embed_fields(struct embed_outputs *o, struct head *h, const char *keep, struct cvt_err *e);
/* After that: is this field of the rows passed on? */
bool embed_keeps(const struct embed_outputs *o, const char *name);
/* `result` = the kept fields of rows. */
int embed_keep(const struct embed_outputs *o, struct batch *result, const struct batch *rows,
	struct cvt_err *e);
/* The values of view v (from 0). */
const struct tensor *embed_view(const struct embed_outputs *o, const struct batch *rows, size_t v);
/* Adds the outputs' fields for n rows of view v, all 0. */
int embed_begin(
	const struct embed_outputs *o, struct batch *result, size_t n, size_t v, struct cvt_err *e);
/* Adds what a run of them gave, times a weight. */
void embed_collect(const struct embed_outputs *o, struct batch *result, const struct plan *p,
	size_t v, float weight);
/* Logits become what they are asked for as. */
int embed_end(const struct embed_outputs *o, struct batch *result, size_t v, struct cvt_err *e);
/* --list: the architectures. */
int embed_list(struct cvt_err *e);

#endif
