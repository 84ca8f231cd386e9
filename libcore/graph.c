/* graph: the nodes and the parameters of a computation, while it is built (see graph.h; plan.c lays
 * out its memory and runs it). */
#include "graph.h"

#include "init.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLAB_ALIGN = 16 }; /* floats: every parameter starts on a cache line */

/* No value and no parameter may have more items than this: what lies beyond is a hostile text. */
static const size_t most_items = (size_t)1 << 31;

static const struct nn_op input_op = {
	.name = "input",
	.help = "a field of the stream",
	.inputs = 0,
	.flags = NN_STOP | NN_NO_INPUT,
};

/* ---- shapes ------------------------------------------------------------------------ */

size_t shape_items(const struct shape *s)
{
	size_t n = 1;
	for (int i = 0; i < s->ndim; i++)
		n *= s->dims[i];
	return n;
}

bool shape_same(const struct shape *a, const struct shape *b)
{
	return a->ndim == b->ndim
	       && memcmp(a->dims, b->dims, (size_t)a->ndim * sizeof *a->dims) == 0;
}

char *shape_text(const struct shape *s, char *text, size_t size)
{
	size_t at = 0;
	(void)snprintf(text, size, "1");
	for (int i = 0; i < s->ndim && at < size; i++) {
		const int n = snprintf(text + at, size - at, "%s%zu", i ? "x" : "", s->dims[i]);
		at += n > 0 ? (size_t)n : 0;
	}
	return text;
}

static int check_shape(const struct shape *s, const char *what, struct cvt_err *e)
{
	size_t items = 1;
	bool fits = true;
	for (int i = 0; i < s->ndim && fits; i++)
		fits = mem_mul(items, s->dims[i], &items) && items <= most_items;
	if (!fits || items == 0) {
		char text[100];
		return cvt_fail(e, CVT_INPUT, "%s: a row of %s is %s", what,
			shape_text(s, text, sizeof text), items == 0 ? "empty" : "too large");
	}
	return CVT_OK;
}

/* ---- building ---------------------------------------------------------------------- */

int graph_open(struct graph **g, struct cvt_err *e)
{
	*g = mem_alloc(1, sizeof **g, e);
	return *g ? CVT_OK : CVT_SYSTEM;
}

static void node_free(struct node *n)
{
	free(n->path);
	free(n->in);
	free(n->conf);
}

void graph_close(struct graph *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n; i++)
		node_free(&g->node[i]);
	for (size_t i = 0; i < g->nparams; i++)
		free(g->param[i].name);
	free(g->node);
	free(g->param);
	free(g->by_name);
	free(g->weight);
	free(g->grad);
	free(g->buffer);
	free(g);
}

/* A new node at the end of the array, with copies of its path and inputs. */
static int append_node(struct graph *g, const struct nn_op *op, const char *path, const size_t *in,
	size_t nin, struct cvt_err *e)
{
	void *p = g->node;
	TRY(mem_grow(&p, &g->capacity, g->n + 1, sizeof *g->node, e));
	g->node = p;
	struct node *n = &g->node[g->n];
	*n = (struct node){.op = op, .nin = nin, .dtype = DT_F4, .mult = 1};
	n->path = mem_strdup(path, e);
	n->in = mem_alloc(nin, sizeof *n->in, e);
	if (!n->path || !n->in) {
		node_free(n);
		return CVT_SYSTEM;
	}
	if (nin)
		memcpy(n->in, in, nin * sizeof *in);
	g->n++;
	return CVT_OK;
}

static void drop_last(struct graph *g)
{
	node_free(&g->node[--g->n]);
}

int graph_input(struct graph *g, const char *path, enum dtype dtype, const struct shape *row,
	size_t *node, struct cvt_err *e)
{
	TRY(check_shape(row, path, e));
	TRY(append_node(g, &input_op, path, NULL, 0, e));
	struct node *n = &g->node[g->n - 1];
	n->dtype = dtype;
	n->row = *row;
	*node = g->n - 1;
	return CVT_OK;
}

/* Defaults where nothing was given; what is required must be there. */
static int fill_arguments(
	struct node *n, const struct nn_value *args, size_t nargs, struct cvt_err *e)
{
	const struct nn_op *op = n->op;
	if (args)
		memcpy(n->arg, args, sizeof n->arg);
	n->nargs = nargs;
	for (size_t i = 0; i < NN_ARGS && op->arg[i].name; i++) {
		struct nn_value *v = &n->arg[i];
		if (v->given)
			continue;
		if (op->arg[i].required)
			return cvt_fail(
				e, CVT_USAGE, "%s: %s is missing", op->name, op->arg[i].name);
		v->a = v->b = op->arg[i].value;
	}
	return CVT_OK;
}

static int check_arity(const struct graph *g, const struct nn_op *op, const size_t *in, size_t nin,
	struct cvt_err *e)
{
	if (op->inputs >= 0 ? nin != (size_t)op->inputs : nin == 0)
		return cvt_fail(
			e, CVT_USAGE, "%s: takes %d inputs, not %zu", op->name, op->inputs, nin);
	for (size_t i = 0; i < nin; i++)
		if (in[i] >= g->n)
			return cvt_fail(
				e, CVT_USAGE, "%s: input %zu does not exist yet", op->name, i);
	return CVT_OK;
}

