/*
 * init: how parameters start. A layer has its own habit (PyTorch's, or torchvision's); a text may
 * name another one, `conv 64 3 init=dirac`, and then the layer's bias starts at 0.
 */
#ifndef CVT_INIT_H
#define CVT_INIT_H

#include "graph.h"

#define INIT_HELP "how the weights start: kaiming, xavier, orthogonal, dirac, zero ..."

/* How a weight starts, and its scale (graph.h). */
struct init {
	enum param_init kind;
	double scale;
	bool named; /* the text chose it */
};

/* What argument `arg` of the node names, for a weight of fan_in and fan_out; *i keeps the layer's
 * own habit when nothing is given. CVT_USAGE with "did you mean". */
int init_choose(const struct node *n, size_t arg, double fan_in, double fan_out, struct init *i,
	struct cvt_err *e);

/* Lets the batch norms that end residual branches begin with a scale of 0, once parameters are drawn.
 * CVT_USAGE if there are none (init_residual.c). */
int init_zero_residual(struct graph *g, struct cvt_err *e);

/* Draws parameter i from Philox(seed; INIT, i). */
void init_param(const struct graph *g, size_t i, uint64_t seed);

#endif
