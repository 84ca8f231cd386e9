/* fold: which operators take over what stands beside them, in the same pass over memory: in a fixed plan all
 * that follows and nn_op.folds allows, in others of this the sum, and what nn_op.absorbs does; and what
 * nn_op.defers names before them. */
#include "plan.h"

#include <string.h>

/* The node that alone reads the value of node `last`, if it is an operator of that name (NULL: of
 * NN_AFFINE) that node i's memory can hold; else GRAPH_NONE. */
static size_t only_reader(const struct plan *p, size_t i, size_t last, const char *name)
{
	const struct slot *t = &p->slot[last];
	if (t->readers != 1 || t->reader == GRAPH_NONE)
		return GRAPH_NONE;
	const struct node *n = &p->graph->node[t->reader];
	const bool is = name ? strcmp(n->op->name, name) == 0 : (n->op->flags & NN_AFFINE) != 0;
	return is && plan_same_size(n, &p->graph->node[i]) ? t->reader : GRAPH_NONE;
}

/* Is it its input? In a fixed plan also what a run that does not train leaves as it is. */
static bool leaves_it(const struct plan *p, size_t node)
{
	const struct node *n = &p->graph->node[node];
	return n->nin == 1
	       && ((plan_flags(p, node) & NN_VIEW) || (p->fixed && (n->op->flags & NN_EVAL_VIEW)));
}

/* Behind views (drop-path at the end of a branch): node i's value is their value, too. */
static size_t past_views(struct plan *p, size_t i, size_t last)
{
	for (;;) {
		const size_t next = p->slot[last].reader;
		if (p->slot[last].readers != 1 || next == GRAPH_NONE || !leaves_it(p, next)
			|| !plan_same_size(&p->graph->node[next], &p->graph->node[i]))
			return last;
		p->slot[next].host = i;
		last = next;
	}
}

/* The sum of node i's value, which `last` is a view of, with one that is there when node i runs: it comes
 * from an earlier node. Returns the last view then. */
static size_t fold_sum(struct plan *p, size_t i, size_t last)
{
	last = past_views(p, i, last);
	const size_t sum = only_reader(p, i, last, "sum");
	const struct node *n = &p->graph->node[sum == GRAPH_NONE ? last : sum];
	if (sum == GRAPH_NONE || n->nin != 2 || p->slot[sum].absorbs)
		return last;
	const size_t other = n->in[n->in[0] == last];
	if (other >= i)
		return last;
	p->slot[sum].host = i;
	p->slot[i].plus = other;
	return sum;
}

/* What node i takes over from its readers in a fixed plan (nn_op.folds). */
static void fold_readers(struct plan *p, size_t i)
{
	const unsigned folds = p->graph->node[i].op->folds;
	struct slot *t = &p->slot[i];
	size_t last = i, next;
	if ((folds & FOLD_AFFINE) && (next = only_reader(p, i, last, NULL)) != GRAPH_NONE) {
		p->slot[next].host = i;
		t->affine = last = next;
	}
	if (folds & FOLD_SUM)
		last = fold_sum(p, i, last);
	if ((folds & FOLD_RELU) && (next = only_reader(p, i, last, "relu")) != GRAPH_NONE) {
		p->slot[next].host = i;
		t->absorbs = true;
	}
}

static void mark_folded(struct plan *p)
{
	for (size_t i = 0; i < p->nodes; i++)
		if (p->slot[i].used && p->slot[i].host == GRAPH_NONE)
			fold_readers(p, i);
}

/* Of plans that learn, too: a sum passes its gradient on, as a view does. */
static void mark_sums(struct plan *p)
{
	for (size_t i = 0; i < p->nodes; i++)
		if (p->slot[i].used && p->slot[i].host == GRAPH_NONE
			&& (p->graph->node[i].op->folds & FOLD_SUM))
			(void)fold_sum(p, i, i);
}

/* Two operators in one pass over memory: an operator that can do its reader's work (nn_op.absorbs)
 * does it when nobody else reads its value. */
static void mark_absorbed(struct plan *p)
{
	for (size_t i = 0; i < p->nodes; i++) {
		const struct node *n = &p->graph->node[i];
		if (!p->slot[i].used || p->slot[i].host != GRAPH_NONE || n->nin != 1)
			continue;
		struct slot *in = &p->slot[n->in[0]];
		const char *name = p->graph->node[n->in[0]].op->absorbs;
		if (!name || in->host != GRAPH_NONE || in->readers != 1
			|| strcmp(name, n->op->name) != 0)
			continue;
		in->absorbs = true;
		p->slot[i].host = n->in[0];
	}
}

/* What nobody has taken over may come later (nn_op.defers): it is a view of its own input then. */
static void mark_deferred(struct plan *p)
{
	for (size_t i = 0; i < p->nodes; i++) {
		const struct node *n = &p->graph->node[i];
		const char *name = n->op->defers;
		if (!p->slot[i].used || !name)
			continue;
		const struct node *in = &p->graph->node[n->in[0]];
		struct slot *t = &p->slot[n->in[0]];
		if (t->host != GRAPH_NONE || t->readers != 1 || strcmp(name, in->op->name) != 0)
			continue;
		t->host = in->in[0];
		p->slot[i].absorbs = true;
	}
}

void plan_fold(struct plan *p)
{
	if (p->fixed)
		mark_folded(p);
	mark_absorbed(p);
	if (!p->fixed)
		mark_sums(p);
	mark_deferred(p);
}
