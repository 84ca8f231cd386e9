/*
 * net_build: what the parts of an expansion share: net.c (begins and ends it), net_expand.c (walks
 * the tree), net_names.c (the table of elements by path), net_args.c (arguments by an operator's
 * table). Private to these files.
 */
#ifndef CVT_NET_BUILD_H
#define CVT_NET_BUILD_H

#include "arch_ast.h"
#include "net.h"

/* A macro's parameters during one of its calls. */
struct net_env {
	struct net_env *next; /* all of them, to free */
	const struct arch_macro *macro;
	const struct net_env *caller; /* which macros are being called */
	size_t values;
	struct nn_value *value;
};

/* Where an element stands. */
struct net_frame {
	const struct net_env *env; /* NULL outside macros */
	size_t scope;              /* bytes of the path that enclose it */
	unsigned braces;           /* nameless { } [ ] since the last level of the path */
	unsigned depth;
	bool again;          /* inside =PATH: parameters are meant to be shared */
	size_t hide, unhide; /* elements [hide, unhide) are not seen: they are what is repeated */
};

/* An element that is built: what @PATH and =PATH find. */
struct net_element {
	char *path;
	const struct arch_element *element;
	struct net_frame frame;
	size_t node;
	unsigned rank; /* 0 = named; else 1 + braces: of equal paths the lowest is meant */
	size_t first;  /* elements inside are [first, this one) */
	size_t before; /* the latest earlier one in the same slot of the table, or GRAPH_NONE */
};

enum { NET_SLOTS = 4096 };

struct net_builder {
	struct net *net;
	struct graph *graph; /* NULL: only counting */
	const struct arch *arch;
	const struct arch_subnet *subnet;
	const struct net_spec *spec;
	struct cvt_err *e;
	struct str path;   /* of the element at hand */
	struct str prefix; /* "teacher.generator." */
	struct net_env *envs;
	size_t expanded; /* elements so far */
	size_t n, capacity;
	struct net_element *element;
	size_t *slot; /* latest element of each of NET_SLOTS hashes; no stack holds them all */
	bool *owned;  /* parameters that an element of this build has declared */
	size_t owned_capacity;
	bool named;                  /* a stage is called `embedding` */
	size_t embedding;            /* what it gave; GRAPH_NONE until then */
	size_t linears, last_linear; /* met so far; where a headless build stops (0 = nowhere) */
	size_t linear_input;         /* what entered the last one */
	bool stopped;
};

/* ---- net_expand.c ------------------------------------------------------------------ */
/* All elements of a pipe, one after the other; *value is what comes in, then what comes out. */
int net_expand(struct net_builder *b, const struct net_frame *f, const struct arch_pipe *pipe,
	size_t *value);

/* ---- net_names.c ------------------------------------------------------------------- */
int net_names_open(struct net_builder *b);
void net_names_close(struct net_builder *b);
/* The element of exactly this path that is seen from the frame; NULL. */
const struct net_element *net_names_find(
	const struct net_builder *b, const struct net_frame *f, const char *path);
int net_names_add(struct net_builder *b, const struct net_element *el);
/* Forgets all from `n` on. */
void net_names_cut(struct net_builder *b, size_t n);
/* Looks for `path` in the scope of the frame and outward. */
const struct net_element *net_names_outward(
	const struct net_builder *b, const struct net_frame *f, const char *path);
/* CVT_USAGE naming the nearest path that there is. */
int net_names_unknown(
	const struct net_builder *b, struct arch_pos at, const char *mark, const char *path);
/* All paths into the net, the best of equal ones. */
int net_names_publish(const struct net_builder *b);

/* ---- net_args.c -------------------------------------------------------------------- */
struct arch_scope net_scope(const struct net_builder *b, const struct net_frame *f);
/* The arguments of a layer as its table wants them. */
int net_layer_args(const struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, const struct nn_op *op, struct nn_value *args,
	size_t *nargs);
/* The parameters of a macro's call. */
int net_macro_args(const struct net_builder *b, const struct net_frame *f,
	const struct arch_element *el, struct net_env *env);

#endif
