/*
 * network: a network made ready for the rows of a stream, from an architecture and model files. What
 * cv-embed, and a teacher in cv-distill, start from: which text, how many classes, which picture,
 * which normalisation; then the graph with its weights.
 */
#ifndef CVT_NETWORK_H
#define CVT_NETWORK_H

#include "../../formats/head.h"
#include "../../libcore/cli.h"
#include "../../libcore/model.h"

/* What the command line says. */
struct network_choice {
	const char *lets;               /* "width=16,...": overrides the text's; NULL */
	const char *arch;               /* NAME|FILE; NULL = the model's own */
	const struct cli_many *weights; /* [STAGE=]FILE ...; NULL or none = untrained */
	bool partial;
	bool teacher;           /* of a student that agrees with the stream */
	size_t num_classes;     /* 0 = the model's, else the stream's */
	const char *mean, *std; /* "a,b,c"; NULL = the model's, else the stream's, else 0.5 */
	uint64_t seed;          /* of what is not loaded */
	size_t max_memory;      /* that it may take; 0 = any */
};

enum { NETWORK_INPUTS = 16 }; /* as many as a method has */

/* A field that the text reads behind the first one. */
struct network_input {
	const char *field; /* the text's */
	size_t node;
};

struct network {
	struct arch *arch;
	struct graph *graph;
	struct net net;
	struct model_info
		info;     /* what was used: text, field, picture, normalisation, classes, history */
	size_t input;     /* the node to bind the field's values to */
	enum dtype dtype; /* of those values */
	struct network_input other[NETWORK_INPUTS];
	size_t others;
	bool headless; /* the file holds nothing behind the embedding (contrastive methods) */
};

/* A file's metadata and tensors; the first weights file decides text, picture and normalisation. The
 * stream's field must be as the model wants it: CVT_INPUT, ending in what mends it. Untrained networks
 * take the stream's picture as it is. Frees itself on failure; network_close otherwise. */
int network_open(
	struct network *n, const struct network_choice *c, const struct head *h, struct cvt_err *e);
void network_close(struct network *n);

/* The normalisation to use, DESIGN 4: the option, else the model's, else the stream's, else 0.5/0.5. */
int network_normalisation(struct model_info *info, const struct network_choice *c,
	const struct head *h, size_t channels, struct cvt_err *e);
/* CVT_INPUT unless the stream's rows of a field are of that shape. */
int network_check_picture(const char *source, const struct shape *want,
	const struct head_field *have, struct cvt_err *e);
/* Cuts [STAGE=]FILE: returns FILE, copies STAGE (or "") into stage. */
const char *network_weights_file(const char *text, char *stage, size_t size);
/* What is wrong with a text that the first model file carries is no fault of the command line:
 * CVT_USAGE becomes CVT_INPUT that names the file; returns the code. */
int network_blame_model(int code, const struct cli_many *weights, struct cvt_err *e);
/* "class[.FIELD] K NAME" lines of one field of a HEAD, as a model's cv.classes keeps them; and back,
 * those of all fields. */
int network_classes_text(
	const struct head *h, const char *field, struct str *out, struct cvt_err *e);
int network_classes_head(const char *text, struct head *h, struct cvt_err *e);
/* "prog DEPTH LINE" lines of a HEAD, as cv.history keeps them; and back into a HEAD, `deeper`. */
int network_history_text(const struct head *h, struct str *out, struct cvt_err *e);
int network_history_head(const char *text, unsigned deeper, struct head *h, struct cvt_err *e);

#endif
