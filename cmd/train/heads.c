/*
 * heads: layers for heads that the network has no stage for (see trainer.h). Each is a line of the
 * architecture's text, `head.FIELD: linear K` on the embedding, so that the model's own text carries
 * it, and cv-embed gives it like any stage. The network's output stays what it was.
 */
#include "../../libcore/method/tasks.h"
#include "trainer.h"

#include <stdlib.h>
#include <string.h>

/* The network as the text has it, to ask for its stages. */
struct trial {
	struct graph *graph;
	struct net net;
};

static int open_trial(struct trial *n, const struct trainer *t, struct cvt_err *e)
{
	size_t input[METHOD_INPUTS];
	const size_t inputs = arch_net_inputs(t->arch, NULL);
	TRY(graph_open(&n->graph, e));
	for (size_t i = 0; i < inputs; i++) {
		const char *name = arch_net_input(t->arch, NULL, i);
		const struct method_field *f = t->field;
		while (strcmp(f->name, name) != 0)
			f++;
		/* pictures come normalised */
		const enum dtype dtype = field_is_view(name, "image") ? DT_F4 : f->dtype;
		TRY(graph_input(n->graph, name, dtype, &f->row, &input[i], e));
	}
	const struct net_spec spec = {.input = input, .inputs = inputs};
	return net_build(&n->net, n->graph, t->arch, &spec, e);
}

static void close_trial(struct trial *n)
{
	net_free(&n->net);
	graph_close(n->graph);
}

/* What the network reads is there; else the method says what is missing. */
static bool can_try(const struct trainer *t)
{
	const size_t inputs = arch_net_inputs(t->arch, NULL);
	bool all = arch_has_main(t->arch) && inputs <= METHOD_INPUTS;
	for (size_t i = 0; i < inputs && all; i++) {
		const struct head_field *f = head_field(&t->head, arch_net_input(t->arch, NULL, i));
		all = f && !(f->flags & FIELD_WHOLE);
	}
	return all;
}

static bool has_stage(const struct net *n, const char *prefix, const char *name)
{
	char path[FIELD_NAME + 8];
	(void)snprintf(path, sizeof path, "%s%s", prefix, name);
	for (size_t i = 0; i < n->nstages; i++)
		if (strcmp(n->stage[i].path, path) == 0)
			return true;
	return false;
}

/* What @ calls a node: a stage, or what comes in. */
static const char *path_of(const struct trial *n, size_t node)
{
	for (size_t i = 0; i < n->net.nstages; i++)
		if (n->net.stage[i].node == node)
			return n->net.stage[i].path;
	return n->graph->node[node].path;
}

/* A head without a stage: of a class or a vector a row, and not the first one where the network has
 * a head of its own, which is no other field's. */
static bool wants_layer(
	const struct trainer *t, const struct method_head *h, bool first, const struct net *n)
{
	const struct head_field *f = head_field(&t->head, h->field);
	const bool bare = n->output == n->embedding && has_stage(n, "", "embedding");
	if (h->stage[0] || has_stage(n, "", h->field) || has_stage(n, "head.", h->field))
		return false;
	const bool others = tasks_output_field(&t->facts, n) != NULL;
	return f->ndim <= (f->dtype == DT_F4) && (!first || bare || others);
}

static int count_outputs(
	const struct trainer *t, const struct method_head *h, size_t *outputs, struct cvt_err *e)
{
	const struct head_field *f = head_field(&t->head, h->field);
	const struct head_classes *c = head_classes(&t->head, h->field);
	*outputs = f->ndim ? f->dims[0] : 1;
	if (f->dtype == DT_F4 || nn_find(h->loss)->learns != LOSS_CLASSES)
		return CVT_OK;
	*outputs = h == t->facts.head && t->facts.classes ? t->facts.classes : c ? c->n : 0;
	return *outputs ? CVT_OK
			: cvt_fail(e, CVT_USAGE,
				"--head %s: the input does not say how many classes '%s' has; "
				"give the network a stage of that name",
				h->field, h->field);
}

static int append_heads(
	struct trainer *t, const struct trial *n, struct str *text, bool *any, struct cvt_err *e)
{
	const size_t from = n->net.embedding;
	const bool flat = n->graph->node[from].row.ndim == 1;
	for (size_t i = 0; i < t->facts.nheads; i++) {
		const struct method_head *h = &t->facts.head[i];
		size_t outputs;
		if (!wants_layer(t, h, i == 0, &n->net))
			continue;
		TRY(count_outputs(t, h, &outputs, e));
		TRY(str_printf(text, e, "\n@%s |%s head.%s: linear %zu", path_of(n, from),
			flat ? "" : " flatten |", h->field, outputs));
		t->head_added[i] = *any = true;
	}
	return *any ? str_printf(text, e, "\n@%s\n", path_of(n, n->net.output)) : CVT_OK;
}

static int replace_text(struct trainer *t, const struct str *text, struct cvt_err *e)
{
	struct arch *with;
	TRY(arch_parse(&with, arch_source(t->arch), text->p, e));
	arch_free(t->arch);
	t->arch = with;
	return CVT_OK;
}

int trainer_add_heads(struct trainer *t, struct cvt_err *e)
{
	struct trial n = {0};
	struct str text = {0};
	bool any = false;
	if (!t->method->heads || t->facts.nheads == 0 || !can_try(t))
		return CVT_OK;
	int code = open_trial(&n, t, e);
	if (code == CVT_OK)
		code = arch_export(t->arch, &text, e);
	if (code == CVT_OK)
		code = append_heads(t, &n, &text, &any, e);
	if (code == CVT_OK && any && arch_nets(t->arch))
		code = cvt_fail(e, CVT_USAGE,
			"--head: the text has several networks; write the layer there and say "
			"--head FIELD:LOSS@STAGE");
	close_trial(&n);
	if (code == CVT_OK && any)
		code = replace_text(t, &text, e);
	free(text.p);
	return code;
}

size_t trainer_old_params(const struct trainer *t, size_t first, size_t end)
{
	const struct graph *g = t->learner->graph;
	char prefix[FIELD_NAME + 8];
	for (bool added = true; added && end > first;) {
		added = false;
		for (size_t i = 0; i < t->facts.nheads && !added; i++) {
			(void)snprintf(prefix, sizeof prefix, "head.%s", t->facts.head[i].field);
			added = t->head_added[i] && name_has_prefix(g->param[end - 1].name, prefix);
		}
		end -= added;
	}
	return end;
}
