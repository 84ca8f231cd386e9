/*
 * text: the architecture that a user names by --arch: one of the zoo, a text in a file, or a model file,
 * which carries its own.
 */
#ifndef CVT_EMBED_TEXT_H
#define CVT_EMBED_TEXT_H

#include "../../libcore/arch.h"

/* *a is the caller's (arch_free). CVT_USAGE: nothing of that name, no text, or a model without one. */
int text_load(struct arch **a, const char *name, struct cvt_err *e);
/* Overrides the text's lets: "NAME=VALUE,..."; NULL does nothing. `classes` is one of them only if
 * nothing else says how many there are. */
int text_lets(struct arch *a, const char *lets, bool classes, struct cvt_err *e);

#endif