int graph_add(struct graph *g, const struct nn_op *op, const char *path, const size_t *in,
	size_t nin, const struct nn_value *args, size_t nargs, size_t *node, struct cvt_err *e)
{
	TRY(check_arity(g, op, in, nin, e));
	TRY(append_node(g, op, path, in, nin, e));
	struct node *n = &g->node[g->n - 1];
	if (nin)
		n->mult = g->node[in[0]].mult;
	int code = fill_arguments(n, args, nargs, e);
	if (code == CVT_OK)
		code = op->shape(g, n, e);
	if (code == CVT_OK)
		code = check_shape(&n->row, op->name, e);
	if (code != CVT_OK) {
		drop_last(g);
		return code;
	}
	*node = g->n - 1;
	return CVT_OK;
}

static size_t argument_index(const struct nn_op *op, const char *name)
{
	for (size_t i = 0; i < NN_ARGS && op->arg[i].name; i++)
		if (strcmp(op->arg[i].name, name) == 0)
			return i;
	return GRAPH_NONE;
}

int graph_op(struct graph *g, const char *name, const char *path, const size_t *in, size_t nin,
	size_t *node, struct cvt_err *e, ...)
{
	const struct nn_op *op = nn_find(name);
	struct nn_value args[NN_ARGS] = {{0}};
	if (!op)
		return cvt_fail(e, CVT_USAGE, "there is no operator '%s'", name);
	va_list list;
	va_start(list, e);
	const char *key;
	size_t i = 0;
	while ((key = va_arg(list, const char *)) != NULL && i != GRAPH_NONE) {
		i = argument_index(op, key);
		const double value = va_arg(list, double);
		if (i != GRAPH_NONE)
			args[i] = (struct nn_value){value, value, NULL, true};
	}
	va_end(list);
	if (i == GRAPH_NONE)
		return cvt_fail(
			e, CVT_USAGE, "%s: there is no argument '%s'", name, key ? key : "");
	return graph_add(g, op, path, in, nin, args, 0, node, e);
}

/* ---- parameters -------------------------------------------------------------------- */

