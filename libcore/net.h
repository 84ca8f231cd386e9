/*
 * net: an architecture text applied to a graph. Expands macros, names elements and parameters
 * exactly as nn.Sequential and cv-arch(5) say, shares parameters by name (the same text on another
 * view), and remembers every stage, so that it can be asked for by its path.
 */
#ifndef CVT_NET_H
#define CVT_NET_H

#include "arch.h"

struct net_spec {
	const char *net;     /* which `net` of the text; NULL = the first */
	const char *prefix;  /* before every parameter's name: "teacher."; NULL = none */
	const size_t *input; /* a node for each input of that net, in the text's order */
	size_t inputs;
	bool headless; /* build only up to the stage `embedding` */
};

struct net_stage {
	char *path; /* without the prefix */
	size_t node;
};

struct net {
	size_t output;    /* the last element */
	size_t embedding; /* stage `embedding`, else what enters the last linear layer, else output
			   */
	size_t first_param, end_param; /* of the graph's parameters that this net declared */
	size_t nstages, capacity;
	struct net_stage *stage;
};

/* Builds it. Errors are CVT_USAGE (text) or CVT_INPUT (the picture does not fit the network: the
 * text ends in what mends it), at SOURCE:LINE:COL. */
int net_build(struct net *n, struct graph *g, const struct arch *a, const struct net_spec *s,
	struct cvt_err *e);
void net_free(struct net *n);
/* The node of a stage; CVT_USAGE naming the nearest path. "embedding" and "output" always exist. */
int net_stage(const struct net *n, const char *path, size_t *node, struct cvt_err *e);
/* The first parameter that only nodes behind the embedding have; end_param when there is none. */
size_t net_head_param(const struct net *n, const struct graph *g);
/* Multiply-adds x 2 of one row through nodes [first_node, end_node), for --summary and --profile: of
 * the layers with weights and of attention, from their shapes; what else there is does not count. */
double net_flop(const struct graph *g, size_t first_node, size_t end_node);

#endif
