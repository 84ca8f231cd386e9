/* net: a network built from its text, and what can be asked of it (see net.h). */
#include "net_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the whole --------------------------------------------------------------------- */

static void close_builder(struct net_builder *b)
{
	net_names_close(b);
	for (struct net_env *env = b->envs, *next; env; env = next) {
		next = env->next;
		free(env->value);
		free(env);
	}
	free(b->path.p);
	free(b->prefix.p);
	free(b->owned);
}

static int open_builder(struct net_builder *b)
{
	TRY(net_names_open(b));
	b->embedding = b->linear_input = GRAPH_NONE;
	TRY(str_puts(&b->path, "", b->e));
	TRY(str_puts(&b->prefix, b->spec->prefix ? b->spec->prefix : "", b->e));
	if (b->subnet->name)
		TRY(str_printf(&b->prefix, b->e, "%s.", b->subnet->name));
	return CVT_OK;
}

/* Where a headless network without the stage `embedding` ends: before its last linear layer. Counts
 * without building. */
static int find_head(const struct net_builder *b, size_t *last_linear)
{
	static const struct net_frame root;
	struct net_builder count = {
		.arch = b->arch, .subnet = b->subnet, .spec = b->spec, .e = b->e};
	size_t value = GRAPH_NONE;
	int code = open_builder(&count);
	if (code == CVT_OK)
		code = net_expand(&count, &root, &b->subnet->pipe, &value);
	*last_linear = count.named ? 0 : count.linears;
	close_builder(&count);
	return code;
}

static int build(struct net_builder *b)
{
	static const struct net_frame root;
	size_t value = b->spec->inputs ? b->spec->input[0] : GRAPH_NONE;
	TRY(open_builder(b));
	if (b->spec->headless)
		TRY(find_head(b, &b->last_linear));
	TRY(net_expand(b, &root, &b->subnet->pipe, &value));
	if (b->stopped)
		value = b->embedding;
	if (b->embedding == GRAPH_NONE)
		b->embedding = b->linear_input == GRAPH_NONE ? value : b->linear_input;
	b->net->output = value;
	b->net->embedding = b->embedding;
	return net_names_publish(b);
}

/* What the user can do about pictures that a network was not written for. */
static const char *mend(const struct shape *want, const struct shape *have, char *text, size_t size)
{
	text[0] = '\0';
	if (want->ndim != 3 || have->ndim != 3)
		return text;
	const bool sizes = want->dims[0] != have->dims[0] || want->dims[1] != have->dims[1];
	if (sizes)
		(void)snprintf(
			text, size, "; cv-augment resize=%zu,%zu", want->dims[0], want->dims[1]);
	else
		(void)snprintf(text, size, "; cv-read --channels %zu", want->dims[2]);
	return text;
}

static int check_inputs(
	const struct graph *g, const struct arch *a, const struct net_spec *s, struct cvt_err *e)
{
	const size_t n = arch_net_inputs(a, s->net);
	if (s->inputs != n)
		return cvt_fail(
			e, CVT_USAGE, "%s: takes %zu inputs, not %zu", a->source, n, s->inputs);
	for (size_t i = 0; i < n; i++) {
		const struct arch_field *f = arch_field(a, arch_net_input(a, s->net, i));
		const struct shape *have = &g->node[s->input[i]].row;
		char is[100], wanted[100], help[120];
		if (f && !shape_same(&f->input.row, have))
			return cvt_fail(e, CVT_INPUT, "%s: '%s' is %s, but the network takes %s%s",
				a->source, f->input.field, shape_text(have, is, sizeof is),
				shape_text(&f->input.row, wanted, sizeof wanted),
				mend(&f->input.row, have, help, sizeof help));
	}
	return CVT_OK;
}

/* The program set another input than the text was written for, and then a layer found no room. */
static void add_hint(const struct arch *a, struct cvt_err *e)
{
	for (size_t i = 0; i < a->inputs && e; i++) {
		const struct arch_field *f = &a->input[i];
		char text[100], help[120];
		const size_t n = strlen(e->text);
		if (f->given && !shape_same(&f->written, &f->input.row)) {
			e->code = CVT_INPUT;
			(void)snprintf(e->text + n, sizeof e->text - n,
				" (the network was written for '%s' of %s)%s", f->input.field,
				shape_text(&f->written, text, sizeof text),
				mend(&f->written, &f->input.row, help, sizeof help));
			return;
		}
	}
}

static int unknown_subnet(const struct arch *a, const char *name, struct cvt_err *e)
{
	const size_t n = arch_nets(a);
	const char **word = mem_alloc(n, sizeof *word, e);
	if (!word)
		return CVT_SYSTEM;
	for (size_t i = 0; i < n; i++)
		word[i] = arch_net(a, i);
	const size_t near = mem_nearest(name, word, n);
	const int code = near < n
				 ? cvt_fail(e, CVT_USAGE, "%s: has no 'net %s'; did you mean '%s'?",
					 a->source, name, word[near])
				 : cvt_fail(e, CVT_USAGE, "%s: has no 'net %s'", a->source, name);
	free(word);
	return code;
}

