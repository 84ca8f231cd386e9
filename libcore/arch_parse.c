/*
 * arch_parse: an architecture text to its tree, by recursive descent over the grammar of
 * cv-arch(5). Nesting is counted (at most 64), and so are elements and names, so that a hostile
 * text ends in a message soon. Every message stands at SOURCE:LINE:COL.
 */
#include "arch_ast.h"

#include <stdio.h>
#include <string.h>

struct parser {
	struct arch *a;
	struct arch_lexer lexer;
	struct arch_token now, next;
	struct cvt_err *e;
};

/* Where a pipe ends: at its line (def), at the next statement (the network), at its bracket. */
enum extent { LINE, NETWORK, BRACKET };

enum { MOST_PARAMS = 64, MOST_WORD = 200 };

static int parse_pipe(struct parser *p, struct arch_pipe *pipe, enum extent extent, int depth);

/* ---- tokens ------------------------------------------------------------------------ */

static void advance(struct parser *p)
{
	p->now = p->next;
	p->next = arch_next_token(&p->lexer);
}

static bool is_mark(const struct arch_token *t, char mark)
{
	return t->kind == TOKEN_MARK && *t->p == mark;
}

static bool is_word(const struct arch_token *t, const char *word)
{
	return t->kind == TOKEN_CHUNK && t->n == strlen(word) && memcmp(t->p, word, t->n) == 0;
}

static bool is_line_end(const struct arch_token *t)
{
	return t->kind == TOKEN_NEWLINE || t->kind == TOKEN_END;
}

static int expected(struct parser *p, const char *what)
{
	char word[ARCH_WORD];
	if (p->now.kind == TOKEN_END)
		return arch_fail(p->a, p->now.pos, p->e, "expected %s, but the text ends", what);
	if (p->now.kind == TOKEN_NEWLINE)
		return arch_fail(p->a, p->now.pos, p->e, "expected %s, but the line ends", what);
	return arch_fail(p->a, p->now.pos, p->e, "expected %s, not '%s'", what,
		arch_word(word, p->now.p, p->now.n));
}

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
	       || c == '_';
}

/* letters, digits and _, beginning with no digit; with `extra` characters allowed inside */
static bool is_name(const struct arch_token *t, const char *extra)
{
	if (t->kind != TOKEN_CHUNK || t->n > MOST_WORD || (*t->p >= '0' && *t->p <= '9'))
		return false;
	for (size_t i = 0; i < t->n; i++)
		if (!name_char(t->p[i]) && !(i && strchr(extra, t->p[i])))
			return false;
	return true;
}

/* Names joined by single dots. */
static bool is_path(const struct arch_token *t, const char *extra)
{
	if (t->kind != TOKEN_CHUNK || t->n > MOST_WORD)
		return false;
	for (size_t i = 0; i < t->n; i++) {
		const char c = t->p[i];
		const bool edge = i == 0 || i + 1 == t->n || t->p[i - 1] == '.';
		if (c == '.' ? edge : !name_char(c) && !strchr(extra, c))
			return false;
	}
	return true;
}

static int take(struct parser *p, const char **to)
{
	*to = arch_copy(p->a, p->now.p, p->now.n, p->e);
	advance(p);
	return *to ? CVT_OK : CVT_SYSTEM;
}

static int take_name(struct parser *p, const char **to, const char *what)
{
	return is_name(&p->now, "") ? take(p, to) : expected(p, what);
}

static int take_value(struct parser *p, struct arch_value *v)
{
	if (p->now.kind != TOKEN_CHUNK || p->now.n > MOST_WORD)
		return expected(p, "a value");
	v->pos = p->now.pos;
	v->at = (size_t)(p->now.p - p->a->text);
	TRY(take(p, &v->text));
	return arch_check_value(p->a, v, p->e);
}

static int take_equals(struct parser *p)
{
	if (!is_mark(&p->now, '='))
		return expected(p, "'='");
	advance(p);
	return CVT_OK;
}

static int new_arg(struct parser *p, struct arch_arg ***last, struct arch_arg **arg)
{
	*arg = arch_alloc(p->a, sizeof **arg, p->e);
	if (!*arg)
		return CVT_SYSTEM;
	(*arg)->pos = p->now.pos;
	**last = *arg;
	*last = &(*arg)->next;
	return CVT_OK;
}

