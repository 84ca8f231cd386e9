/*
 * net_expand: the walk through the tree of an architecture text, which adds a node to the graph for
 * each layer. It carries the path of the element at hand; the rules for names of cv-arch(5) are in
 * set_path (1, 2), in inner_frame (3), in check_name and own_params (4). Recursion follows the
 * nesting of the text and of macro calls, at most ARCH_DEPTH; elements are counted.
 */
#include "net_build.h"

#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- paths ------------------------------------------------------------------------- */

static int put_path(struct net_builder *b, const char *path)
{
	b->path.n = 0;
	return str_puts(&b->path, path, b->e);
}

/* The name as written, with the number of the repetition for %: from 0, or from N for %N. */
static int put_name(struct net_builder *b, const char *name, size_t number)
{
	while (*name) {
		const size_t plain = strcspn(name, "%");
		TRY(str_add(&b->path, name, plain, b->e));
		name += plain;
		if (*name != '%')
			break;
		size_t from = 0;
		for (name++; *name >= '0' && *name <= '9'; name++)
			from = from < ARCH_ELEMENTS ? from * 10 + (size_t)(*name - '0') : from;
		TRY(str_printf(&b->path, b->e, "%zu", from + number));
	}
	return CVT_OK;
}

/* Where an element stands in its pipe. */
struct place {
	size_t position; /* of all elements */
	size_t number;   /* of the repetitions of one element */
};

/* The enclosing elements' names, and its own: written, or its position. */
static int set_path(struct net_builder *b, const struct net_frame *f, const struct arch_element *el,
	const struct place *at)
{
	b->path.n = f->scope;
	if (f->scope)
		TRY(str_puts(&b->path, ".", b->e));
	if (el->path)
		return put_name(b, el->path, at->number);
	return str_printf(&b->path, b->e, "%zu", at->position);
}

/* What stands inside an element: ( ), macro calls and what has a name add a level to the path. */
static struct net_frame inner_frame(
	const struct net_builder *b, const struct net_frame *f, bool adds_level)
{
	struct net_frame in = *f;
	in.depth++;
	in.scope = adds_level ? b->path.n : f->scope;
	in.braces = adds_level ? 0 : f->braces + 1;
	return in;
}

/* ---- nodes ------------------------------------------------------------------------- */

/* Two elements of one build must not share a parameter, unless =PATH says so; nor must a parameter take
 * a name that means something else in a model file. */
static int own_params(struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, const struct node *n)
{
	const size_t had = b->owned_capacity;
	void *p = b->owned;
	TRY(mem_grow(&p, &b->owned_capacity, b->graph->nparams, sizeof *b->owned, b->e));
	b->owned = p;
	if (b->owned_capacity > had)
		memset(b->owned + had, 0, (b->owned_capacity - had) * sizeof *b->owned);
	for (size_t i = 0; i < n->nparam; i++) {
		const char *name = b->graph->param[n->param[i]].name;
		bool *owned = &b->owned[n->param[i]];
		if (model_reserves(name))
			return arch_fail(b->arch, el->start, b->e,
				"'%s': model files keep names that begin so for themselves "
				"(cv-model(5)); call the element otherwise",
				name);
		if (*owned && !f->again)
			return arch_fail(b->arch, el->start, b->e,
				"'%s' is the parameter of another element already; give this one a "
				"name of its own, or write =PATH to share",
				name);
		*owned = true;
	}
	return CVT_OK;
}

/* Where the text asked for what failed; and for which element, if that has a name (macros). */
static void place_failure(const struct net_builder *b, const struct arch_element *el)
{
	if (b->path.p[strspn(b->path.p, "0123456789")])
		cvt_fail_at(b->e, "%s", b->path.p);
	cvt_fail_at(b->e, "%s:%u:%u", b->arch->source, el->pos.line, el->pos.col);
}

static int add_node(struct net_builder *b, const struct net_frame *f, const struct arch_element *el,
	const struct nn_op *op, const size_t *in, size_t nin, size_t *value)
{
	struct nn_value args[NN_ARGS];
	size_t nargs;
	for (size_t i = 0; i < nin; i++)
		if (b->graph && in[i] == GRAPH_NONE)
			return arch_fail(b->arch, el->pos, b->e,
				"nothing comes in here; begin with @FIELD or param");
	TRY(net_layer_args(b, f, el, op, args, &nargs));
	if (!b->graph)
		return CVT_OK;
	struct str path = {0};
	int code = str_printf(&path, b->e, "%s%s", b->prefix.p, b->path.p);
	if (code == CVT_OK) {
		code = graph_add(b->graph, op, path.p, in, nin, args, nargs, value, b->e);
		if (code != CVT_OK)
			place_failure(b, el);
	}
	free(path.p);
	TRY(code);
	if (op->inputs == 0 && b->spec->inputs) /* a param: every row gets it, of every view, too */
		b->graph->node[*value].mult = b->graph->node[b->spec->input[0]].mult;
	return own_params(b, f, el, &b->graph->node[*value]);
}

