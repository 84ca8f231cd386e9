/*
 * model: between a network in a graph and a model file's state dict (DESIGN 3): weights under
 * PyTorch's names and shapes, and the metadata that lets the file be used alone.
 */
#ifndef CVT_MODEL_H
#define CVT_MODEL_H

#include "net.h"

/* What the metadata of a model says; absent parts are NULL or 0. Texts are owned. */
struct model_info {
	char *arch;  /* cv.arch: the text, with its lets filled in */
	char *field; /* cv.input, line 1: "FIELD H W C" ... */
	struct shape input;
	size_t channels; /* ... lines 2, 3: "mean a,b,c", "std a,b,c"; 0 = none */
	double mean[4], std[4];
	char *classes;   /* cv.classes: "class K NAME" and "class.FIELD K NAME" as in a HEAD */
	size_t nclasses; /* how many of the field that comes first */
	char *method;    /* cv.method */
	char *options;   /* cv.options: the method's own that were given, "NAME VALUE" a line */
	char *history;   /* cv.history: "prog DEPTH NAME VERSION: LINE" lines */
};

/* Reads the metadata; CVT_INPUT when a line of it is damaged. A file without any is fine. */
int model_info_read(struct model_info *m, const struct state_dict *d, struct cvt_err *e);
int model_info_write(const struct model_info *m, struct state_dict *d, struct cvt_err *e);
void model_info_free(struct model_info *m);

/* True if no parameter may be called so: checkpoints keep other things under the prefixes optimizer.
 * ema. state. best., and the file its text as __metadata__. */
bool model_reserves(const char *name);

struct model_load {
	const char *source; /* the file's name, for messages */
	const char
		*prefix; /* of the graph's parameters: "teacher." or "old." stands before the file's
						   names; NULL = none */
	bool partial;    /* load what fits, leave the rest as it is */
	bool skip_head;  /* leave parameters of the last layer (after `embedding`) as they are */
	size_t head_param;             /* with skip_head: first parameter of the head */
	size_t first_param, end_param; /* the graph's range to fill */
	size_t extra_end; /* those from end_param to here are filled, too, if the file has them */
	bool *filled;     /* set for each parameter of the graph that was; may be NULL */
};

/* Copies the dict's tensors into the graph's parameters. Every parameter of the range must be in the
 * file with its shape, and every tensor of the file in the range (num_batches_tracked and what
 * model_reserves are passed over), unless partial. A linear layer and a 1x1
 * convolution of equal element count fit each other. CVT_INPUT names the first that does not fit and
 * the nearest name. *loaded (may be NULL) counts the parameters that were filled. Before graph_finish
 * it only looks whether all would fit: then a file that says much and holds little costs nothing. */
int model_load(struct graph *g, const struct state_dict *d, const struct model_load *o,
	size_t *loaded, struct cvt_err *e);

/* Appends parameters first..end-1 to d under their names without `prefix`, weights taken from the
 * given slabs (laid out as the graph's; NULL = the graph's own), with `under` ("ema.") before. */
int model_save(const struct graph *g, size_t first, size_t end, const char *prefix,
	const char *under, const float *weights, const float *buffers, struct state_dict *d,
	struct cvt_err *e);

#endif
