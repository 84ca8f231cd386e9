/*
 * reorder: values keep the order that PyTorch gives them while the shape changes (reshape,
 * flatten). A map (H,W,C) is (C,H,W) there; every other shape is what it is here.
 */
#ifndef CVT_NN_REORDER_H
#define CVT_NN_REORDER_H

#include "nn.h"

/* Do values keep their places in memory, too? Of one channel, or one place, they do. */
bool reorder_is_view(const struct shape *from, const struct shape *to);
/* y = x as PyTorch's view(node's shape); the two have equally many items. */
void reorder_forward(const struct nn_io *io);
void reorder_backward(const struct nn_io *io);

#endif
