/*
 * view_summary: an architecture built for nothing but to look at it: shapes, parameters and
 * multiply-adds come from the graph, bytes from the plan that a run would have. Nothing is run, so
 * no network is too large to look at.
 */
#include "summary.h"

#include "../embed/text.h"

#include <stdlib.h>
#include <string.h>

enum { USUAL_CLASSES = 10 };

/* One net of the text, built. */
struct subject {
	struct graph *graph;
	struct net net;
	size_t first; /* node behind the inputs */
	size_t *input, inputs;
};

static void close_subject(struct subject *s)
{
	net_free(&s->net);
	graph_close(s->graph);
	free(s->input);
}

static const struct arch_input *find_input(const struct arch *a, const char *field)
{
	for (size_t i = 0; i < arch_inputs(a); i++)
		if (strcmp(arch_input(a, i)->field, field) == 0)
			return arch_input(a, i);
	return NULL;
}

/* The first field of a net that has no `input` line: its shape is another net's affair. */
static const char *unknown_field(const struct arch *a, const char *net)
{
	for (size_t i = 0; i < arch_net_inputs(a, net); i++)
		if (!find_input(a, arch_net_input(a, net, i)))
			return arch_net_input(a, net, i);
	return NULL;
}

static int open_subject(struct subject *s, const struct arch *a, const char *net, struct cvt_err *e)
{
	s->inputs = arch_net_inputs(a, net);
	s->input = mem_alloc(s->inputs, sizeof *s->input, e);
	if (!s->input)
		return CVT_SYSTEM;
	TRY(graph_open(&s->graph, e));
	for (size_t i = 0; i < s->inputs; i++) {
		const struct arch_input *in = find_input(a, arch_net_input(a, net, i));
		const bool picture = field_is_view(in->field, "image"); /* normalised */
		TRY(graph_input(s->graph, in->field,
			picture ? DT_F4 : field_dtype(in->field, in->row.ndim), &in->row,
			&s->input[i], e));
	}
	s->first = s->graph->n;
	const struct net_spec spec = {.net = net, .input = s->input, .inputs = s->inputs};
	return net_build(&s->net, s->graph, a, &spec, e);
}

/* ---- the table --------------------------------------------------------------------- */

struct widths {
	int path, op, shape;
};

static void widen(int *width, const char *text)
{
	const size_t n = strlen(text);
	if (n < 60 && (int)n > *width)
		*width = (int)n;
}

static struct widths measure(const struct graph *g)
{
	struct widths w = {7, 5, 6}; /* of the titles */
	char shape[100];
	for (size_t i = 0; i < g->n; i++) {
		widen(&w.path, g->node[i].path);
		widen(&w.op, g->node[i].op->name);
		widen(&w.shape, shape_text(&g->node[i].row, shape, sizeof shape));
	}
	return w;
}

/* Items of a node's parameters, or buffers; each once, where it appears first. */
static size_t count_items(const struct graph *g, const struct node *n, bool buffers, bool *seen)
{
	size_t items = 0;
	for (size_t i = 0; i < n->nparam; i++) {
		const struct param *p = &g->param[n->param[i]];
		if ((p->kind == PARAM_BUFFER) != buffers || seen[n->param[i]])
			continue;
		seen[n->param[i]] = true;
		items += p->items;
	}
	return items;
}

static int put_node(struct str *text, const struct graph *g, size_t i, const struct widths *w,
	bool *seen, struct cvt_err *e)
{
	const struct node *n = &g->node[i];
	char shape[100];
	const bool input = n->op->inputs == 0 && n->nparam == 0;
	shape_text(&n->row, shape, sizeof shape);
	TRY(str_printf(text, e, "%-*s  %-*s  %-*s", w->path, n->path, w->op, n->op->name,
		input ? 0 : w->shape, shape));
	if (input)
		return str_puts(text, "\n", e);
	return str_printf(text, e, "  %10zu  %13.0f\n", count_items(g, n, false, seen),
		net_flop(g, i, i + 1) / 2);
}

static int put_table(struct str *text, const struct subject *s, struct cvt_err *e)
{
	const struct graph *g = s->graph;
	const struct widths w = measure(g);
	bool *seen = mem_alloc(g->nparams, sizeof *seen, e);
	int code = seen ? CVT_OK : CVT_SYSTEM;
	if (code == CVT_OK)
		code = str_printf(text, e, "%-*s  %-*s  %-*s  %10s  %13s\n", w.path, "element",
			w.op, "layer", w.shape, "output", "parameters", "multiply-adds");
	for (size_t i = 0; i < g->n && code == CVT_OK; i++)
		code = put_node(text, g, i, &w, seen, e);
	free(seen);
	return code;
}

