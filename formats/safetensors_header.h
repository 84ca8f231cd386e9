/*
 * safetensors_header: what the header of a model file says: which tensors there are, of which type and
 * shape, where their data lie; and the metadata, which goes into the state dict at once.
 *
 * Memory. A tree of JSON takes up to 50 times its text, so none is made of a whole header: its members
 * are found by their quotes and brackets, one after the other, and parsed each by itself when it is no
 * longer than an honest one. So a header costs its own length a few times, whatever stands in it.
 */
#ifndef CVT_SAFETENSORS_HEADER_H
#define CVT_SAFETENSORS_HEADER_H

#include "../libcore/tensor.h"

#include "input.h"

enum {
	HEADER_LENGTH = 8,       /* bytes before the header, which say how long it is */
	HEADER_BYTES = 16 << 20, /* more is no model; the largest that are known have 2 MB */
	HEADER_NAMES = 1 << 16,  /* tensors, and keys of metadata; those have 10,000 and 100 */
	HEADER_ENTRY = 4096,     /* bytes of the text of one tensor, and of a name */
};

/* How a file's type becomes one of ours. */
struct stored_type {
	const char *name;
	size_t size;
	enum dtype dtype;
	void (*widen)(void *to, const unsigned char *from, size_t n); /* NULL = the same bytes */
};

/* One tensor as the header tells it. */
struct told {
	char *name;
	const struct stored_type *type;
	int ndim;
	size_t dims[TENSOR_DIMS], items;
	uint64_t begin, end;
};

struct told_list {
	struct told *told; /* in the order of their data, which they tile from 0 on */
	size_t n, capacity;
};

/* Reads the header; t is empty before, and freed by safetensors_header_free, also after an error. */
int safetensors_header(
	struct input *in, struct told_list *t, struct state_dict *d, struct cvt_err *e);
void safetensors_header_free(struct told_list *t);

/* Reads `want` bytes in pieces, so that what lies about a size allocates no more than the file has.
 * *bytes is freed by the caller, also after an error. */
int safetensors_bytes(struct input *in, unsigned char **bytes, size_t want, struct cvt_err *e);

#endif
