/*
 * arch_ast: the syntax tree of an architecture text, between the parser (arch_lex.c, arch_parse.c),
 * its owner (arch.c) and the expansion onto a graph (net.c). Private to these files. Everything in
 * the tree lies in the arch's arena and dies with it. Values stay text (arch_value.c evaluates them
 * where their names are known), because a program may override what they stand for.
 */
#ifndef CVT_ARCH_AST_H
#define CVT_ARCH_AST_H

#include "arch.h"

/* Hostile texts end here; the first two are cv-arch(5)'s promises. */
enum {
	ARCH_DEPTH = 64,
	ARCH_ELEMENTS = 10000,
	ARCH_BYTES = 1 << 20,
	ARCH_NAMES = 1000, /* lets, macros, nets, inputs: of each kind */
};

struct arch_pos {
	unsigned line, col; /* from 1; columns count characters */
};

/* A value as written, its syntax checked: "c*4", "3x5", "bilinear". */
struct arch_value {
	const char *text; /* NULL = none */
	struct arch_pos pos;
	size_t at; /* where it begins in the text of the file */
};

struct arch_arg {
	struct arch_arg *next;
	const char *key; /* NULL: by position */
	struct arch_pos pos;
	struct arch_value value;
};

enum arch_kind { ARCH_CALL, ARCH_GROUP, ARCH_SUM, ARCH_CONCAT, ARCH_AT, ARCH_SAME };

struct arch_element;

struct arch_pipe {
	struct arch_pipe *next; /* the next branch */
	struct arch_element *first, *last;
};

struct arch_element {
	struct arch_element *next;
	enum arch_kind kind;
	struct arch_pos start, pos; /* of the element, of its atom */
	struct arch_value count;
	const char *path; /* its name; NULL = none */
	const char *word; /* layer or macro; the PATH of @ and = */
	struct arch_arg *arg;
	size_t branches;
	struct arch_pipe *branch; /* the one pipe of a group */
};

struct arch_macro {
	const char *name;
	struct arch_pos pos;
	size_t params;
	struct arch_arg *param; /* key = name, value = default */
	struct arch_pipe body;
};

struct arch_constant {
	const char *name;
	struct arch_pos pos;
	struct arch_value value; /* none: supplied by the program */
	bool given;              /* overridden or supplied */
	bool known, waits;       /* `now` is its value; it waits for `classes` */
	struct nn_value now;
};

struct arch_field {
	struct arch_input input; /* evaluated, or set by the program */
	struct arch_pos pos;
	struct arch_arg *dim;
	struct shape written;
	size_t dims_at, dims_end; /* bytes of the text that hold the dims */
	bool given;
};

struct arch_subnet {
	const char *name; /* NULL for the first one */
	struct arch_pos pos;
	size_t fields;
	struct arch_arg *field; /* key = name */
	struct arch_pipe pipe;
};

struct arch_block;

struct arch {
	const char *source, *text;
	struct arch_block *blocks; /* the arena */
	size_t elements;           /* in the text */
	size_t inputs, inputs_capacity;
	struct arch_field *input;
	size_t lets, lets_capacity;
	struct arch_constant *let;
	size_t macros, macros_capacity;
	struct arch_macro *macro;
	size_t nets, nets_capacity; /* net[0] is the first, nameless one */
	struct arch_subnet *net;
};

/* Zeroed memory of the arch's own; NULL with e set. */
void *arch_alloc(struct arch *a, size_t bytes, struct cvt_err *e);
char *arch_copy(struct arch *a, const char *text, size_t n, struct cvt_err *e);
/* "SOURCE:LINE:COL: ..." as CVT_USAGE. */
int arch_fail(const struct arch *a, struct arch_pos at, struct cvt_err *e, const char *format, ...)
	CVT_PRINTF(4, 5);
/* At most 40 characters of a word, fit for a terminal, for such messages. */
enum { ARCH_WORD = 48 };
char *arch_word(char to[ARCH_WORD], const char *text, size_t n);

const struct arch_macro *arch_macro(const struct arch *a, const char *name);
struct arch_constant *arch_constant(const struct arch *a, const char *name);
struct arch_field *arch_field(const struct arch *a, const char *name);
const struct arch_subnet *arch_subnet(const struct arch *a, const char *name);

/* ---- arch_parse.c ------------------------------------------------------------------ */
int arch_parse_text(struct arch *a, struct cvt_err *e);

/* ---- arch_value.c ------------------------------------------------------------------ */
/* Whose names a value may use: a macro's parameters, then the lets. */
struct arch_scope {
	const struct arch *arch;
	const struct arch_macro *macro; /* NULL outside */
	const struct nn_value *value;   /* of its parameters */
	size_t values;                  /* how many of them are known so far */
	size_t lets;                    /* so many lets are visible */
	bool assume_classes;            /* `classes` is 2 where nobody said (counting only) */
};

/* The syntax alone. */
int arch_check_value(const struct arch *a, const struct arch_value *v, struct cvt_err *e);
/* A finite number or a pair. */
int arch_eval(const struct arch_scope *s, const struct arch_value *v, struct nn_value *to,
	struct cvt_err *e);
/* A whole number in least..most. */
int arch_eval_count(const struct arch_scope *s, const struct arch_value *v, size_t least,
	size_t most, size_t *to, struct cvt_err *e);
/* All lets and inputs anew, in order. */
int arch_settle(struct arch *a, struct cvt_err *e);

/* ---- arch_lex.c -------------------------------------------------------------------- */
enum arch_token_kind {
	TOKEN_END,
	TOKEN_NEWLINE,
	TOKEN_CHUNK,   /* letters, digits, _ . % + - * / without blanks */
	TOKEN_MARK,    /* one of | , ( ) [ ] { } @ = : */
	TOKEN_UNKNOWN, /* any other byte */
};

struct arch_token {
	enum arch_token_kind kind;
	const char *p;
	size_t n;
	struct arch_pos pos;
	bool glued; /* nothing between it and the token before */
};

struct arch_lexer {
	const char *p;
	struct arch_pos pos;
	char last; /* the mark that came last, '\n' for a newline (and at the start), 'a' for a
		      chunk */
};

/* Newlines come only where they mean '|'. */
struct arch_token arch_next_token(struct arch_lexer *l);

#endif
