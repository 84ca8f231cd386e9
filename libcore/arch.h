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
	struct shape row; /* as written: 32 32 3; or as arch_set_input said */
};

/* A text of the zoo: name, text; NULL-terminated, sorted. The help line is the text's first
 * comment. */
struct arch_zoo {
	const char *name, *text;
};
extern const struct arch_zoo arch_zoo[];
/* The help line of a zoo text into `to`; returns to. */
char *arch_zoo_help(const struct arch_zoo *z, char *to, size_t size);

/* Parses text; errors are CVT_USAGE "SOURCE:LINE:COL: ...", with the nearest known word. */
int arch_parse(struct arch **a, const char *source, const char *text, struct cvt_err *e);
/* NAME of the zoo, or else a file; an unknown word names the nearest. */
int arch_load(struct arch **a, const char *name_or_file, struct cvt_err *e);
/* Graphs built from it borrow words of its text: free those first. */
void arch_free(struct arch *a);
const char *arch_source(const struct arch *a);
const char *arch_text(const struct arch *a);
size_t arch_inputs(const struct arch *a);
const struct arch_input *arch_input(const struct arch *a, size_t i);
/* Names of the further nets (`net NAME`); the first, nameless one is not counted. */
size_t arch_nets(const struct arch *a);
const char *arch_net(const struct arch *a, size_t i);
/* Does the first, nameless net have any element? */
bool arch_has_main(const struct arch *a);
/* The fields that a net reads, in order: those of its `net` line; of the first net (name NULL), and
 * of a net that names none, all inputs. A field without `input` line (the embedding of another net,
 * say) has the shape of the node that net_build is given. */
size_t arch_net_inputs(const struct arch *a, const char *net);
const char *arch_net_input(const struct arch *a, const char *net, size_t i);
/* Overrides or supplies a `let` (classes, width). */
int arch_let(struct arch *a, const char *name, double value, struct cvt_err *e);
/* Has somebody, the text or the program, said what the name stands for? */
bool arch_lets(const struct arch *a, const char *name);
/* Has the program? */
bool arch_let_given(const struct arch *a, const char *name);
/* What it stands for; false when nobody has said. */
bool arch_let_value(const struct arch *a, const char *name, double *value);
/* Overrides the shape of an input (the stream's pictures are of another size); a field that the
 * text lacks is CVT_USAGE. Networks that cannot take it fail in net_build, and say what they were
 * written for. */
int arch_set_input(struct arch *a, const char *field, const struct shape *row, struct cvt_err *e);
/* The text with what the program said written into it (lets, input shapes), so that a model's text
 * stands alone. Appends to out. */
int arch_export(const struct arch *a, struct str *out, struct cvt_err *e);

#endif
