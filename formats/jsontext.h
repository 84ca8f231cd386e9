/*
 * jsontext: JSON by jansson, with lack of memory told apart from mistakes in the text.
 */
#ifndef CVT_JSONTEXT_H
#define CVT_JSONTEXT_H

#include <jansson.h>

#include "../libcore/mem.h"

/* Parses n bytes; *root is freed by json_decref. CVT_INPUT "line N: what is wrong". */
int jsontext_parse(json_t **root, const char *text, size_t n, size_t flags, struct cvt_err *e);

/* A tree built by jansson's own calls after jsontext_begin() becomes text on one line; caller frees. NULL
 * when memory was short since, while it was built or written. */
void jsontext_begin(void);
char *jsontext_dump(const json_t *root);

#endif
