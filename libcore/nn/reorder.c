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

static void forward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t items = shape_items(&io->node->row);
	(void)slot;
	for (size_t r = first; r < first + count; r++) {
		struct walk from = start(nn_row(io, 0)), to = start(&io->node->row);
		for (size_t i = 0; i < items; i++, step(&from), step(&to))
			io->y[r * items + to.at] = io->x[0][r * items + from.at];
	}
}

void reorder_forward(const struct nn_io *io)
{
	nn_each_row(io, forward_rows);
}

static void backward_rows(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t items = shape_items(&io->node->row);
	(void)slot;
	for (size_t r = first; r < first + count; r++) {
		struct walk from = start(nn_row(io, 0)), to = start(&io->node->row);
		for (size_t i = 0; i < items; i++, step(&from), step(&to))
			nn_put(&io->dx[0][r * items + from.at], io->dy[r * items + to.at],
				io->add[0]);
	}
}

void reorder_backward(const struct nn_io *io)
{
	if (io->dx[0])
		nn_each_row(io, backward_rows);
}