/* ---- elements ---------------------------------------------------------------------- */

/* { value | KEY "=" value } */
static int parse_arguments(struct parser *p, struct arch_element *el)
{
	struct arch_arg **last = &el->arg, *arg;
	while (p->now.kind == TOKEN_CHUNK) {
		TRY(new_arg(p, &last, &arg));
		if (is_mark(&p->next, '=')) {
			TRY(take_name(p, &arg->key, "the name of an argument"));
			TRY(take_equals(p));
		}
		TRY(take_value(p, &arg->value));
	}
	return CVT_OK;
}

static int unclosed(struct parser *p, struct arch_pos open, char close)
{
	char what[80];
	(void)snprintf(what, sizeof what, "'|'%s or the '%c' of the bracket at %u:%u",
		close == ')' ? "" : ", ','", close, open.line, open.col);
	return expected(p, what);
}

/* pipe { "," pipe } up to the bracket that closes; the opening one is the token now. */
static int parse_branches(struct parser *p, struct arch_element *el, char close, int depth)
{
	const struct arch_pos open = p->now.pos;
	struct arch_pipe **last = &el->branch;
	do {
		struct arch_pipe *branch = arch_alloc(p->a, sizeof *branch, p->e);
		if (!branch)
			return CVT_SYSTEM;
		*last = branch;
		last = &branch->next;
		el->branches++;
		advance(p);
		TRY(parse_pipe(p, branch, BRACKET, depth + 1));
	} while (close != ')' && is_mark(&p->now, ','));
	if (!is_mark(&p->now, close))
		return unclosed(p, open, close);
	advance(p);
	return CVT_OK;
}

static bool begins_statement(const struct parser *p)
{
	static const char *const word[] = {"input", "let", "def", "net"};
	for (size_t i = 0; i < sizeof word / sizeof *word; i++)
		if (is_word(&p->now, word[i]))
			return !is_mark(&p->next, ':');
	return false;
}

static int parse_call(struct parser *p, struct arch_element *el, int depth)
{
	if (!is_name(&p->now, "-") || begins_statement(p))
		return expected(p, "a layer, a macro or a bracket");
	TRY(take(p, &el->word));
	TRY(parse_arguments(p, el));
	if (is_mark(&p->now, '{'))
		TRY(parse_branches(p, el, '}', depth));
	return CVT_OK;
}

static int parse_reference(struct parser *p, struct arch_element *el)
{
	el->kind = is_mark(&p->now, '@') ? ARCH_AT : ARCH_SAME;
	advance(p);
	if (!is_path(&p->now, "-"))
		return expected(p, "the path of an element");
	return take(p, &el->word);
}

static int parse_atom(struct parser *p, struct arch_element *el, int depth)
{
	el->pos = p->now.pos;
	if (p->now.kind != TOKEN_MARK)
		return parse_call(p, el, depth);
	switch (*p->now.p) {
	case '(':
		el->kind = ARCH_GROUP;
		return parse_branches(p, el, ')', depth);
	case '{':
		el->kind = ARCH_SUM;
		return parse_branches(p, el, '}', depth);
	case '[':
		el->kind = ARCH_CONCAT;
		return parse_branches(p, el, ']', depth);
	case '@':
	case '=':
		return parse_reference(p, el);
	default:
		return expected(p, "a layer, a macro or a bracket");
	}
}

/* [ value "*" ] [ PATH ":" ] atom */
static int parse_element(struct parser *p, struct arch_pipe *pipe, int depth)
{
	struct arch_element *el = arch_alloc(p->a, sizeof *el, p->e);
	if (!el)
		return CVT_SYSTEM;
	if (++p->a->elements > ARCH_ELEMENTS)
		return arch_fail(p->a, p->now.pos, p->e, "more than %d elements", ARCH_ELEMENTS);
	if (pipe->last)
		pipe->last->next = el;
	else
		pipe->first = el;
	pipe->last = el;
	el->start = p->now.pos;
	if (p->now.kind == TOKEN_CHUNK && is_word(&p->next, "*")) {
		TRY(take_value(p, &el->count));
		advance(p);
	}
	if (is_mark(&p->next, ':')) {
		if (!is_path(&p->now, "%-"))
			return expected(p, "a name (letters, digits, _, joined by dots)");
		TRY(take(p, &el->path));
		advance(p);
	}
	return parse_atom(p, el, depth);
}

