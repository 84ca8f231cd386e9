/*
 * jsontext: JSON by jansson, with lack of memory told apart from mistakes in the text; and a walk over
 * the members of an object that makes no tree of it, for texts that may be hostile.
 */
#ifndef CVT_JSONTEXT_H
#define CVT_JSONTEXT_H

#include <jansson.h>

#include "../libcore/mem.h"

/* Parses n bytes; *root is freed by json_decref. CVT_INPUT "line N: what is wrong". */
int jsontext_parse(json_t **root, const char *text, size_t n, size_t flags, struct cvt_err *e);

/* A part of a text: one value, with its quotes or brackets. */
struct jsontext_piece {
	const char *text;
	size_t n;
};
struct jsontext_walk {
	const char *at, *end;
	bool begun;
};
/* Begins a walk over the members of the object that the n bytes are; CVT_INPUT when they are none. */
int jsontext_walk(struct jsontext_walk *w, const char *text, size_t n, struct cvt_err *e);
/* The next member, or *more = false behind the last. Key and value are found by quotes and brackets
 * alone: it is for the caller to parse them (JSON_DECODE_ANY). */
int jsontext_member(struct jsontext_walk *w, struct jsontext_piece *key,
	struct jsontext_piece *value, bool *more, struct cvt_err *e);

/* A tree built by jansson's own calls after jsontext_begin() becomes text on one line; caller frees. NULL
 * when memory was short since, while it was built or written. */
void jsontext_begin(void);
char *jsontext_dump(const json_t *root);

#endif
