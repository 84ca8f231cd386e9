/*
 * plan: what layout.c finds out about a graph and plan.c runs (private to these two; graph.h has
 * the public half).
 */
#ifndef CVT_PLAN_H
#define CVT_PLAN_H

#include "graph.h"

enum { PLAN_ALIGN = 16 }; /* floats */

struct buffer {
	size_t floats, first, last; /* lives from time first to time last (layout.c) */
	size_t offset;
};

/* What a call of an operator does. */
enum pass { PASS_FORWARD, PASS_BACKWARD, PASS_AGAIN, PASSES };

struct slot {           /* what the plan knows of a node */
	bool used;      /* an ancestor of the loss or of a kept node */
	bool wants;     /* something that leads to it wants a gradient */
	bool back;      /* it gets a gradient, and (unless an input) its backward runs */
	bool lent;      /* its gradient is memory where another's grows later: it is only read */
	bool started;   /* while laying out: some consumer has given it a gradient already */
	size_t readers; /* nodes, and the caller, that read its value */
	size_t reader;  /* the last of these nodes; GRAPH_NONE */
	bool absorbs;   /* it does its reader's work, too, or its input's (nn_op.absorbs, defers) */
	size_t host; /* the node that does its work, of which it is a view; GRAPH_NONE = itself */
	size_t affine, plus;        /* what it folds (nn_io): an operator, a value; GRAPH_NONE */
	size_t fixed, fixed_floats; /* what it prepares: place and size */
	size_t step;                /* forward step */
	size_t head;                /* the node of whose value it is a view, or itself */
	bool twice;                 /* backward computes its value a second time (again.c) */
	bool kept;                  /* the caller reads its value, or a view's of it */
	size_t wanted;       /* the node whose backward is the first to read it; GRAPH_NONE */
	size_t time[PASSES]; /* when it is called; of a head that is computed twice: again */
	size_t first_again;  /* what is computed again just before its backward: the first, */
	size_t next_again;   /* and what follows this one there; GRAPH_NONE */
	size_t last_use, last_again;     /* when its value is read last; in its second life */
	size_t value, again, grad, save; /* buffers; again: of its second life; GRAPH_NONE = none */
	size_t root;                     /* the node whose memory the value is */
	size_t edge, param;              /* first of its inputs and parameters in the tables */
	const void *bound;               /* an input node's values */
	float *whole;                    /* a kept value of all rows, where they go in spans */
};

struct step {
	size_t node;
	struct nn_io io;
};

/* One call of backward. */
struct turn {
	size_t node;
	enum pass pass; /* PASS_BACKWARD or PASS_AGAIN */
};

struct plan {
	struct graph *graph;
	size_t most, rows;   /* N; rows that go at a time, for which memory is laid out */
	size_t first;        /* of the rows that go now, their place in the batch */
	size_t nodes, steps; /* of the graph when it was planned; F */
	struct turn *turn;   /* all of backward, in order */
	size_t turns;
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
/* Gives every buffer its place; p->arena_floats is known then. (place.c) */
int plan_place(struct plan *p, struct cvt_err *e);
/* The node of whose value node i is a view, if it is one; and whether it lies in its memory. */
size_t plan_viewed(const struct plan *p, size_t i);
bool plan_is_view(const struct plan *p, size_t i);
/* Decides which values are computed a second time, and gives every call its time. What gets a gradient
 * is marked. (again.c) */
void plan_take_turns(struct plan *p, const struct plan_spec *s);
/* Marks what operators do of others' work; readers are counted. (fold.c) */
void plan_fold(struct plan *p);
/* The values of both take the same memory. */
bool plan_same_size(const struct node *a, const struct node *b);
/* The op's flags, or those of a view when another operator does it. */
unsigned plan_flags(const struct plan *p, size_t node);
/* The gradient of parameter i is asked for. */
bool plan_param_wanted(const struct graph *g, const struct plan_spec *s, size_t i);

#endif
