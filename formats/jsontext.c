/* jsontext: JSON by jansson (see jsontext.h). */
#include "jsontext.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* When memory is short, jansson blames the text, leaves letters out of its strings or keys out of what it
 * writes, or stops at an assertion; it can be told by its allocator alone, to which it gives no context.
 * Written by that, read here, a thread each. While it parses, a lack of memory ends that at once. */
static _Thread_local bool starved;
static _Thread_local jmp_buf *parsing; /* NULL = it does not */

/* Stands in front of what it gets: what a parse had taken is given back where it ends early. */
struct block {
	struct block *next, *before;
};
static _Thread_local struct block *taken; /* by the last parse */

static void *allocate(size_t n)
{
	struct block *b = n < SIZE_MAX - sizeof *b ? malloc(sizeof *b + n) : NULL;
	if (!b) {
		starved = true;
		if (parsing)
			longjmp(*parsing, 1);
		return NULL;
	}
	*b = (struct block){taken, NULL};
	if (taken)
		taken->before = b;
	taken = b;
	return b + 1;
}

static void release(void *p)
{
	struct block *b = p ? (struct block *)p - 1 : NULL;
	if (!b)
		return;
	if (b->next)
		b->next->before = b->before;
	if (b->before)
		b->before->next = b->next;
	else if (taken == b)
		taken = b->next;
	free(b);
}

void jsontext_begin(void)
{
	starved = false;
	taken = NULL; /* what others took remains theirs */
	json_set_alloc_funcs(allocate, release);
}

char *jsontext_dump(const json_t *root)
{
	char *text = json_dumps(root, JSON_COMPACT);
	char *copy = text && !starved ? strdup(text) : NULL;
	release(text);
	return copy;
}

int jsontext_parse(json_t **root, const char *text, size_t n, size_t flags, struct cvt_err *e)
{
	json_error_t why = {0};
	jmp_buf out;
	*root = NULL;
	jsontext_begin();
	parsing = &out;
	if (setjmp(out) == 0)
		*root = json_loadb(text, n, flags, &why);
	parsing = NULL;
	if (*root)
		return CVT_OK;
	if (!starved)
		return cvt_fail(e, CVT_INPUT, "line %d: %.100s", why.line, why.text);
	while (taken)
		release(taken + 1);
	return cvt_fail(e, CVT_SYSTEM, "out of memory");
}

/* ---- a walk ------------------------------------------------------------------------ */

static void pass_blanks(struct jsontext_walk *w)
{
	while (w->at < w->end && strchr(" \t\r\n", *w->at) && *w->at)
		w->at++;
}

static bool pass(struct jsontext_walk *w, char c)
{
	pass_blanks(w);
	if (w->at == w->end || *w->at != c)
		return false;
	w->at++;
	return true;
}

static int no_json(struct cvt_err *e)
{
	return cvt_fail(e, CVT_INPUT, "its quotes, brackets or commas are wrong");
}

int jsontext_walk(struct jsontext_walk *w, const char *text, size_t n, struct cvt_err *e)
{
	*w = (struct jsontext_walk){text, text + n, false};
	return pass(w, '{') ? CVT_OK : cvt_fail(e, CVT_INPUT, "it does not begin with {");
}

/* From a quote to behind the next one that ends it. */
static void pass_string(struct jsontext_walk *w)
{
	for (w->at++; w->at < w->end && *w->at != '"'; w->at++)
		w->at += *w->at == '\\' && w->at + 1 < w->end;
	w->at += w->at < w->end;
}

static void pass_brackets(struct jsontext_walk *w)
{
	size_t depth = 0;
	do {
		const char c = *w->at;
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		if (c == '"')
			pass_string(w);
		else
			w->at++;
	} while (depth && w->at < w->end);
}

static struct jsontext_piece pass_value(struct jsontext_walk *w)
{
	pass_blanks(w);
	struct jsontext_piece p = {w->at, 0};
	if (w->at < w->end && *w->at == '"')
		pass_string(w);
	else if (w->at < w->end && (*w->at == '{' || *w->at == '['))
		pass_brackets(w);
	else
		while (w->at < w->end && !strchr(" \t\r\n,:{}[]\"", *w->at))
			w->at++;
	p.n = (size_t)(w->at - p.text);
	return p;
}

int jsontext_member(struct jsontext_walk *w, struct jsontext_piece *key,
	struct jsontext_piece *value, bool *more, struct cvt_err *e)
{
	*more = false;
	if (pass(w, '}')) {
		pass_blanks(w);
		return w->at == w->end ? CVT_OK : no_json(e);
	}
	const bool parted = !w->begun || pass(w, ',');
	w->begun = true;
	*key = pass_value(w);
	if (!parted || key->n < 2 || *key->text != '"' || !pass(w, ':'))
		return no_json(e);
	*value = pass_value(w);
	*more = value->n > 0;
	return *more ? CVT_OK : no_json(e);
}
