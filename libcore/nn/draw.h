/*
 * draw: chance for an operator, a sequence for each row. In training it is Philox(seed; step, node,
 * row). In evaluation it belongs to the row itself, Philox(seed; draw, index), when the operator is
 * given the rows' `index`: then a figure depends on neither the batches nor their order.
 */
#ifndef CVT_NN_DRAW_H
#define CVT_NN_DRAW_H

#include "../rng.h"
#include "nn.h"

/* For shape(): input i, if it is there, is one i8 a row. */
int draw_check_index(const struct graph *g, const struct node *n, size_t i, struct cvt_err *e);
/* The sequence of a row; input i is the index. Two operators that evaluate the same rows differ by
 * `place`, repeated evaluations by `draw`. */
void draw_row(
	struct rng *r, const struct nn_io *io, size_t row, size_t i, uint32_t place, uint64_t draw);

#endif