/* ---- atoms ------------------------------------------------------------------------- */

/* A headless network ends here: whatever stands after is not built. */
static void stop_here(struct net_builder *b, size_t value)
{
	b->stopped = true;
	b->embedding = value;
}

/* Braces: every branch begins with *value; their ends, and *value itself for { one branch }, meet
 * in the operator. */
static int join(struct net_builder *b, const struct net_frame *f, const struct arch_element *el,
	const struct nn_op *op, size_t *value)
{
	const bool plus_input = el->kind == ARCH_SUM && el->branches == 1;
	const struct net_frame inner = inner_frame(b, f, el->path != NULL);
	size_t *in = mem_alloc(el->branches + 1, sizeof *in, b->e), nin = 0;
	char *own = mem_strdup(b->path.p, b->e);
	int code = in && own ? CVT_OK : CVT_SYSTEM;
	for (const struct arch_pipe *p = el->branch; p && code == CVT_OK && !b->stopped;
		p = p->next) {
		in[nin] = *value;
		code = net_expand(b, &inner, p, &in[nin++]);
	}
	if (code == CVT_OK && !b->stopped) {
		if (plus_input)
			in[nin++] = *value;
		code = put_path(b, own);
		if (code == CVT_OK)
			code = add_node(b, f, el, op, in, nin, value);
	}
	free(in);
	free(own);
	return code;
}

static const struct nn_op *find_layer(const char *name)
{
	for (const struct nn_op *const *op = nn_ops; *op; op++)
		if (strcmp((*op)->name, name) == 0)
			return *op;
	return NULL;
}

static int unknown_word(const struct net_builder *b, const struct arch_element *el)
{
	size_t n = 0, ops = 0;
	while (nn_ops[ops])
		ops++;
	const char **word = mem_alloc(b->arch->macros + ops, sizeof *word, b->e);
	if (!word)
		return CVT_SYSTEM;
	for (size_t i = 0; i < b->arch->macros; i++)
		word[n++] = b->arch->macro[i].name;
	for (size_t i = 0; i < ops; i++)
		word[n++] = nn_ops[i]->name;
	const size_t near = mem_nearest(el->word, word, n);
	char shown[ARCH_WORD];
	arch_word(shown, el->word, strlen(el->word));
	const int code =
		near < n ? arch_fail(b->arch, el->pos, b->e,
			"there is no layer or macro '%s'; did you mean '%s'?", shown, word[near])
			 : arch_fail(
				 b->arch, el->pos, b->e, "there is no layer or macro '%s'", shown);
	free(word);
	return code;
}

static int expand_layer(struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, const struct nn_op *op, size_t *value)
{
	if (el->branches)
		return join(b, f, el, op, value);
	if (op->inputs > 1 || op->inputs < 0)
		return arch_fail(b->arch, el->pos, b->e, "%s joins branches; write %s { a , b }",
			el->word, el->word);
	if (strcmp(op->name, "linear") == 0) {
		if (++b->linears == b->last_linear) {
			stop_here(b, *value);
			return CVT_OK;
		}
		b->linear_input = *value;
	}
	return add_node(b, f, el, op, value, (size_t)op->inputs, value);
}

static int new_env(struct net_builder *b, const struct net_frame *f, const struct arch_macro *m,
	struct net_env **env)
{
	*env = mem_alloc(1, sizeof **env, b->e);
	if (!*env)
		return CVT_SYSTEM;
	(*env)->next = b->envs;
	b->envs = *env;
	(*env)->macro = m;
	(*env)->caller = f->env;
	(*env)->value = mem_alloc(m->params, sizeof *(*env)->value, b->e);
	return (*env)->value ? CVT_OK : CVT_SYSTEM;
}

static int expand_macro(struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, const struct arch_macro *m, size_t *value)
{
	for (const struct net_env *c = f->env; c; c = c->caller)
		if (c->macro == m)
			return arch_fail(
				b->arch, el->pos, b->e, "the macro '%s' calls itself", m->name);
	if (el->branches)
		return arch_fail(b->arch, el->pos, b->e, "the macro '%s' takes no braces", m->name);
	struct net_env *env;
	TRY(new_env(b, f, m, &env));
	TRY(net_macro_args(b, f, el, env));
	struct net_frame inner = inner_frame(b, f, true);
	inner.env = env;
	return net_expand(b, &inner, &m->body, value);
}

static int expand_call(struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, size_t *value)
{
	const struct arch_macro *m = arch_macro(b->arch, el->word);
	if (m)
		return expand_macro(b, f, el, m, value);
	if (strcmp(el->word, "id") == 0) {
		if (el->arg || el->branches)
			return arch_fail(b->arch, el->pos, b->e, "id takes no arguments");
		return CVT_OK;
	}
	const struct nn_op *op = find_layer(el->word);
	return op ? expand_layer(b, f, el, op, value) : unknown_word(b, el);
}

