/* drop-path: its probabilities, for all layers of a network at once. */
#ifndef CVT_NN_DROP_PATH_H
#define CVT_NN_DROP_PATH_H

#include "../graph.h"

/* The linear rule of Huang et al. 2016, as timm has it: block l = 0..L-1 of those that end in drop-path
 * layers gets P l / (L - 1), all its branches alike. CVT_USAGE if there is none, or P is not in 0..1. */
int drop_path_set(struct graph *g, double P, struct cvt_err *e);

#endif
