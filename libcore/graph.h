/*
 * graph: networks, losses and everything between them as one array of nodes, each an operator on the
 * values of earlier nodes. Built once (by net.h from an architecture text, and by a method), shapes
 * inferred for rows of a batch; then a plan lays all memory for at most N rows into one arena, and
 * runs forward and backward in sorted order on any n <= N. Nothing is allocated after plan_create.
 *
 * Layout. Values are f4 and channel-last: a row is (H,W,C), (T,D) for tokens, (D) for features, as
 * pictures travel in streams. A node has rows x mult rows: mult is 1, k when k views are stacked, and
 * 0 for a value without rows (a loss: one float). Input nodes may be u1, i4 or i8.
 *
 * Parameters live in slabs, in the engine's own layout (param_layout); their names and shapes are
 * PyTorch's, and param_import/param_export convert. Weights and gradients share offsets.
 *
 * Determinism. Operators cut work into blocks by the problem's size and add partial sums in block
 * order (par.h), so no result depends on the number of threads.
 */
#ifndef CVT_GRAPH_H
#define CVT_GRAPH_H

#include "par.h"
#include "tensor.h"

#include <signal.h>

enum { NN_ARGS = 12, NODE_PARAMS = 6 };
#define GRAPH_NONE SIZE_MAX
#define GRAPH_END  ((const char *)NULL) /* ends the arguments of graph_op */

struct shape {
	int ndim;
	size_t dims[TENSOR_DIMS - 1]; /* of one row */
};
size_t shape_items(const struct shape *s); /* 1 for ndim 0 */
bool shape_same(const struct shape *a, const struct shape *b);
/* "32x32x3" into text (at least 100 bytes); returns text. */
char *shape_text(const struct shape *s, char *text, size_t size);

/* An argument as given in a text: a number, a pair (3x5), or a word. */
struct nn_value {
	double a, b; /* equal unless a pair was written */
	const char *word;
	bool given;
};

struct node {
	const struct nn_op *op;
	char *path; /* "layer1.0.conv1"; unique for what has parameters, else for messages */
	size_t nin;
	size_t *in;                   /* indices of nodes before this one */
	struct nn_value arg[NN_ARGS]; /* by the op's table; defaults filled in */
	size_t nargs;                 /* how many positional values were given (variadic ops) */
	enum dtype dtype;
	struct shape row;
	size_t mult;
	size_t nparam, param[NODE_PARAMS];
	/* Floats kept from forward to backward, and scratch of either, for the plan's N rows:
	 * total = whole + per_row x rows (N x mult; N where mult is 0); scratch also per thread. Set by
	 * the op's shape(). */
	size_t save_whole, save_row, work_whole, work_row, work_thread;
	void *conf; /* the op's own constants from shape(), freed with free() */
	bool view;  /* from shape(): this one is a view (NN_VIEW), though not all of its kind are */
};

enum param_kind {
	PARAM_WEIGHT, /* decays */
	PARAM_BIAS,   /* biases, norms' scales, learned tokens: no decay */
	PARAM_BUFFER, /* running statistics: no gradient */
};

enum param_layout {
	LAYOUT_PLAIN, /* as in the file */
	LAYOUT_CONV, /* file (O,I,KH,KW), slab [KH][KW][I][O]: outputs contiguous for the kernels */
	LAYOUT_TCONV, /* file (I,O,KH,KW), slab [KH][KW][O][I] */
};

enum param_init {
	INIT_ZERO,
	INIT_ONE,
	INIT_KAIMING_NORMAL,
	INIT_UNIFORM,
	INIT_TRUNC_NORMAL,
	INIT_VALUE, /* every item is `scale` */
	INIT_ORTHOGONAL,
	INIT_DIRAC,
	INIT_PARTIAL_DIRAC, /* filters beyond the inputs' number: uniform */
};

struct param {
	char *name; /* "layer1.0.conv1.weight" */
	enum param_kind kind;
	enum param_layout layout;
	int ndim;
	size_t dims[4], items, offset; /* dims as in the file; offset into its slab */
	enum param_init init;
	double scale; /* standard deviation (normal) or bound (uniform) */
	size_t net;   /* which net of the graph it belongs to (graph->nets counts) */
	bool frozen;  /* no gradient is computed */
};

