/*
 * plan: what layout.c finds out about a graph and plan.c runs (private to these two; graph.h has
 * the public half).
 */
#ifndef CVT_PLAN_H
#define CVT_PLAN_H

#include "graph.h"

enum { PLAN_ALIGN = 16 }; /* floats */

struct buffer {
	size_t floats, first, last; /* lives in steps first..last */
	size_t offset;
};

struct slot {           /* what the plan knows of a node */
	bool used;      /* an ancestor of the loss or of a kept node */
	bool wants;     /* something that leads to it wants a gradient */
	bool back;      /* it gets a gradient, and (unless an input) its backward runs */
	bool started;   /* while laying out: some consumer has given it a gradient already */
	size_t readers; /* nodes, and the caller, that read its value */
	size_t reader;  /* the last of these nodes; GRAPH_NONE */
	bool absorbs;   /* it does its reader's work, too (nn_op.absorbs) */
	size_t host; /* the node that does its work, of which it is a view; GRAPH_NONE = itself */
	size_t affine, plus;        /* what it folds (nn_io): an operator, a value; GRAPH_NONE */
	size_t fixed, fixed_floats; /* what it prepares: place and size */
	size_t step;                /* forward step; backward is 2F-1-step */
	size_t last_use;
	size_t value, grad, save; /* buffers; GRAPH_NONE = none */
	size_t root;              /* the node whose memory the value is */
	size_t edge, param;       /* first of its inputs and parameters in the tables */
	const void *bound;        /* an input node's values */
	float *whole;             /* a kept value of all rows, where they go in spans */
};

struct step {
	size_t node;
	struct nn_io io;
};

struct plan {
	struct graph *graph;
	size_t most, rows;   /* N; rows that go at a time, for which memory is laid out */
	size_t first;        /* of the rows that go now, their place in the batch */
	size_t nodes, steps; /* of the graph when it was planned; F */
	struct slot *slot;
	struct buffer *buffer;
	size_t nbuffers, capacity;
	bool fixed;
	size_t arena_floats, work_floats, thread_floats, threads, constant_floats;
	size_t whole_floats; /* kept values of all rows */
	bool borrows;        /* the arena is another plan's */
	float *arena, *work, *constant, *whole, *loss_grad;
	struct step *step;
	/* tables of all nodes, end to end: what nn_io points into */
	size_t edges, params;
	const float **x;
	float **dx, **w, **dw;
	bool *add;
};

/* Marks what the spec needs, gives every value, kept intermediate and gradient its place, and fills
 * p->add. p->slot and the tables exist. */
int plan_lay_out(struct plan *p, const struct plan_spec *s, struct cvt_err *e);
/* The op's flags, or those of a view when another operator does it. */
unsigned plan_flags(const struct plan *p, size_t node);
/* The gradient of parameter i is asked for. */
bool plan_param_wanted(const struct graph *g, const struct plan_spec *s, size_t i);

#endif