static int expand_group(struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, size_t *value)
{
	const struct net_frame inner = inner_frame(b, f, true);
	return net_expand(b, &inner, el->branch, value);
}

static int expand_sum(struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, size_t *value)
{
	return join(b, f, el, find_layer("sum"), value);
}

static int expand_concat(struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, size_t *value)
{
	return join(b, f, el, find_layer("cat"), value);
}

/* @PATH: an earlier element, else a field. */
static int expand_at(struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, size_t *value)
{
	const struct net_element *found = net_names_outward(b, f, el->word);
	if (found) {
		*value = found->node;
		return CVT_OK;
	}
	for (size_t i = 0; i < b->spec->inputs; i++)
		if (strcmp(arch_net_input(b->arch, b->subnet->name, i), el->word) == 0) {
			*value = b->spec->input[i];
			return CVT_OK;
		}
	return net_names_unknown(b, el->pos, "@", el->word);
}

static int expand_atom(struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, size_t *value);

/* =PATH: that element once more, with its names, seeing what it saw then. */
static int expand_same(struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, size_t *value)
{
	const struct net_element *found = net_names_outward(b, f, el->word);
	if (!found)
		return net_names_unknown(b, el->pos, "=", el->word);
	const struct arch_element *again = found->element;
	const size_t now = b->n;
	struct net_frame frame = found->frame;
	frame.again = true;
	frame.depth = f->depth + 1;
	frame.hide = found->first;
	frame.unhide = now;
	TRY(put_path(b, found->path)); /* `found` dies with the next element */
	const int code = expand_atom(b, &frame, again, value);
	net_names_cut(b, now);
	return code;
}

static int expand_atom(struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, size_t *value)
{
	static int (*const expand[])(struct net_builder *, const struct net_frame *,
		const struct arch_element *, size_t *) = {
		[ARCH_CALL] = expand_call,
		[ARCH_GROUP] = expand_group,
		[ARCH_SUM] = expand_sum,
		[ARCH_CONCAT] = expand_concat,
		[ARCH_AT] = expand_at,
		[ARCH_SAME] = expand_same,
	};
	if (f->depth > ARCH_DEPTH)
		return arch_fail(b->arch, el->pos, b->e, "nested more than %d deep", ARCH_DEPTH);
	return expand[el->kind](b, f, el, value);
}

/* ---- elements ---------------------------------------------------------------------- */

static int check_name(
	const struct net_builder *b, const struct net_frame *f, const struct arch_element *el)
{
	const struct net_element *other = el->path ? net_names_find(b, f, b->path.p) : NULL;
	if (!other || other->rank > 0)
		return CVT_OK;
	char name[ARCH_WORD];
	return arch_fail(b->arch, el->start, b->e,
		"two elements are called '%s'; the other is at %u:%u",
		arch_word(name, b->path.p, strlen(b->path.p)), other->element->start.line,
		other->element->start.col);
}

/* The element is complete: from now on @ and = can find it. */
static int record(struct net_builder *b, const struct net_frame *f, const struct arch_element *el,
	char *path, size_t first, size_t value)
{
	const bool embedding = el->path && strcmp(path, "embedding") == 0;
	const struct net_element done = {.path = path,
		.element = el,
		.frame = *f,
		.node = value,
		.rank = el->path ? 0 : 1 + f->braces,
		.first = first};
	if (embedding) {
		b->named = true;
		b->embedding = value;
		b->stopped = b->graph && b->spec->headless;
	}
	return net_names_add(b, &done);
}

static int expand_element(struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, const struct place *at, size_t *value)
{
	if (++b->expanded > ARCH_ELEMENTS)
		return arch_fail(b->arch, el->start, b->e, "the network has more than %d elements",
			ARCH_ELEMENTS);
	TRY(set_path(b, f, el, at));
	TRY(check_name(b, f, el));
	const size_t first = b->n;
	char *own = mem_strdup(b->path.p, b->e);
	int code = own ? expand_atom(b, f, el, value) : CVT_SYSTEM;
	if (code == CVT_OK && !b->stopped)
		code = record(b, f, el, own, first, *value);
	if (code == CVT_OK)
		code = put_path(b, own);
	free(own);
	return code;
}

int net_expand(struct net_builder *b, const struct net_frame *f, const struct arch_pipe *pipe,
	size_t *value)
{
	struct place at = {0};
	for (const struct arch_element *el = pipe->first; el; el = el->next) {
		const struct arch_scope s = net_scope(b, f);
		size_t count = 1;
		if (el->count.text)
			TRY(arch_eval_count(&s, &el->count, 0, ARCH_ELEMENTS, &count, b->e));
		for (at.number = 0; at.number < count; at.number++, at.position++) {
			TRY(expand_element(b, f, el, &at, value));
			if (b->stopped)
				return CVT_OK;
		}
	}
	return CVT_OK;
}