struct graph {
	size_t n, capacity;
	struct node *node;
	size_t nparams, params_capacity;
	struct param *param;
	size_t *by_name, by_name_size; /* hash table of parameters by name: number + 1, 0 = empty */
	size_t weights,
		buffers; /* floats in the slabs (each parameter starts at a multiple of 16) */
	float *weight, *grad, *buffer; /* after graph_finish */
	bool learns_not;               /* set before that: there are no gradients, grad is NULL */
	/* Bytes that parameters, and what is kept for each, may take (0 = any number), and take. */
	size_t most, charged;
	size_t nets;
	bool bf16; /* set before building: convolutions round their operands (nn/bf16.h) */
};

struct profile; /* profile.h */

/* What varies from run to run. */
struct run {
	struct par *par;
	bool train; /* batch statistics, dropout */
	uint64_t seed, step;
	struct profile *profile; /* every operator's time is added to it; NULL = none */
	/* Population of each row, 0 or 1, which batch norm keeps apart in training; NULL = they are
	 * all of one. */
	const int32_t *apart;
	const volatile sig_atomic_t *stop; /* set by a signal: fit ends with CVT_GONE; or NULL */
};

/* What an operator sees when it runs. */
struct nn_io {
	const struct graph *graph;
	const struct node *node;
	const struct run *run;
	size_t n;              /* rows of the batch, or of a span of it */
	size_t first;          /* where in the batch they begin */
	size_t rows;           /* rows of the output: n x mult (1 when mult is 0) */
	size_t most;           /* what n is at most: the plan's N */
	const float *const *x; /* inputs; those of other dtypes through nn_input */
	float *y;
	const float *dy;
	float *const *dx; /* NULL where no gradient is wanted */
	const bool *add;  /* dx[i] holds a gradient already: add to it, else overwrite */
	float *const *w;  /* parameters and buffers, in the order they were declared */
	float *const *dw; /* always add; NULL for frozen ones and buffers */
	/* The reader that nn_op.absorbs names, or the input that nn_op.defers does, is this op's to do,
	 * both ways. */
	bool absorbs;
	/* Of a fixed plan: what prepare() made, NULL in other plans. What this op does of its readers'
	 * work (nn_op.folds): prepare() applies the scales and shifts of channels, one behind the
	 * other; forward adds `plus`, laid out like y, in any plan; then comes the relu, if absorbs. */
	float *fixed;
	const float *affine, *plus;
	bool again; /* forward runs a second time (NN_AGAIN), with what the first time kept in save */
	float *save, *work; /* work: work_whole + work_row x N floats */
	float *thread_work; /* thread t's scratch is thread_work + t x thread_stride */
	size_t thread_stride;
};

enum nn_flags {
	NN_BACK_X = 1,  /* backward reads the inputs' values */
	NN_BACK_Y = 2,  /* backward reads the output's value */
	NN_INPLACE = 4, /* y may be x[0]'s memory, and dx[0] may be dy's (then add[0] is false) */
	NN_VIEW = 8,    /* y IS x[0]'s memory (another shape); forward does nothing */
	NN_PASS =
		16, /* the gradient of every input is dy as it is: one of them may share its memory */
	NN_STOP = 32,       /* no gradient flows through */
	NN_VARIADIC = 64,   /* positional arguments may go on up to NN_ARGS */
	NN_EVAL_VIEW = 128, /* identity outside training (dropout): forward copies or skips */
	NN_NO_INPUT = 256,  /* param: starts a value */
	NN_AFFINE = 512, /* outside training y = x scale + shift, a channel by itself, and prepare()
			  * makes just these: C scales, then C shifts */
	NN_AGAIN = 1024, /* forward takes little time and may run twice, the second time before
			  * backward (io->again): it gives the same bits, and changes nothing else */
};

/* What an operator can take over from its readers in a fixed plan, in this order, each being the
 * only one to read what is before it. They are views of its value then. */
enum nn_folds {
	FOLD_AFFINE = 1, /* an operator of NN_AFFINE */
	FOLD_SUM = 2,    /* a sum with one value that is there already; in other plans, too */
	FOLD_RELU = 4,
};

enum loss_learns { LOSS_ANYTHING, LOSS_CLASSES, LOSS_NUMBERS };