/* The place of a name in the table (FNV-1a, open addressing): its own, or the empty one for it. */
static size_t *name_place(const struct graph *g, const char *name)
{
	uint32_t h = 2166136261u;
	for (const char *p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	size_t at = h % g->by_name_size;
	while (g->by_name[at] && strcmp(g->param[g->by_name[at] - 1].name, name) != 0)
		at = (at + 1) % g->by_name_size;
	return &g->by_name[at];
}

size_t graph_find_param(const struct graph *g, const char *name)
{
	const size_t at = g->by_name_size ? *name_place(g, name) : 0;
	return at ? at - 1 : GRAPH_NONE;
}

/* Room in the table for one more name; at most half of it is in use. */
static int grow_names(struct graph *g, struct cvt_err *e)
{
	if (2 * (g->nparams + 1) <= g->by_name_size)
		return CVT_OK;
	const size_t size = g->by_name_size ? 2 * g->by_name_size : 256;
	size_t *table = mem_alloc(size, sizeof *table, e);
	if (!table)
		return CVT_SYSTEM;
	free(g->by_name);
	g->by_name = table;
	g->by_name_size = size;
	for (size_t i = 0; i < g->nparams; i++)
		*name_place(g, g->param[i].name) = i + 1;
	return CVT_OK;
}

static bool same_dims(const struct param *p, int ndim, const size_t *dims)
{
	return p->ndim == ndim && memcmp(p->dims, dims, (size_t)ndim * sizeof *dims) == 0;
}

static char *param_name(const char *path, const char *leaf, struct cvt_err *e)
{
	struct str s = {0};
	if (str_printf(&s, e, "%s%s%s", path, *leaf && *path ? "." : "", leaf) != CVT_OK) {
		free(s.p);
		return NULL;
	}
	return s.p;
}

static int append_param(struct graph *g, char *name, struct param *with, struct cvt_err *e)
{
	void *p = g->param;
	TRY(mem_grow(&p, &g->params_capacity, g->nparams + 1, sizeof *g->param, e));
	g->param = p;
	TRY(grow_names(g, e));
	*name_place(g, name) = g->nparams + 1;
	size_t *slab = with->kind == PARAM_BUFFER ? &g->buffers : &g->weights;
	with->name = name;
	with->net = g->nets;
	with->offset = *slab;
	*slab += (with->items + SLAB_ALIGN - 1) / SLAB_ALIGN * SLAB_ALIGN;
	g->param[g->nparams++] = *with;
	return CVT_OK;
}

int graph_param(struct graph *g, struct node *n, const char *leaf, enum param_kind kind,
	enum param_layout layout, int ndim, const size_t *dims, enum param_init init, double scale,
	struct cvt_err *e)
{
	struct param with = {
		.kind = kind, .layout = layout, .ndim = ndim, .init = init, .scale = scale};
	memcpy(with.dims, dims, (size_t)ndim * sizeof *dims);
	if (tensor_count(ndim, dims, &with.items, NULL) || with.items > most_items)
		return cvt_fail(e, CVT_INPUT, "%s: parameter '%s' is too large", n->op->name, leaf);
	if (n->nparam == NODE_PARAMS)
		return cvt_fail(
			e, CVT_USAGE, "%s: more than %d parameters", n->op->name, NODE_PARAMS);
	char *name = param_name(n->path, leaf, e);
	if (!name)
		return CVT_SYSTEM;
	size_t at = graph_find_param(g, name);
	if (at != GRAPH_NONE) {
		const bool same = same_dims(&g->param[at], ndim, dims);
		const int code = same ? CVT_OK
				      : cvt_fail(e, CVT_USAGE,
					      "parameter '%s' exists with another shape; give the "
					      "element a name "
					      "of its own",
					      name);
		free(name);
		TRY(code);
	} else {
		at = g->nparams;
		const int code = g->weight ? cvt_fail(e, CVT_USAGE,
					 "parameter '%s' comes after the slabs were made", name)
					   : append_param(g, name, &with, e);
		if (code != CVT_OK)
			free(name);
		TRY(code);
	}
	n->param[n->nparam++] = at;
	return CVT_OK;
}

static size_t counted(const struct graph *g)
{
	return g->charged > GRAPH_FREE ? g->charged - GRAPH_FREE : 0;
}

int graph_charge(struct graph *g, size_t bytes, struct cvt_err *e)
{
	if (!mem_add(g->charged, bytes, &g->charged))
		g->charged = SIZE_MAX;
	if (!g->most || counted(g) <= g->most)
		return CVT_OK;
	return cvt_fail(e, CVT_LIMIT,
		"the network's parameters, and what is kept for each, take more than %zu MiB of "
		"memory; raise --max-memory, or take a smaller network",
		g->most >> 20);
}

size_t graph_left(const struct graph *g, size_t most)
{
	const size_t left = g->most > counted(g) ? g->most - counted(g) : 0;
	return g->most && left < most ? left : most;
}

int graph_finish(struct graph *g, struct cvt_err *e)
{
	const size_t grads = g->learns_not ? 0 : g->weights;
	TRY(graph_charge(g, (g->weights + grads + g->buffers) * sizeof(float), e));
	g->weight = mem_alloc(g->weights, sizeof *g->weight, e);
	g->grad = g->learns_not ? NULL : mem_alloc(grads, sizeof *g->grad, e);
	g->buffer = mem_alloc(g->buffers, sizeof *g->buffer, e);
	return g->weight && (g->grad || g->learns_not) && g->buffer ? CVT_OK : CVT_SYSTEM;
}

float *param_data(const struct graph *g, size_t i)
{
	const struct param *p = &g->param[i];
	return (p->kind == PARAM_BUFFER ? g->buffer : g->weight) + p->offset;
}

float *param_grad(const struct graph *g, size_t i)
{
	const struct param *p = &g->param[i];
	return p->kind == PARAM_BUFFER || !g->grad ? NULL : g->grad + p->offset;
}

void graph_init_params(struct graph *g, uint64_t seed)
{
	for (size_t i = 0; i < g->nparams; i++)
		init_param(g, i, seed);
}

/* File element (a,b,kh,kw) lies at slab [kh][kw][b][a], for LAYOUT_CONV (a = outputs) as well as
 * for LAYOUT_TCONV (a = inputs): the first dimension of the file is the last of the slab. */
struct walk {
	size_t a_n, b_n, k_n;
};

static bool is_permuted(const struct param *p, struct walk *w)
{
	if (p->layout == LAYOUT_PLAIN || p->ndim < 2)
		return false;
	*w = (struct walk){p->dims[0], p->dims[1], p->items / (p->dims[0] * p->dims[1])};
	return true;
}

/* Where element i of the file lies in the slab. */
static size_t slab_place(const struct walk *w, size_t i)
{
	const size_t k = i % w->k_n, b = i / w->k_n % w->b_n, a = i / w->k_n / w->b_n;
	return (k * w->b_n + b) * w->a_n + a;
}

void param_import(const struct graph *g, size_t i, float *slab, const float *file)
{
	const struct param *p = &g->param[i];
	struct walk w;
	if (!is_permuted(p, &w))
		memcpy(slab, file, p->items * sizeof *slab);
	else
		for (size_t k = 0; k < p->items; k++)
			slab[slab_place(&w, k)] = file[k];
}

void param_export(const struct graph *g, size_t i, const float *slab, float *file)
{
	const struct param *p = &g->param[i];
	struct walk w;
	if (!is_permuted(p, &w))
		memcpy(file, slab, p->items * sizeof *file);
	else
		for (size_t k = 0; k < p->items; k++)
			file[k] = slab[slab_place(&w, k)];
}
