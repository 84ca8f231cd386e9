/* jsontext: JSON by jansson (see jsontext.h). */
#include "jsontext.h"

#include <stdlib.h>

/* When memory is short, jansson blames the text, or goes on with letters left out of its strings, or with
 * keys left out of what it writes; it can be told by its allocator alone, to which it gives no context.
 * Written by that, read here, a thread each. */
static _Thread_local bool starved;

static void *allocate(size_t n)
{
	void *p = malloc(n);
	starved = starved || !p;
	return p;
}

void jsontext_begin(void)
{
	starved = false;
	json_set_alloc_funcs(allocate, free);
}

char *jsontext_dump(const json_t *root)
{
	char *text = json_dumps(root, JSON_COMPACT);
	if (!starved)
		return text;
	free(text);
	return NULL;
}

int jsontext_parse(json_t **root, const char *text, size_t n, size_t flags, struct cvt_err *e)
{
	json_error_t why;
	jsontext_begin();
	*root = json_loadb(text, n, flags, &why);
	if (*root && !starved)
		return CVT_OK;
	json_decref(*root);
	*root = NULL;
	return starved ? cvt_fail(e, CVT_SYSTEM, "out of memory")
		       : cvt_fail(e, CVT_INPUT, "line %d: %.100s", why.line, why.text);
}
