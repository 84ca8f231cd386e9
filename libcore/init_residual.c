/*
 * init_residual: every residual block begins as what it adds to: the scale of the normalisation that ends
 * its branch is 0 (Goyal et al., "Accurate, large minibatch SGD", 2017; torchvision's
 * zero_init_residual). A branch is the first operand of a sum; what stands behind it is the shortcut.
 */
#include "init.h"

#include <string.h>

static bool is_op(const struct node *n, const char *name)
{
	return n->op && strcmp(n->op->name, name) == 0;
}

/* The batch norm that ends the branch which node i is; GRAPH_NONE. */
static size_t last_norm(const struct graph *g, size_t i)
{
	while (is_op(&g->node[i], "drop-path"))
		i = g->node[i].in[0];
	return is_op(&g->node[i], "bn") ? i : GRAPH_NONE;
}

int init_zero_residual(struct graph *g, struct cvt_err *e)
{
	size_t found = 0;
	for (size_t i = 0; i < g->n; i++) {
		const size_t norm =
			is_op(&g->node[i], "sum") ? last_norm(g, g->node[i].in[0]) : GRAPH_NONE;
		if (norm == GRAPH_NONE)
			continue;
		g->param[g->node[norm].param[0]].init = INIT_ZERO;
		found++;
	}
	return found ? CVT_OK
		     : cvt_fail(e, CVT_USAGE,
			     "--zero-init-residual: no residual branch of the network ends in bn; "
			     "see cv-arch(5)");
}
