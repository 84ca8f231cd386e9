/* jsontext: JSON by jansson (see jsontext.h). */
#include "jsontext.h"

#include <stdlib.h>

/* When memory is short, jansson blames the text, or goes on with letters left out of its strings; it
 * can be told by its allocator alone, to which it gives no context. Written by that, read here, a
 * thread each. */
static _Thread_local bool starved;

static void *allocate(size_t n)
{
	void *p = malloc(n);
	starved = starved || !p;
	return p;
}

int jsontext_parse(json_t **root, const char *text, size_t n, size_t flags, struct cvt_err *e)
{
	json_error_t why;
	starved = false;
	json_set_alloc_funcs(allocate, free);
	*root = json_loadb(text, n, flags, &why);
	if (*root && !starved)
		return CVT_OK;
	json_decref(*root);
	*root = NULL;
	return starved ? cvt_fail(e, CVT_SYSTEM, "out of memory")
		       : cvt_fail(e, CVT_INPUT, "line %d: %.100s", why.line, why.text);
}