struct nn_arg {
	const char *name;
	double value;    /* default */
	bool required;   /* positional and must be given */
	bool positional; /* may be given by position (in table order); else by KEY= only */
	bool word;       /* takes a word, not a number */
	const char *help;
};

/* An operator: a layer, a loss, arithmetic. One file each in nn/ or loss/, one line in the .def. */
struct nn_op {
	const char *name, *help;
	int inputs; /* how many; -1 = one or more (written with braces) */
	unsigned flags;
	struct nn_arg arg[NN_ARGS]; /* ends with a NULL name */
	unsigned pairs;             /* bit i: arg[i] may be two numbers, 1x7; else it is one */
	/* Checks the inputs' shapes and arguments (CVT_USAGE or CVT_INPUT, "conv: ..."), sets row, mult
	 * (the inputs' unless it says otherwise), save_*, work_*, declares parameters. */
	int (*shape)(struct graph *g, struct node *n, struct cvt_err *e);
	void (*forward)(const struct nn_io *io);
	/* NULL only with NN_STOP, NN_VIEW, NN_PASS; not called with these. */
	void (*backward)(const struct nn_io *io);
	/* The operator of one input and no argument (relu) that this one does in its own passes when a
	 * plan has it as the only reader; that one is a view then. NULL = none. */
	const char *absorbs;
	unsigned absorbing; /* its flags then; 0 = as they are */
	/* The same of an operator before this one (relu) of which it is the only reader, and which does as
	 * well on this one's output, both ways: where that is smaller, it is less work. */
	const char *defers;
	unsigned folds; /* enum nn_folds */
	/* What forward needs of the parameters and of nothing else (packed weights), made once for a
	 * fixed plan: into `to`, which io->fixed will be. Returns how many floats it takes, and does
	 * only that when `to` is NULL; io has no values, no gradients and no work, nor has forward any
	 * but a thread's then. NULL = nothing. */
	size_t (*prepare)(const struct nn_io *io, float *to);
	/* Of a loss: what it compares, which decides the score beside it; and the -log likelihood
	 * that it stands for, a exp(-s) x + b s with the log s of a spread (0: a = 1, b = 1/2). */
	enum loss_learns learns;
	struct {
		double a, b;
	} likelihood;
};

/* Lists, NULL-terminated, in the order of nn/nn.def and loss/loss.def. */
extern const struct nn_op *const nn_ops[];
extern const struct nn_op *const loss_ops[];
/* By name in both lists; NULL. Names are spelled with '-' (drop-path). */
const struct nn_op *nn_find(const char *name);

/* ---- building ---------------------------------------------------------------------- */
int graph_open(struct graph **g, struct cvt_err *e);
void graph_close(struct graph *g);

/* A value that comes from outside (plan_bind). mult is 1 unless several rows travel per row. */
int graph_input(struct graph *g, const char *path, enum dtype dtype, const struct shape *row,
	size_t *node, struct cvt_err *e);
/* Adds op(in...) with its arguments (args: nargs positional ones filled by the op's table by the
 * caller, or NULL for all defaults). Checks arity and required arguments, infers the shape. */
int graph_add(struct graph *g, const struct nn_op *op, const char *path, const size_t *in,
	size_t nin, const struct nn_value *args, size_t nargs, size_t *node, struct cvt_err *e);
/* The same by the op's name, inputs and named numbers, for methods: graph_op(g, "linear", "head",
 * (size_t[]){x}, 1, &out, e, "C", 10.0, GRAPH_END). */
int graph_op(struct graph *g, const char *op, const char *path, const size_t *in, size_t nin,
	size_t *node, struct cvt_err *e, ...);

/* Called by shape(): declares parameter PATH.leaf (just PATH when leaf is ""), or shares the one of
 * that name and the same shape that exists (the same network on another view). CVT_USAGE when the
 * name exists with another shape. Sets n->param[n->nparam++]. */
int graph_param(struct graph *g, struct node *n, const char *leaf, enum param_kind kind,
	enum param_layout layout, int ndim, const size_t *dims, enum param_init init, double scale,
	struct cvt_err *e);
size_t graph_find_param(const struct graph *g, const char *name); /* GRAPH_NONE */

