/* reorder: see reorder.h. Dimensions: P positions (H x W) of C channels; what is no map counts as
 * one position. */
#include "reorder.h"

/* A walk through a row in PyTorch's order: at is where the item lies in our memory. */
struct walk {
	size_t P, C, p, at;
};

static struct walk start(const struct shape *s)
{
	const size_t items = shape_items(s), C = s->ndim == 3 ? s->dims[2] : items;
	return (struct walk){items / C, C, 0, 0};
}

bool reorder_is_view(const struct shape *from, const struct shape *to)
{
	const struct walk a = start(from), b = start(to);
	const bool plain = a.P == 1 || a.C == 1;
	return (plain && (b.P == 1 || b.C == 1)) || (a.P == b.P && a.C == b.C);
}

static void step(struct walk *w)
{
	if (++w->p < w->P) {
		w->at += w->C;
	} else {
		w->at -= (w->P - 1) * w->C;
		w->at++;
		w->p = 0;
	}
}

/* to[i][k] = from[k][i] of n lines of m items, or += that. */
static void turn(const float *restrict from, size_t m, size_t n, float *restrict to, bool add)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < m; k++)
			nn_put(&to[i * m + k], from[k * n + i], add);
}

/* Is one of them a vector, or a map of one channel? Then the other is turned: its places x channels become
 * channels x places. */
static bool is_plain(const struct walk *w)
{
	return w->P == 1 || w->C == 1;
}

/* One row, from one shape's order to the other's. */
static void reorder_row(const float *x, struct walk from, float *y, struct walk to, bool add)
{
	if (is_plain(&to)) {
		turn(x, from.P, from.C, y, add);
	} else if (is_plain(&from)) {
		turn(x, to.C, to.P, y, add);
	} else {
		for (size_t i = 0; i < from.P * from.C; i++, step(&from), step(&to))
			nn_put(&y[to.at], x[from.at], add);
	}
}

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t items = shape_items(&io->node->row);
	(void)slot;
	for (size_t r = first * items; r < (first + count) * items; r += items)
		reorder_row(io->x[0] + r, start(nn_row(io, 0)), io->y + r, start(&io->node->row),
			false);
}

void reorder_forward(const struct nn_io *io)
{
	nn_each_row(io, forward_rows);
}

static void backward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t items = shape_items(&io->node->row);
	(void)slot;
	for (size_t r = first * items; r < (first + count) * items; r += items)
		reorder_row(io->dy + r, start(&io->node->row), io->dx[0] + r, start(nn_row(io, 0)),
			io->add[0]);
}

void reorder_backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each_row(io, backward_rows);
}
