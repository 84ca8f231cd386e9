/*
 * Every operator against PyTorch: values, gradients and running statistics of tests/golden/ops,
 * which make_ops.py wrote (the format is told there). An operator without a file fails. Runs from
 * the top folder, as tests/run.sh starts it.
 */
#include "../../libcore/loss/loss.h"
#include "../../libcore/nn/nn.h"
#include "../../libcore/simd.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "processors.h"

enum { ITEMS = 24, WORD = 200 };

static const double tolerance = 1e-5; /* of an array's largest number */

struct item {
	char name[WORD];
	enum dtype dtype;
	struct shape shape; /* the first dimension is rows */
	size_t n;
	float *f4;
	void *data; /* of the type */
};

struct golden {
	char args[WORD];
	bool train;
	size_t n;
	struct item item[ITEMS];
};

static void die(const char *what)
{
	printf("not ok %s\n", what);
	exit(1);
}

/* ---- reading ----------------------------------------------------------------------- */

static void read_shape(const char *text, struct shape *s)
{
	char *end;
	for (*s = (struct shape){0}; *text; text = *end ? end + 1 : end)
		s->dims[s->ndim++] = strtoul(text, &end, 10);
}

static void read_numbers(struct item *it, FILE *f)
{
	char word[WORD];
	it->n = shape_items(&it->shape);
	it->f4 = mem_alloc(it->n, sizeof *it->f4, NULL);
	it->data = mem_alloc(it->n, dtype_size(it->dtype), NULL);
	for (size_t i = 0; i < it->n; i++) {
		if (fscanf(f, "%199s", word) != 1)
			die("a golden file ends early");
		it->f4[i] = strtof(word, NULL);
		if (it->dtype == DT_I4)
			((int32_t *)it->data)[i] = (int32_t)strtol(word, NULL, 10);
		else if (it->dtype == DT_U1)
			((uint8_t *)it->data)[i] = (uint8_t)strtol(word, NULL, 10);
		else
			((float *)it->data)[i] = it->f4[i];
	}
}

static bool read_case(struct golden *g, FILE *f)
{
	char kind[WORD], dims[WORD];
	*g = (struct golden){0};
	if (fscanf(f, " case %199[^\n] train %199s", g->args, kind) != 2)
		return false;
	g->train = strcmp(kind, "1") == 0;
	for (;; g->n++) {
		struct item *it = &g->item[g->n];
		if (g->n == ITEMS || fscanf(f, "%199s", it->name) != 1)
			die("a golden case does not end");
		if (strcmp(it->name, "end") == 0)
			return true;
		if (fscanf(f, "%199s %199s", kind, dims) != 2)
			die("a golden item has no shape");
		it->dtype = strcmp(kind, "i4") == 0   ? DT_I4
			    : strcmp(kind, "u1") == 0 ? DT_U1
						      : DT_F4;
		read_shape(dims, &it->shape);
		read_numbers(it, f);
	}
}

static void free_case(struct golden *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free(g->item[i].f4);
		free(g->item[i].data);
	}
}

static const struct item *find(const struct golden *g, const char *prefix, const char *name)
{
	char whole[2 * WORD];
	(void)snprintf(whole, sizeof whole, "%s%s", prefix, name);
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->item[i].name, whole) == 0)
			return &g->item[i];
	return NULL;
}

/* ---- building ---------------------------------------------------------------------- */

/* The loss of an operator whose gradient comes from the file: sum of dy y. */
static const float *given_dy;

static int given_shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	(void)g;
	(void)e;
	n->row = (struct shape){0};
	n->mult = 0;
	return CVT_OK;
}

static void given_forward(const struct nn_io *io)
{
	io->y[0] = 0;
}

static void given_backward(const struct nn_io *io)
{
	const size_t n = nn_input_rows(io, 0) * nn_row_items(io, 0);
	for (size_t i = 0; i < n; i++)
		io->dx[0][i] = given_dy[i];
}

static const struct nn_op given = {
	.name = "given",
	.inputs = 1,
	.shape = given_shape,
	.forward = given_forward,
	.backward = given_backward,
};

struct trial {
	struct graph *graph;
	struct plan *plan;
	size_t in[4], nin, op, loss, rows;
};

static size_t read_args(const struct nn_op *op, char *text, struct nn_value args[NN_ARGS])
{
	size_t positional = 0;
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		char *value = strchr(word, '='), *end;
		size_t i = positional;
		if (value) {
			*value++ = '\0';
			for (i = 0; op->arg[i].name && strcmp(op->arg[i].name, word) != 0; i++)
				;
		} else {
			positional++;
			value = word;
		}
		args[i] = (struct nn_value){.given = true, .word = value};
		args[i].a = args[i].b = strtod(value, &end);
		if (*end == 'x')
			args[i].b = strtod(end + 1, NULL);
	}
	return positional;
}

static void add_inputs(struct trial *t, const struct golden *g, struct cvt_err *e)
{
	char name[] = "0";
	const struct item *it;
	t->rows = find(g, "", "dy")->shape.dims[0];
	for (; (it = find(g, "in", name)); name[0]++) {
		struct shape row = {it->shape.ndim - 1, {0}};
		memcpy(row.dims, it->shape.dims + 1, (size_t)row.ndim * sizeof *row.dims);
		t->rows = it->shape.dims[0];
		if (graph_input(t->graph, "in", it->dtype, &row, &t->in[t->nin++], e))
			die(e->text);
	}
}

