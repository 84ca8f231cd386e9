/* draw: a sequence of draws for each row (see draw.h). */
#include "draw.h"

int draw_check_index(const struct graph *g, const struct node *n, size_t i, struct cvt_err *e)
{
	if (n->nin > i + 1)
		return cvt_fail(e, CVT_USAGE, "%s: takes at most %zu inputs", n->op->name, i + 1);
	if (n->nin <= i)
		return CVT_OK;
	const struct node *index = &g->node[n->in[i]];
	if (index->dtype != DT_I8 || shape_items(&index->row) != 1
		|| index->mult != g->node[n->in[0]].mult)
		return cvt_fail(e, CVT_INPUT, "%s: its last input must be an index (i8) a row",
			n->op->name);
	return CVT_OK;
}

void draw_row(
	struct rng *r, const struct nn_io *io, size_t row, size_t i, uint32_t place, uint64_t draw)
{
	if (!io->run->train && io->node->nin > i) {
		const int64_t *index = nn_input(io, i);
		rng_for(r, io->run->seed, RNG_METHOD, draw, (uint64_t)index[row]);
		r->counter[1] = place;
		return;
	}
	rng_for(r, io->run->seed, RNG_LAYER, io->run->step, (uint64_t)(io->node - io->graph->node));
	r->counter[1] = (uint32_t)(io->first + row);
}
