/*
 * arch: the architecture language of cv-arch(5): text to a syntax tree, with the zoo of texts that
 * is built into the programs. Knows no layers: names, shapes and parameters are net.h's.
 */
#ifndef CVT_ARCH_H
#define CVT_ARCH_H

#include "graph.h"

struct arch;

struct arch_input {
	const char *field;
	struct shape row; /* as written: 32 32 3 */
};

/* A text of the zoo: name, text; NULL-terminated, sorted. The help line is the text's first comment. */
struct arch_zoo {
	const char *name, *text;
};
extern const struct arch_zoo arch_zoo[];

/* Parses text; errors are CVT_USAGE "SOURCE:LINE:COL: ...", with the nearest known word. */
int arch_parse(struct arch **a, const char *source, const char *text, struct cvt_err *e);
/* NAME of the zoo, or else a file; an unknown word names the nearest. */
int arch_load(struct arch **a, const char *name_or_file, struct cvt_err *e);
void arch_free(struct arch *a);
const char *arch_source(const struct arch *a);
const char *arch_text(const struct arch *a);
size_t arch_inputs(const struct arch *a);
const struct arch_input *arch_input(const struct arch *a, size_t i);
/* Names of the further nets (`net NAME`); the first, nameless one is not counted. */
size_t arch_nets(const struct arch *a);
const char *arch_net(const struct arch *a, size_t i);
/* Overrides or supplies a `let` (classes, width). */
int arch_let(struct arch *a, const char *name, double value, struct cvt_err *e);

#endif
