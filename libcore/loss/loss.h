/*
 * loss: the losses. loss.def lists them; each is one file that ends in its record loss_NAME.
 *
 * A loss takes a prediction, a target and, if given, a weight a row (0 = the row is absent), and
 * gives one float (mult 0): L = sum over rows of w s / sum over rows of w c, where a row's loss is
 * a sum s over c terms: positions, items, or those of them that are not marked as unknown. Without
 * weights and unknown terms this is the plain mean. Where no term is left, L and its gradients are
 * 0.
 */
#ifndef CVT_LOSS_H
#define CVT_LOSS_H

#include "../nn/nn.h"

#define LOSS(name) extern const struct nn_op loss_##name;
#include "loss.def"
#undef LOSS

/* A row's s; sets *count to its c. */
typedef double loss_row(const struct nn_io *io, size_t row, double *count);
/* Writes scale x ds/dx for the row into those of io->dx[0] and io->dx[1] that are wanted (nn_put).
 */
typedef void loss_row_back(const struct nn_io *io, size_t row, float scale);

/* For shape(): checks that there are 2 or 3 inputs, a float prediction, and weights that fit; sets
 * what a loss's node needs. */
int loss_shape(const struct graph *g, struct node *n, struct cvt_err *e);
/* ... and that prediction and target are f4 of one shape. */
int loss_shape_same(struct graph *g, struct node *n, struct cvt_err *e);
void loss_forward(const struct nn_io *io, loss_row *row);
void loss_backward(const struct nn_io *io, loss_row_back *row_back);

/* Of a row; 0 = it is absent. */
double loss_weight(const struct nn_io *io, size_t row);

/* Row `row` of input i of type f4. */
static inline const float *loss_input(const struct nn_io *io, size_t i, size_t row)
{
	return io->x[i] + row * nn_row_items(io, i);
}
/* Where its gradient goes; NULL if none is wanted. */
static inline float *loss_gradient(const struct nn_io *io, size_t i, size_t row)
{
	return io->dx[i] ? io->dx[i] + row * nn_row_items(io, i) : NULL;
}
/* The targets, input 1, are floats (probabilities), not whole numbers. */
static inline bool loss_is_soft(const struct nn_io *io)
{
	return io->graph->node[io->node->in[1]].dtype == DT_F4;
}
/* Item k of input i as a whole number; -1 where it is marked as unknown: negative, or 255 in a mask
 * of bytes. */
int32_t loss_label(const struct nn_io *io, size_t i, size_t k);

#endif