/* Counts bytes that are about to be allocated for parameters: CVT_LIMIT (--max-memory) beyond g->most.
 * GRAPH_FREE of them count as nothing: what any program takes. */
enum { GRAPH_FREE = 16 << 20 };
int graph_charge(struct graph *g, size_t bytes, struct cvt_err *e);
/* What is left of `most` bytes beside them. */
size_t graph_left(const struct graph *g, size_t most);
/* Allocates the slabs. After this no parameter can be added; nodes on existing ones can. */
int graph_finish(struct graph *g, struct cvt_err *e);
/* Draws all parameters from Philox(seed; INIT, number of the parameter). */
void graph_init_params(struct graph *g, uint64_t seed);
float *param_data(const struct graph *g, size_t param);
float *param_grad(const struct graph *g, size_t param); /* NULL for buffers */
/* Between the file's layout and the slab's. `file` has param->items floats. */
void param_import(const struct graph *g, size_t param, float *slab, const float *file);
void param_export(const struct graph *g, size_t param, const float *slab, float *file);

/* ---- running ----------------------------------------------------------------------- */
struct plan;

struct plan_spec {
	size_t rows;        /* N: most rows of a batch */
	unsigned threads;   /* of the pool that will run it (scratch) */
	const size_t *keep; /* nodes whose values are read after a run */
	size_t nkeep;
	size_t loss;             /* node to differentiate, or GRAPH_NONE */
	const bool *train_param; /* per parameter: its gradient is wanted (NULL = all not frozen) */
	const size_t *keep_grad; /* nodes whose gradients are read after backward (tests) */
	size_t nkeep_grad;
	/* Parameters and buffers stay as they are, no run trains, loss is GRAPH_NONE: what depends
	 * on parameters alone is done once, in plan_create, which must see their values; and
	 * operators take over what follows them (nn_op.folds). Numbers differ in the last places
	 * from those of other plans. */
	bool fixed;
	/* Values that backward reads may give up their memory after forward and be computed a second
	 * time before that (again.c), to the same bits: where much memory is saved, never, or wherever
	 * it can be done (tests). */
	enum { AGAIN_WHERE_IT_PAYS, AGAIN_NEVER, AGAIN_ALWAYS } again;
	/* A plan whose memory this one has, too, if it is enough: no value of one is needed when the other
	 * runs, and it is freed later. NULL = none. */
	const struct plan *lender;
	/* Of a fixed plan: how many rows go through the network at a time, so that values between
	 * operators stay in a processor's cache; 0 = chosen by their sizes. No value depends on it. */
	size_t span;
};

int plan_create(struct plan **p, struct graph *g, const struct plan_spec *s, struct cvt_err *e);
void plan_free(struct plan *p);
/* Bytes of the arena: activations, gradients of activations, scratch, and what a fixed plan prepared.
 * Known before the first run; also of a plan that lies in a lender's. */
size_t plan_bytes(const struct plan *p);
/* The same without allocating (for messages, --summary, limits). */
int plan_measure(
	const struct graph *g, const struct plan_spec *s, size_t *bytes, struct cvt_err *e);
/* Where an input node's values lie for the next runs (borrowed). */
void plan_bind(struct plan *p, size_t node, const void *data);
/* Values of all planned nodes for n rows (n <= N). */
void plan_forward(struct plan *p, const struct run *r, size_t n);
/* Gradients: d loss = 1; adds to the gradient slab. After plan_forward with the same run and n, while
 * what is bound and all parameters are as they were. */
void plan_backward(struct plan *p, const struct run *r, size_t n);
/* The value (gradient) of a kept node after a run; where the node only views an input, what is bound
 * to that. */
const float *plan_value(const struct plan *p, size_t node);
float *plan_grad(const struct plan *p, size_t node);

/* For operators: input i as another type than float. */
static inline const void *nn_input(const struct nn_io *io, size_t i)
{
	return io->x[i];
}
/* Rows of input i in this run. */
static inline size_t nn_input_rows(const struct nn_io *io, size_t i)
{
	const struct node *in = &io->graph->node[io->node->in[i]];
	return in->mult ? io->n * in->mult : 1;
}
/* The row shape of input i. */
static inline const struct shape *nn_input_shape(
	const struct graph *g, const struct node *n, size_t i)
{
	return &g->node[n->in[i]].row;
}

#endif
