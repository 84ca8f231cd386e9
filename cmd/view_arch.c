/* view_arch: architecture texts, and what they come to (see view_arch.h). */
#include "view_arch.h"

#include "../libcore/net.h"

#include <stdlib.h>
#include <string.h>

enum { USUAL_CLASSES = 10 }; /* when neither text nor options say */

int view_arch_list(struct output *out, struct cvt_err *e)
{
	struct str text = {0};
	char help[200];
	int code = CVT_OK;
	for (const struct arch_zoo *z = arch_zoo; z->name && code == CVT_OK; z++)
		code = str_printf(
			&text, e, "%s\t%s\n", z->name, arch_zoo_help(z, help, sizeof help));
	if (code == CVT_OK)
		code = view_flush(&text, out, e);
	free(text.p);
	return code;
}

/* ---- summary -----------------------------------------------------------------------------------
 */

static size_t parameters(const struct graph *g, const struct node *n)
{
	size_t items = 0;
	for (size_t k = 0; k < n->nparam; k++)
		if (g->param[n->param[k]].kind != PARAM_BUFFER)
			items += g->param[n->param[k]].items;
	return items;
}

static int put_nodes(
	struct str *text, const struct graph *g, size_t first, const char *net, struct cvt_err *e)
{
	size_t all = 0;
	char shape[100];
	if (net)
		TRY(str_printf(text, e, "net %s\n", net));
	for (size_t i = first; i < g->n; i++) {
		const struct node *n = &g->node[i];
		const size_t items = parameters(g, n);
		all += items;
		TRY(str_printf(text, e, "%-32s %-10s %-16s %10zu %14.0f\n", n->path ? n->path : "-",
			n->op ? n->op->name : "input", shape_text(&n->row, shape, sizeof shape),
			items, net_flop(g, i, i + 1)));
	}
	return str_printf(text, e, "parameters %zu\nflop %.0f\n", all, net_flop(g, first, g->n));
}

static const struct arch_input *input_called(const struct arch *a, const char *field)
{
	for (size_t i = 0; i < arch_inputs(a); i++)
		if (strcmp(arch_input(a, i)->field, field) == 0)
			return arch_input(a, i);
	return NULL;
}

/* Builds one net of the text and says what it is; nets that read other nets are left to those who
 * know what to join. */
static int put_net(struct str *text, const struct arch *a, const char *name, struct cvt_err *e)
{
	struct graph *g = NULL;
	struct net net = {0};
	const size_t n = arch_net_inputs(a, name);
	size_t *input = mem_alloc(n, sizeof *input, e);
	int code = input ? graph_open(&g, e) : CVT_SYSTEM;
	for (size_t i = 0; i < n && code == CVT_OK; i++) {
		const struct arch_input *in = input_called(a, arch_net_input(a, name, i));
		if (!in) {
			code = str_printf(
				text, e, "net %s reads %s\n", name, arch_net_input(a, name, i));
			goto done;
		}
		code = graph_input(g, in->field, DT_F4, &in->row, &input[i], e);
	}
	const struct net_spec spec = {.net = name, .input = input, .inputs = n};
	const size_t first = code == CVT_OK ? g->n : 0;
	if (code == CVT_OK)
		code = net_build(&net, g, a, &spec, e);
	if (code == CVT_OK)
		code = put_nodes(text, g, first, name, e);
	net_free(&net);
done:
	graph_close(g);
	free(input);
	return code;
}

static int put_summary(struct str *text, struct arch *a, struct cvt_err *e)
{
	if (!strstr(arch_text(a), "let classes"))
		TRY(arch_let(a, "classes", USUAL_CLASSES, e));
	TRY(str_printf(text, e, "%-32s %-10s %-16s %10s %14s\n", "element", "layer", "output",
		"parameters", "flop"));
	if (arch_has_main(a))
		TRY(put_net(text, a, NULL, e));
	for (size_t i = 0; i < arch_nets(a); i++)
		TRY(put_net(text, a, arch_net(a, i), e));
	return CVT_OK;
}

/* ---- text --------------------------------------------------------------------------------------
 */

static int load(struct arch **a, const struct view_input *in, const struct view_options *o,
	struct cvt_err *e)
{
	if (o->arch)
		return arch_load(a, o->arch, e);
	const char *text = in && !in->source ? state_meta(&in->model, "cv.arch") : NULL;
	if (!text)
		return cvt_fail(e, CVT_USAGE, "%s: carries no architecture; name one with --arch",
			in ? in->name : "--summary");
	return arch_parse(a, in->name, text, e);
}

int view_arch(const struct view_input *in, const struct view_options *o, struct output *out,
	struct cvt_err *e)
{
	struct arch *a = NULL;
	struct str text = {0};
	int code = load(&a, in, o, e);
	if (code == CVT_OK)
		code = o->summary ? put_summary(&text, a, e) : str_puts(&text, arch_text(a), e);
	if (code == CVT_OK)
		code = view_flush(&text, out, e);
	arch_free(a);
	free(text.p);
	return code;
}
