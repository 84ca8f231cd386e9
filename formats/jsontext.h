/*
 * jsontext: JSON by jansson, with lack of memory told apart from mistakes in the text.
 */
#ifndef CVT_JSONTEXT_H
#define CVT_JSONTEXT_H

#include <jansson.h>

#include "../libcore/mem.h"

/* Parses n bytes; *root is freed by json_decref. CVT_INPUT "line N: what is wrong". */
int jsontext_parse(json_t **root, const char *text, size_t n, size_t flags, struct cvt_err *e);

#endif
