/*
 * nn: the layers. nn.def lists them; each is one file that ends in its record nn_NAME. Here is what
 * they share: how work is cut. All cuts depend on the problem's size alone, never on the threads
 * (par.h), so every sum is added in the same order on every machine.
 */
#ifndef CVT_NN_H
#define CVT_NN_H

#include "../graph.h"

#define NN(name) extern const struct nn_op nn_##name;
#include "nn.def"
#undef NN

/* Work on units [first, first + count) of something; slot is the index of private memory: the
 * thread (nn_each) or the part (nn_parts). */
typedef void nn_range(const struct nn_io *io, size_t first, size_t count, size_t slot);

/* Runs work over n units in blocks of about 16 Ki floats, each unit weighing `floats`. */
void nn_each(const struct nn_io *io, size_t n, size_t floats, nn_range *work);
/* ... over all floats of the output; over its rows. */
void nn_each_item(const struct nn_io *io, nn_range *work);
void nn_each_row(const struct nn_io *io, nn_range *work);

/* For sums over n units: runs work over at most NN_PARTS equal parts of them, each adding into
 * memory of its own; returns how many there were. Then nn_add_parts adds them in order:
 * to[c] += sum over p of part[p x stride + c], c < items. */
enum { NN_PARTS = 32 };
size_t nn_parts(const struct nn_io *io, size_t n, nn_range *work);
void nn_add_parts(float *to, const float *part, size_t parts, size_t stride, size_t items);
/* The first of `parts` sums of `items` floats, one behind the other, becomes the sum of all, in order: in
 * floats, by all threads. */
void nn_join_sums(const struct nn_io *io, float *sum, size_t parts, size_t items);
/* The gradient of a bias: db[c] += sum of io->dy over all vectors. Needs NN_PARTS vectors of work. */
void nn_add_vectors(const struct nn_io *io, float *db);

/* Sizes of tiles and chunks: the next multiple of `to`; n between two bounds. */
static inline size_t nn_round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}
static inline size_t nn_most(size_t a, size_t b)
{
	return a > b ? a : b;
}

static inline size_t nn_clamp(size_t n, size_t least, size_t most)
{
	return n < least ? least : n > most ? most : n;
}

/* The innermost dimension (channels, features) of a row, and how many such vectors a row has. */
size_t nn_last(const struct shape *s);
size_t nn_vectors(const struct shape *s);
/* The row shape of input i while it runs; how many floats a row of it has. */
const struct shape *nn_row(const struct nn_io *io, size_t i);
size_t nn_row_items(const struct nn_io *io, size_t i);

/* One gradient: overwrites or adds. */
static inline void nn_put(float *to, float value, bool add)
{
	*to = add ? *to + value : value;
}
/* The same for n of them. */
void nn_put_all(float *to, const float *from, size_t n, bool add);

/* forward() of an operator that changes no value but must own its memory: y = x. */
void nn_copy_forward(const struct nn_io *io);

/* For shape(): fails (CVT_INPUT) unless input i is f4. */
int nn_need_float(const struct graph *g, const struct node *n, size_t i, struct cvt_err *e);
/* ... unless all inputs are f4 of one row shape and mult; the output's are the same. */
int nn_same_inputs(const struct graph *g, struct node *n, struct cvt_err *e);
/* shape() of operators whose output is like their only input, an f4. */
int nn_like_input(struct graph *g, struct node *n, struct cvt_err *e);
/* ... for operators that are only another view of it: of any type. */
int nn_view_shape(struct graph *g, struct node *n, struct cvt_err *e);
/* ... unless the input is a picture (H,W,C). */
int nn_need_picture(const struct graph *g, const struct node *n, struct cvt_err *e);
/* A whole number >= least from argument i; CVT_USAGE otherwise. */
int nn_count(const struct node *n, size_t i, size_t least, size_t *to, struct cvt_err *e);
/* CVT_USAGE unless argument i is at least 0. */
int nn_at_least_0(const struct node *n, size_t i, struct cvt_err *e);

#endif
