/* loss: the mean over rows, weights and what is unknown, common to all losses (see loss.h). */
#include "loss.h"

#include <string.h>

/* save: the sum of weights, the loss, then s and c of every row */
enum { TOTAL = 0, MEAN = 1, ROWS = 2, PER_ROW = 2 };

static int check_weights(const struct graph *g, const struct node *n, struct cvt_err *e)
{
	const struct node *w = &g->node[n->in[2]];
	TRY(nn_need_float(g, n, 2, e));
	if (shape_items(&w->row) != 1 || w->mult != g->node[n->in[0]].mult)
		return cvt_fail(e, CVT_INPUT, "%s: weights must be one number a row", n->op->name);
	return CVT_OK;
}

int loss_shape(const struct graph *g, struct node *n, struct cvt_err *e)
{
	const size_t mult = g->node[n->in[0]].mult;
	if (n->nin < 2 || n->nin > 3)
		return cvt_fail(e, CVT_USAGE,
			"%s: takes a prediction, a target and perhaps weights, not %zu inputs",
			n->op->name, n->nin);
	TRY(nn_need_float(g, n, 0, e));
	if (mult == 0 || g->node[n->in[1]].mult != mult)
		return cvt_fail(
			e, CVT_INPUT, "%s: as many targets as predictions are needed", n->op->name);
	if (n->nin == 3)
		TRY(check_weights(g, n, e));
	n->row = (struct shape){0};
	n->mult = 0;
	n->save_whole = ROWS;
	n->save_row = PER_ROW * mult;
	return CVT_OK;
}

int loss_shape_same(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(loss_shape(g, n, e));
	TRY(nn_need_float(g, n, 1, e));
	const struct shape *x = nn_input_shape(g, n, 0), *t = nn_input_shape(g, n, 1);
	if (!shape_same(x, t)) {
		char a[100], b[100];
		return cvt_fail(e, CVT_INPUT, "%s: the prediction is %s but the target %s",
			n->op->name, shape_text(x, a, sizeof a), shape_text(t, b, sizeof b));
	}
	return CVT_OK;
}

int32_t loss_label(const struct nn_io *io, size_t i, size_t k)
{
	if (io->graph->node[io->node->in[i]].dtype == DT_U1) {
		const uint8_t label = ((const uint8_t *)nn_input(io, i))[k];
		return label == 255 ? -1 : label;
	}
	const int32_t label = ((const int32_t *)nn_input(io, i))[k];
	return label < 0 ? -1 : label;
}

double loss_weight(const struct nn_io *io, size_t row)
{
	return io->node->nin == 3 ? (double)io->x[2][row] : 1;
}

struct rows {
	const struct nn_io *io;
	size_t n, size;
	loss_row *row;
	loss_row_back *row_back;
};

/* Blocks of rows by their size, as nn_each cuts them. */
static void each_block(struct rows *r, void (*work)(void *, size_t, unsigned))
{
	enum { BLOCK = 1 << 13 };
	const size_t items = nn_row_items(r->io, 0);
	r->n = nn_input_rows(r->io, 0);
	r->size = items < BLOCK ? BLOCK / items : 1;
	par_for(r->io->run->par, par_blocks(r->n, r->size), work, r);
}

static void forward_block(void *context, size_t block, unsigned thread)
{
	const struct rows *r = context;
	size_t first;
	const size_t end = par_span(r->n, r->size, block, &first) + first;
	(void)thread;
	for (size_t row = first; row < end; row++) {
		double count = 0;
		float *save = r->io->save + ROWS + PER_ROW * row;
		save[0] = (float)r->row(r->io, row, &count);
		save[1] = (float)count;
	}
}

void loss_forward(const struct nn_io *io, loss_row *row)
{
	struct rows r = {.io = io, .row = row};
	each_block(&r, forward_block);
	double sum = 0, total = 0;
	for (size_t i = 0; i < r.n; i++) {
		const float *save = io->save + ROWS + PER_ROW * i;
		const double weight = loss_weight(io, i);
		if (weight == 0) /* absent, whatever it holds */
			continue;
		sum += weight * (double)save[0];
		total += weight * (double)save[1];
	}
	io->save[TOTAL] = (float)total;
	io->y[0] = io->save[MEAN] = total == 0 ? 0 : (float)(sum / total);
}

static void clear_row(const struct nn_io *io, size_t row)
{
	for (size_t i = 0; i < 2; i++)
		if (io->dx[i] && !io->add[i])
			memset(loss_gradient(io, i, row), 0, nn_row_items(io, i) * sizeof(float));
}

static void backward_block(void *context, size_t block, unsigned thread)
{
	const struct rows *r = context;
	const struct nn_io *io = r->io;
	const float total = io->save[TOTAL], unit = total == 0 ? 0 : io->dy[0] / total;
	size_t first;
	const size_t end = par_span(r->n, r->size, block, &first) + first;
	(void)thread;
	for (size_t row = first; row < end; row++) {
		const float scale = unit * (float)loss_weight(io, row);
		const float *save = io->save + ROWS + PER_ROW * row;
		if (scale == 0 || save[1] == 0)
			clear_row(io, row);
		else
			r->row_back(io, row, scale);
		if (io->node->nin == 3 && io->dx[2])
			nn_put(io->dx[2] + row, unit * (save[0] - io->save[MEAN] * save[1]),
				io->add[2]);
	}
}

void loss_backward(const struct nn_io *io, loss_row_back *row_back)
{
	struct rows r = {.io = io, .row_back = row_back};
	each_block(&r, backward_block);
}