/* element { ( "|" | newline ) element } */
static int parse_pipe(struct parser *p, struct arch_pipe *pipe, enum extent extent, int depth)
{
	if (depth > ARCH_DEPTH)
		return arch_fail(p->a, p->now.pos, p->e, "nested more than %d deep", ARCH_DEPTH);
	for (;;) {
		TRY(parse_element(p, pipe, depth));
		const bool line = p->now.kind == TOKEN_NEWLINE;
		if (line ? extent == LINE : !is_mark(&p->now, '|'))
			return CVT_OK;
		advance(p);
		if (line && extent == NETWORK && (begins_statement(p) || is_line_end(&p->now)))
			return CVT_OK;
	}
}

/* ---- statements -------------------------------------------------------------------- */

/* Room for one more of the n things of a kind. */
static int grow(
	struct parser *p, void **list, size_t n, size_t *capacity, size_t size, const char *kind)
{
	if (n >= ARCH_NAMES)
		return arch_fail(
			p->a, p->now.pos, p->e, "more than %d statements '%s'", ARCH_NAMES, kind);
	return mem_grow(list, capacity, n + 1, size, p->e);
}

static int twice(struct parser *p, struct arch_pos pos, const char *kind, const char *name)
{
	return arch_fail(p->a, pos, p->e, "'%s %s' is there already", kind, name);
}

/* "input" FIELD { dim } */
static int parse_input(struct parser *p)
{
	void *list = p->a->input;
	TRY(grow(p, &list, p->a->inputs, &p->a->inputs_capacity, sizeof *p->a->input, "input"));
	p->a->input = list;
	struct arch_field f = {.pos = p->now.pos};
	if (!is_path(&p->now, "") || p->now.n >= FIELD_NAME)
		return expected(p, "the name of a field");
	TRY(take(p, &f.input.field));
	if (arch_field(p->a, f.input.field))
		return twice(p, f.pos, "input", f.input.field);
	if (!field_name_ok(f.input.field))
		return arch_fail(p->a, f.pos, p->e, "'%s' is no field; names are of a-z 0-9 _ .",
			f.input.field);
	struct arch_arg **last = &f.dim, *dim;
	f.dims_at = f.dims_end = (size_t)(p->now.p - p->a->text);
	for (int i = 0; p->now.kind == TOKEN_CHUNK; i++) {
		if (i == TENSOR_DIMS - 1)
			return arch_fail(
				p->a, p->now.pos, p->e, "more than %d dimensions", TENSOR_DIMS - 1);
		f.dims_end = (size_t)(p->now.p - p->a->text) + p->now.n;
		TRY(new_arg(p, &last, &dim));
		TRY(take_value(p, &dim->value));
	}
	p->a->input[p->a->inputs++] = f;
	return CVT_OK;
}

/* "let" NAME "=" value */
static int parse_let(struct parser *p)
{
	void *list = p->a->let;
	TRY(grow(p, &list, p->a->lets, &p->a->lets_capacity, sizeof *p->a->let, "let"));
	p->a->let = list;
	struct arch_constant let = {.pos = p->now.pos};
	TRY(take_name(p, &let.name, "a name"));
	if (arch_constant(p->a, let.name))
		return twice(p, let.pos, "let", let.name);
	TRY(take_equals(p));
	TRY(take_value(p, &let.value));
	p->a->let[p->a->lets++] = let;
	return CVT_OK;
}

/* Does the '=' here give a parameter its default (c=16), or does the macro's body begin? After a
 * default another '=' must come; a number begins a body only before a star (3 * block). */
static bool is_default(const struct parser *p)
{
	struct arch_lexer ahead = p->lexer;
	struct arch_token then = arch_next_token(&ahead);
	if (p->next.kind != TOKEN_CHUNK || is_word(&then, "*"))
		return false;
	while (then.kind == TOKEN_CHUNK)
		then = arch_next_token(&ahead);
	const bool digit = *p->next.p >= '0' && *p->next.p <= '9';
	return is_mark(&then, '=') && (digit || (p->now.glued && p->next.glued));
}

