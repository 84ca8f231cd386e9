/*
 * chain: operations in the order they were written: NAME[:PROB][=A,B]; `view[=COUNT]` begins the
 * chain of the next view(s), and what stands before the first is common; `one-of[:PROB] A B end`
 * takes one. Operations on blocks of rows (mixup, cutmix) end the chain and concern all views.
 */
#ifndef CVT_AUG_CHAIN_H
#define CVT_AUG_CHAIN_H

#include "aug.h"

struct aug_step {
	const struct aug_op *op; /* NULL: one of the next `choices` steps */
	size_t choices;
	double v[AUG_VALUES], prob;
	uint32_t place; /* position among the words: keys its draws */
};

/* Steps first..end-1, for `views` views in turn; the common part has none. */
struct aug_part {
	size_t first, end, views;
};

struct aug_chain {
	size_t n, capacity;
	struct aug_step *step;
	size_t parts, parts_capacity;
	struct aug_part *part; /* the first is the common one */
	size_t mixes;          /* the first of the steps on blocks of rows; n = there are none */
	size_t views;          /* in all; 0 = the picture itself goes on */
	bool draws;            /* any chance at all */
	const struct aug_pretext *pretext; /* of the one operation that makes labels; NULL */
	size_t copies;                     /* rows that each row becomes; 1 */
	size_t wrong;                      /* the word that aug_chain_parse refused */
};

/* Reads the words; CVT_USAGE naming the nearest operation, or the parameter that is wrong. */
int aug_chain_parse(struct aug_chain *c, const char *const *word, size_t n, struct cvt_err *e);
void aug_chain_free(struct aug_chain *c);
/* The size that a part makes of H, W, C (0 = not known). Sizes must not depend on chance. */
int aug_chain_size(
	const struct aug_chain *c, size_t part, size_t *H, size_t *W, size_t *C, struct cvt_err *e);
/* Applies a part to a row; row->copy says which of the copies it is to become: what stands behind
 * the operation that makes them draws for each by itself. `site` says seed, stage, epoch, index, copy and view. A frozen row is
 * not drawn on: only what is sure, or keeps sizes equal, is done. */
int aug_chain_apply(const struct aug_chain *c, size_t part, const struct rng_site *site,
	bool frozen, struct aug_row *row, struct cvt_err *e);
/* Walks through the steps on blocks of rows, *i = 0 at first: what the next one that strikes drew
 * for the block, whose number is site->index. False at the end. H, W of the block's pictures. */
bool aug_chain_mix(const struct aug_chain *c, size_t *i, const struct rng_site *site, size_t H,
	size_t W, struct mix *m);

#endif