static int find_subnet(
	const struct arch *a, const char *name, const struct arch_subnet **to, struct cvt_err *e)
{
	const size_t n = arch_nets(a);
	*to = arch_subnet(a, name);
	if (!*to)
		return unknown_subnet(a, name ? name : "", e);
	if (!(*to)->pipe.first && !name && n)
		return cvt_fail(e, CVT_USAGE,
			"%s: has no nameless network; the first of its %zu is '%s'", a->source, n,
			arch_net(a, 0));
	if (!(*to)->pipe.first)
		return cvt_fail(e, CVT_USAGE, "%s: %s%s has no layers", a->source,
			name ? "net " : "the network", name ? name : "");
	return CVT_OK;
}

int net_build(struct net *n, struct graph *g, const struct arch *a, const struct net_spec *s,
	struct cvt_err *e)
{
	const struct arch_subnet *subnet;
	*n = (struct net){.first_param = g->nparams};
	TRY(find_subnet(a, s->net, &subnet, e));
	TRY(check_inputs(g, a, s, e));
	struct net_builder b = {
		.net = n, .graph = g, .arch = a, .subnet = subnet, .spec = s, .e = e};
	const int code = build(&b);
	close_builder(&b);
	n->end_param = g->nparams;
	if (code == CVT_OK) {
		g->nets += n->end_param > n->first_param;
		return CVT_OK;
	}
	net_free(n);
	if (code == CVT_INPUT)
		add_hint(a, e);
	return code;
}

void net_free(struct net *n)
{
	for (size_t i = 0; i < n->nstages; i++)
		free(n->stage[i].path);
	free(n->stage);
	*n = (struct net){0};
}

/* ---- asking ------------------------------------------------------------------------ */

static int unknown_stage(const struct net *n, const char *path, struct cvt_err *e)
{
	const char **word = mem_alloc(n->nstages + 2, sizeof *word, e);
	if (!word)
		return CVT_SYSTEM;
	for (size_t i = 0; i < n->nstages; i++)
		word[i] = n->stage[i].path;
	word[n->nstages] = "embedding";
	word[n->nstages + 1] = "output";
	const size_t near = mem_nearest(path, word, n->nstages + 2);
	char shown[ARCH_WORD];
	arch_word(shown, path, strlen(path));
	const int code = near < n->nstages + 2
				 ? cvt_fail(e, CVT_USAGE,
					 "the network has no stage '%s'; did you mean '%s'?", shown,
					 word[near])
				 : cvt_fail(e, CVT_USAGE, "the network has no stage '%s'", shown);
	free(word);
	return code;
}

int net_stage(const struct net *n, const char *path, size_t *node, struct cvt_err *e)
{
	for (size_t i = 0; i < n->nstages; i++)
		if (strcmp(n->stage[i].path, path) == 0) {
			*node = n->stage[i].node;
			return CVT_OK;
		}
	if (strcmp(path, "embedding") == 0)
		*node = n->embedding;
	else if (strcmp(path, "output") == 0)
		*node = n->output;
	else
		return unknown_stage(n, path, e);
	return CVT_OK;
}

/* A weight of two or more dimensions is used once at every place of the output (of the input, when
 * transposed); attention multiplies its tokens among themselves, besides: Q K' and A V. */
static double node_flop(const struct graph *g, const struct node *n)
{
	if (n->nin == 0 || g->node[n->in[0]].dtype != DT_F4)
		return 0; /* param; embed, which looks up */
	double adds = 0;
	for (size_t i = 0; i < n->nparam; i++) {
		const struct param *p = &g->param[n->param[i]];
		const struct shape *s =
			p->layout == LAYOUT_TCONV ? &g->node[n->in[0]].row : &n->row;
		const size_t channels = s->ndim ? s->dims[s->ndim - 1] : 1;
		const size_t places = shape_items(s) / channels;
		if (p->kind == PARAM_WEIGHT && p->ndim >= 2)
			adds += (double)p->items * (double)places;
	}
	if (strcmp(n->op->name, "attention") == 0 && n->row.ndim == 2)
		adds += 2.0 * (double)(n->row.dims[0] * n->row.dims[0] * n->row.dims[1]);
	return 2 * adds * (double)n->mult;
}

double net_flop(const struct graph *g, size_t first, size_t end)
{
	double flop = 0;
	for (size_t i = first; i < end; i++)
		flop += node_flop(g, &g->node[i]);
	return flop;
}

size_t net_head_param(const struct net *n, const struct graph *g)
{
	size_t first = n->end_param;
	for (size_t i = n->embedding + 1; i < g->n; i++)
		for (size_t k = 0; k < g->node[i].nparam; k++)
			if (g->node[i].param[k] < first && g->node[i].param[k] >= n->first_param)
				first = g->node[i].param[k];
	return first;
}