static int parse_params(struct parser *p, struct arch_macro *m)
{
	struct arch_arg **last = &m->param, *param;
	while (p->now.kind == TOKEN_CHUNK) {
		if (m->params++ == MOST_PARAMS)
			return arch_fail(
				p->a, p->now.pos, p->e, "more than %d parameters", MOST_PARAMS);
		TRY(new_arg(p, &last, &param));
		TRY(take_name(p, &param->key, "a parameter's name or '='"));
		for (const struct arch_arg *q = m->param; q != param; q = q->next)
			if (strcmp(q->key, param->key) == 0)
				return arch_fail(p->a, param->pos, p->e,
					"two parameters are called '%s'", q->key);
		if (is_mark(&p->now, '=') && is_default(p)) {
			advance(p);
			TRY(take_value(p, &param->value));
		}
	}
	return CVT_OK;
}

/* A body in one pair of parentheses is that pipe itself: the call adds the level, not they. */
static void unwrap(struct arch_pipe *body)
{
	const struct arch_element *only = body->first;
	if (only && !only->next && only->kind == ARCH_GROUP && !only->path && !only->count.text)
		*body = *only->branch;
}

/* "def" NAME { NAME [ "=" value ] } "=" pipe */
static int parse_def(struct parser *p)
{
	void *list = p->a->macro;
	TRY(grow(p, &list, p->a->macros, &p->a->macros_capacity, sizeof *p->a->macro, "def"));
	p->a->macro = list;
	struct arch_macro m = {.pos = p->now.pos};
	if (!is_name(&p->now, "-"))
		return expected(p, "the macro's name");
	TRY(take(p, &m.name));
	if (arch_macro(p->a, m.name))
		return twice(p, m.pos, "def", m.name);
	TRY(parse_params(p, &m));
	TRY(take_equals(p));
	TRY(parse_pipe(p, &m.body, LINE, 0));
	unwrap(&m.body);
	p->a->macro[p->a->macros++] = m;
	return CVT_OK;
}

/* "net" NAME { FIELD } */
static int parse_net(struct parser *p)
{
	void *list = p->a->net;
	TRY(grow(p, &list, p->a->nets, &p->a->nets_capacity, sizeof *p->a->net, "net"));
	p->a->net = list;
	struct arch_subnet n = {.pos = p->now.pos};
	TRY(take_name(p, &n.name, "the network's name"));
	if (arch_subnet(p->a, n.name))
		return twice(p, n.pos, "net", n.name);
	struct arch_arg **last = &n.field, *field;
	for (; p->now.kind == TOKEN_CHUNK; n.fields++) {
		TRY(new_arg(p, &last, &field));
		if (!is_path(&p->now, ""))
			return expected(p, "the name of a field");
		TRY(take(p, &field->key));
	}
	p->a->net[p->a->nets++] = n;
	return CVT_OK;
}

/* The lines of the network itself go on where the last ones stopped. */
static int parse_lines(struct parser *p)
{
	struct arch_pipe pipe = p->a->net[p->a->nets - 1].pipe;
	TRY(parse_pipe(p, &pipe, NETWORK, 0));
	p->a->net[p->a->nets - 1].pipe = pipe;
	const bool ended = p->now.kind == TOKEN_END || begins_statement(p);
	return ended ? CVT_OK : expected(p, "'|' or the end of the line");
}

static int parse_statement(struct parser *p)
{
	static const struct {
		const char *word;
		int (*parse)(struct parser *p);
	} statement[] = {
		{"input", parse_input}, {"let", parse_let}, {"def", parse_def}, {"net", parse_net}};
	if (!begins_statement(p))
		return parse_lines(p);
	for (size_t i = 0; i < sizeof statement / sizeof *statement; i++)
		if (is_word(&p->now, statement[i].word)) {
			advance(p);
			TRY(statement[i].parse(p));
			break;
		}
	return is_line_end(&p->now) ? CVT_OK : expected(p, "the end of the line");
}

int arch_parse_text(struct arch *a, struct cvt_err *e)
{
	struct parser p = {.a = a, .lexer = {a->text, {1, 1}, '\n'}, .e = e};
	void *list = NULL;
	TRY(mem_grow(&list, &a->nets_capacity, 1, sizeof *a->net, e));
	a->net = list;
	a->net[a->nets++] = (struct arch_subnet){0};
	advance(&p);
	advance(&p);
	while (p.now.kind != TOKEN_END) {
		if (p.now.kind == TOKEN_NEWLINE)
			advance(&p);
		else
			TRY(parse_statement(&p));
	}
	return CVT_OK;
}