/* ---- totals ------------------------------------------------------------------------ */

/* Bytes of a run on that many rows, and of a training step, whose loss is any that one can have. */
static int measure_memory(
	struct subject *s, size_t rows, size_t *run, size_t *train, struct cvt_err *e)
{
	struct graph *g = s->graph;
	struct plan_spec spec = {
		.rows = rows, .threads = 1, .keep = &s->net.output, .nkeep = 1, .fixed = true};
	size_t pair[2] = {s->net.output, 0}, loss;
	spec.loss = GRAPH_NONE;
	TRY(plan_measure(g, &spec, run, e));
	const struct shape row = g->node[s->net.output].row;
	TRY(graph_input(g, "target", DT_F4, &row, &pair[1], e));
	g->node[pair[1]].mult = g->node[s->net.output].mult;
	TRY(graph_op(g, "mse", "loss", pair, 2, &loss, e, GRAPH_END));
	spec.loss = loss;
	spec.fixed = false;
	return plan_measure(g, &spec, train, e);
}

/* Numbers that the layers which multiply give, as fvcore and timm count activations. */
static size_t count_activations(const struct graph *g)
{
	size_t items = 0;
	for (size_t i = 0; i < g->n; i++)
		if (net_flop(g, i, i + 1) > 0)
			items += g->node[i].mult * shape_items(&g->node[i].row);
	return items;
}

/* Operations on the way to the output: without heads beside it, such as GoogLeNet's auxiliary ones,
 * which only training needs. */
static int output_flop(const struct subject *s, double *flop, struct cvt_err *e)
{
	const struct graph *g = s->graph;
	bool *needed = mem_alloc(g->n, sizeof *needed, e);
	if (!needed)
		return CVT_SYSTEM;
	*flop = 0;
	needed[s->net.output] = true;
	for (size_t i = s->net.output + 1; i-- > 0;) {
		if (!needed[i])
			continue;
		*flop += net_flop(g, i, i + 1);
		for (size_t k = 0; k < g->node[i].nin; k++)
			needed[g->node[i].in[k]] = true;
	}
	free(needed);
	return CVT_OK;
}

static int put_totals(struct str *text, struct subject *s, size_t rows, struct cvt_err *e)
{
	const struct graph *g = s->graph;
	const double flop = net_flop(g, s->first, g->n);
	double direct = 0;
	char embedding[100], output[100];
	size_t weights = 0, buffers = 0, run = 0, train = 0;
	const size_t activations = count_activations(g);
	for (size_t i = 0; i < g->nparams; i++)
		*(g->param[i].kind == PARAM_BUFFER ? &buffers : &weights) += g->param[i].items;
	shape_text(&g->node[s->net.embedding].row, embedding, sizeof embedding);
	shape_text(&g->node[s->net.output].row, output, sizeof output);
	TRY(output_flop(s, &direct, e));
	TRY(measure_memory(s, rows, &run, &train, e));
	const size_t floats = sizeof(float) * weights;
	return str_printf(text, e,
		"embedding %s\noutput %s\nparameters %zu\nbuffers %zu\nmultiply-adds %.0f\n"
		"output_multiply-adds %.0f\nflop %.0f\nactivations %zu\nweights_bytes %zu\nrows "
		"%zu\nrun_bytes "
		"%zu\ntrain_bytes %zu\n",
		embedding, output, weights, buffers, flop / 2, direct / 2, flop, activations,
		floats + sizeof(float) * buffers, rows, run, train + floats);
}

static int put_net(
	struct str *text, const struct arch *a, const char *net, size_t rows, struct cvt_err *e)
{
	const char *unknown = unknown_field(a, net);
	struct subject s = {0};
	if (net)
		TRY(str_printf(text, e, "%snet %s\n", text->n ? "\n" : "", net));
	if (unknown)
		return str_printf(text, e, "reads '%s', which has no input line\n", unknown);
	int code = open_subject(&s, a, net, e);
	if (code == CVT_OK)
		code = put_table(text, &s, e);
	if (code == CVT_OK)
		code = put_totals(text, &s, rows, e);
	close_subject(&s);
	return code;
}

int view_summary(struct str *text, struct arch *a, const char *lets, size_t rows, struct cvt_err *e)
{
	if (!arch_lets(a, "classes"))
		TRY(arch_let(a, "classes", USUAL_CLASSES, e));
	TRY(text_lets(a, lets, true, e));
	if (arch_has_main(a) || arch_nets(a) == 0)
		TRY(put_net(text, a, NULL, rows, e));
	for (size_t i = 0; i < arch_nets(a); i++)
		TRY(put_net(text, a, arch_net(a, i), rows, e));
	return CVT_OK;
}