/* A parameter's name as the file has it: without the path "op", or "value" if that is all. */
static const char *leaf(const struct param *p)
{
	return p->name[2] == '.' ? p->name + 3 : "value";
}

static void load_parameters(struct trial *t, const struct golden *g)
{
	for (size_t i = 0; i < t->graph->nparams; i++) {
		const struct item *it = find(g, "", leaf(&t->graph->param[i]));
		if (!it || it->n != t->graph->param[i].items)
			die(t->graph->param[i].name);
		param_import(t->graph, i, param_data(t->graph, i), it->f4);
	}
}

static void build(struct trial *t, const struct nn_op *op, struct golden *g)
{
	struct cvt_err e = {0};
	struct nn_value args[NN_ARGS] = {{0}};
	*t = (struct trial){0};
	if (graph_open(&t->graph, &e))
		die(e.text);
	add_inputs(t, g, &e);
	const size_t nargs = strcmp(g->args, "-") == 0 ? 0 : read_args(op, g->args, args);
	if (graph_add(t->graph, op, "op", t->in, t->nin, args, nargs, &t->op, &e))
		die(e.text);
	t->loss = t->op;
	if (t->graph->node[t->op].mult
		&& graph_add(t->graph, &given, "given", &t->op, 1, NULL, 0, &t->loss, &e))
		die(e.text);
	if (graph_finish(t->graph, &e))
		die(e.text);
	load_parameters(t, g);
}

static void plan(struct trial *t, const struct golden *g)
{
	struct cvt_err e = {0};
	char name[] = "0";
	size_t want[4], n = 0;
	for (size_t k = 0; k < t->nin; k++, name[0]++)
		if (find(g, "dx", name))
			want[n++] = t->in[k];
	const struct plan_spec spec = {.rows = t->rows,
		.threads = 1,
		.keep = &t->op,
		.nkeep = 1,
		.loss = t->loss,
		.keep_grad = want,
		.nkeep_grad = n};
	if (plan_create(&t->plan, t->graph, &spec, &e))
		die(e.text);
	name[0] = '0';
	for (size_t k = 0; k < t->nin; k++, name[0]++)
		plan_bind(t->plan, t->in[k], find(g, "in", name)->data);
}

/* ---- comparing --------------------------------------------------------------------- */

static bool close_to(const struct item *want, const float *have, const char *op, const char *args)
{
	double top = 1e-2, worst = 0;
	for (size_t i = 0; i < want->n; i++)
		top = fmax(top, fabs((double)want->f4[i]));
	for (size_t i = 0; i < want->n; i++) {
		const double d = fabs((double)want->f4[i] - (double)have[i]);
		worst = d <= worst ? worst : d;
	}
	if (worst <= tolerance * top)
		return true;
	printf("# %s %s: %s differs by %.3g of %.3g\n", op, args, want->name, worst, top);
	return false;
}

static bool check_parameters(struct trial *t, const struct golden *g, const struct nn_op *op)
{
	bool good = true;
	for (size_t i = 0; i < t->graph->nparams; i++) {
		const struct param *p = &t->graph->param[i];
		const bool buffer = p->kind == PARAM_BUFFER;
		const struct item *want = find(g, buffer ? "after." : "d.", leaf(p));
		float *have = mem_alloc(p->items, sizeof *have, NULL);
		param_export(t->graph, i,
			buffer ? param_data(t->graph, i) : param_grad(t->graph, i), have);
		good &= want && close_to(want, have, op->name, g->args);
		free(have);
	}
	return good;
}

static bool check_case(const struct nn_op *op, struct golden *g)
{
	struct trial t;
	char args[WORD], name[] = "0";
	memcpy(args, g->args, sizeof args);
	build(&t, op, g);
	memcpy(g->args, args, sizeof args);
	plan(&t, g);
	given_dy = find(g, "", "dy")->f4;
	const struct run run = {.train = g->train, .seed = 1, .step = 1};
	plan_forward(t.plan, &run, t.rows);
	bool good = close_to(find(g, "", "y"), plan_value(t.plan, t.op), op->name, g->args);
	plan_backward(t.plan, &run, t.rows);
	for (size_t k = 0; k < t.nin; k++, name[0]++) {
		const struct item *want = find(g, "dx", name);
		good &= !want || close_to(want, plan_grad(t.plan, t.in[k]), op->name, g->args);
	}
	good &= check_parameters(&t, g, op);
	plan_free(t.plan);
	graph_close(t.graph);
	return good;
}

static bool check_op(const struct nn_op *op)
{
	char path[WORD];
	struct golden g;
	size_t n = 0;
	bool good = true;
	(void)snprintf(path, sizeof path, "tests/golden/ops/%s.txt", op->name);
	FILE *f = fopen(path, "r");
	for (; f && read_case(&g, f); n++) {
		good &= check_case(op, &g);
		free_case(&g);
	}
	if (f)
		(void)fclose(f);
	printf("%s %s is PyTorch's, %zu cases\n", good && n ? "ok" : "not ok", op->name, n);
	return good && n;
}

static int failures;

static void check_all(void)
{
	printf("on %s\n", simd()->name);
	for (size_t i = 0; nn_ops[i]; i++)
		failures += !check_op(nn_ops[i]);
	for (size_t i = 0; loss_ops[i]; i++)
		failures += !check_op(loss_ops[i]);
}

int main(void)
{
	return on_processors(check_all, &failures);
}
