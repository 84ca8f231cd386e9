/*
 * net_args: what is written behind a layer or macro, put where it belongs: by position first, by
 * KEY= otherwise, checked against the operator's own table (nn_op.arg) or the macro's parameters.
 */
#include "net_build.h"

#include <stdio.h>
#include <string.h>

struct arch_scope net_scope(const struct net_builder *b, const struct net_frame *f)
{
	struct arch_scope s = {.arch = b->arch, .lets = b->arch->lets};
	s.assume_classes = !b->graph;
	if (f->env) {
		s.macro = f->env->macro;
		s.value = f->env->value;
		s.values = f->env->values;
	}
	return s;
}

/* "stride pad bias" of the n names; for messages. */
static const char *list(char *to, size_t size, const char *const *name, size_t n)
{
	size_t at = 0;
	to[0] = '\0';
	for (size_t i = 0; i < n && at < size; i++) {
		const int k = snprintf(to + at, size - at, "%s%s", i ? " " : "", name[i]);
		at += k > 0 ? (size_t)k : 0;
	}
	return to;
}

static int unknown_key(const struct net_builder *b, const struct arch_element *el,
	const struct arch_arg *arg, const char *const *name, size_t n)
{
	char word[ARCH_WORD], all[200];
	const size_t near = mem_nearest(arg->key, name, n);
	arch_word(word, arg->key, strlen(arg->key));
	if (near < n)
		return arch_fail(b->arch, arg->pos, b->e,
			"%s has no argument '%s'; did you mean '%s'?", el->word, word, name[near]);
	if (n == 0)
		return arch_fail(b->arch, arg->pos, b->e, "%s takes no arguments", el->word);
	return arch_fail(b->arch, arg->pos, b->e, "%s has no argument '%s'; it has %s", el->word,
		word, list(all, sizeof all, name, n));
}

static int too_many(const struct net_builder *b, const struct arch_element *el,
	const struct arch_arg *arg, const char *const *name, size_t positional, size_t n)
{
	char by_place[200], by_name[200];
	list(by_place, sizeof by_place, name, positional);
	list(by_name, sizeof by_name, name + positional, n - positional);
	return arch_fail(b->arch, arg->pos, b->e, "%s takes %zu value%s%s%s%s%s%s", el->word,
		positional, positional == 1 ? "" : "s", positional ? ": " : "", by_place,
		n > positional ? "; by name: " : "", by_name, n > positional ? " (KEY=VALUE)" : "");
}

static int given_twice(const struct net_builder *b, const struct arch_element *el,
	const struct arch_arg *arg, const char *name)
{
	return arch_fail(b->arch, arg->pos, b->e, "%s: '%s' is given twice", el->word, name);
}

/* 1x7 where one number is wanted: the second one would go unread. */
static int one_number(const struct net_builder *b, const struct arch_element *el,
	const struct arch_arg *arg, const char *name, const struct nn_value *v)
{
	return arch_fail(b->arch, arg->value.pos, b->e, "%s: %s is one number, not %gx%g", el->word,
		name, v->a, v->b);
}

static size_t index_of(const char *key, const char *const *name, size_t n)
{
	size_t i = 0;
	while (i < n && strcmp(name[i], key) != 0)
		i++;
	return i;
}

/* ---- layers ------------------------------------------------------------------------ */

/* An operator's names: those that may go by position first, each with its place in the table. */
struct table {
	const struct nn_op *op;
	const char *name[NN_ARGS];
	size_t place[NN_ARGS], positional, n;
};

static void add_names(struct table *t, bool positional)
{
	for (size_t i = 0; i < NN_ARGS && t->op->arg[i].name; i++)
		if (t->op->arg[i].positional == positional) {
			t->name[t->n] = t->op->arg[i].name;
			t->place[t->n++] = i;
		}
}

static int read_argument(const struct net_builder *b, const struct net_frame *f,
	const struct arch_arg *arg, bool word, struct nn_value *to)
{
	if (word) {
		*to = (struct nn_value){.word = arg->value.text, .given = true};
		return CVT_OK;
	}
	const struct arch_scope s = net_scope(b, f);
	return arch_eval(&s, &arg->value, to, b->e);
}

/* Where the argument goes; k counts those that came by position. */
static int place_argument(const struct net_builder *b, const struct arch_element *el,
	const struct table *t, const struct arch_arg *arg, size_t *k, size_t *to)
{
	if (arg->key) {
		const size_t i = index_of(arg->key, t->name, t->n);
		if (i == t->n)
			return unknown_key(b, el, arg, t->name, t->n);
		*to = t->place[i];
		return CVT_OK;
	}
	const bool more = (t->op->flags & NN_VARIADIC) && *k < NN_ARGS;
	if (*k >= t->positional && !more)
		return too_many(b, el, arg, t->name, t->positional, t->n);
	*to = more ? *k : t->place[*k];
	++*k;
	return CVT_OK;
}

int net_layer_args(const struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, const struct nn_op *op, struct nn_value *args, size_t *nargs)
{
	struct table t = {.op = op};
	add_names(&t, true);
	t.positional = t.n;
	add_names(&t, false);
	memset(args, 0, NN_ARGS * sizeof *args);
	*nargs = 0;
	for (const struct arch_arg *arg = el->arg; arg; arg = arg->next) {
		size_t i = 0;
		TRY(place_argument(b, el, &t, arg, nargs, &i));
		const char *name = op->arg[i].name ? op->arg[i].name : op->arg[0].name;
		if (args[i].given)
			return given_twice(b, el, arg, name ? name : "value");
		TRY(read_argument(b, f, arg, op->arg[i].name && op->arg[i].word, &args[i]));
		if (args[i].a != args[i].b && !(op->pairs >> i & 1))
			return one_number(b, el, arg, name ? name : "value", &args[i]);
	}
	return CVT_OK;
}

/* ---- macros ------------------------------------------------------------------------ */

static int default_or_missing(const struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, struct net_env *env, const struct arch_arg *param)
{
	if (!param->value.text)
		return arch_fail(b->arch, el->pos, b->e, "%s: %s is missing", el->word, param->key);
	struct net_frame inside = *f;
	inside.env = env; /* a default may use the parameters before it */
	const struct arch_scope s = net_scope(b, &inside);
	return arch_eval(&s, &param->value, &env->value[env->values], b->e);
}

int net_macro_args(const struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, struct net_env *env)
{
	const struct arch_macro *m = env->macro;
	const char *name[64]; /* the parser allows no more */
	size_t n = 0, k = 0;
	for (const struct arch_arg *p = m->param; p; p = p->next)
		name[n++] = p->key;
	for (const struct arch_arg *arg = el->arg; arg; arg = arg->next) {
		const size_t i = arg->key ? index_of(arg->key, name, n) : k++;
		if (i >= n)
			return arg->key ? unknown_key(b, el, arg, name, n)
					: too_many(b, el, arg, name, n, n);
		if (env->value[i].given)
			return given_twice(b, el, arg, name[i]);
		TRY(read_argument(b, f, arg, false, &env->value[i]));
	}
	for (const struct arch_arg *p = m->param; p; p = p->next, env->values++)
		if (!env->value[env->values].given)
			TRY(default_or_missing(b, f, el, env, p));
	return CVT_OK;
}
