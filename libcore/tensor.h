/*
 * tensor: an array of numbers with a shape, and a batch of named ones. It is what the formats fill,
 * the commands pass along and the engine reads; it knows neither files nor networks.
 *
 * Dimensions: the first is rows (N) unless the field is FIELD_WHOLE. C order, at most 7.
 */
#ifndef CVT_TENSOR_H
#define CVT_TENSOR_H

#include "mem.h"

enum { TENSOR_DIMS = 7, FIELD_NAME = 48 };

enum dtype { DT_U1, DT_I4, DT_I8, DT_F4, DT_COUNT };

size_t dtype_size(enum dtype t);
/* "|u1" "<i4" "<i8" "<f4", as numpy writes them. */
const char *dtype_name(enum dtype t);
/* false when the text names no dtype of ours. */
bool dtype_parse(const char *text, enum dtype *t);

struct tensor {
	enum dtype dtype;
	int ndim;
	size_t dims[TENSOR_DIMS];
	size_t bytes;    /* in use: product of dims x item size */
	size_t capacity; /* owned bytes behind data; 0 = borrowed */
	void *data;      /* aligned to 64 bytes when owned */
};

/* Gives t the type and shape and room for it; keeps the old memory where that suffices. Contents are
 * undefined. CVT_INPUT when the size does not fit, CVT_SYSTEM when memory is short. */
int tensor_shape(
	struct tensor *t, enum dtype dtype, int ndim, const size_t *dims, struct cvt_err *e);
/* The same with room for `rows` rows kept when the first dimension changes later. */
int tensor_rows(struct tensor *t, size_t rows, struct cvt_err *e);
void tensor_free(struct tensor *t);
size_t tensor_items(const struct tensor *t);
/* Items and bytes of one row (the product of dims[1..]). */
size_t tensor_row_items(const struct tensor *t);
size_t tensor_row_bytes(const struct tensor *t);
int tensor_copy(struct tensor *to, const struct tensor *from, struct cvt_err *e);
bool tensor_same_row_shape(const struct tensor *a, const struct tensor *b);
/* product of n dims into *items, checked; CVT_INPUT otherwise. */
int tensor_count(int ndim, const size_t *dims, size_t *items, struct cvt_err *e);

enum field_flags { FIELD_WHOLE = 1 }; /* the first dimension is not rows (STREAM.md, bit 0) */

struct field {
	char name[FIELD_NAME]; /* NUL-padded, at most 47 characters of [a-z0-9_.] */
	unsigned flags;
	struct tensor t;
};

/* Some rows of every field. Reused from batch to batch: batch_reset keeps the memory. */
struct batch {
	size_t rows;
	uint32_t epoch;
	size_t n, capacity;
	struct field *field;
};

bool field_name_ok(const char *name);
/* The field of that name, or a view of it: "image.3". */
bool field_is_view(const char *name, const char *base);
/* What rows of that many dimensions under that name are made of, where cv-stream(5) says so; else
 * DT_F4. */
enum dtype field_dtype(const char *name, int ndim);
/* True for `boxes`, `proposals`, `detections` and their views: rows of entries whose first number is
 * -1 where there is none. */
bool field_is_boxes(const char *name);
/* Copies `count` rows of `have` entries of that many bytes to rows of `want`; new entries mean "none":
 * 0, or for boxes (f4) a -1 and zeros. */
void field_pad_rows(void *to, size_t want, const void *from, size_t have, size_t count,
	size_t bytes, bool boxes);
void batch_free(struct batch *b);
/* Of its rows; the memory that it keeps for others is not counted. */
size_t batch_bytes(const struct batch *b);
/* NULL when there is none. */
struct tensor *batch_get(const struct batch *b, const char *name);
struct field *batch_field(const struct batch *b, const char *name);
/* The field of that name, appended (with an empty tensor) if it is new. NULL with e set. Pointers to
 * other fields of b die when it is new. */
struct field *batch_add(struct batch *b, const char *name, struct cvt_err *e);
void batch_remove(struct batch *b, const char *name);
/* Makes `to` a copy of rows [first, first+count) of from. Ragged triples (NAME, NAME.at, NAME.hwc)
 * are cut with their offsets. */
int batch_slice(
	struct batch *to, const struct batch *from, size_t first, size_t count, struct cvt_err *e);
/* True if b has a constant that is another one in a: their rows cannot stand in one batch. */
bool batch_constants_differ(const struct batch *a, const struct batch *b);
/* Appends rows [first, first+count) of from to `to`, which is empty (no fields) or has the same
 * fields in the same order. Text (u1, one dimension a row) and boxes may differ in their length: the
 * shorter rows are padded. Constants must be the same (CVT_INPUT). */
int batch_append(
	struct batch *to, const struct batch *from, size_t first, size_t count, struct cvt_err *e);
/* Makes `to` the rows pick[0..count) of from, in that order (repeats allowed). */
int batch_gather(struct batch *to, const struct batch *from, const size_t *pick, size_t count,
	struct cvt_err *e);
/* How many rows of [first, end) belong together, from first on: neighbours of equal `group`. */
size_t batch_unit(const struct batch *b, size_t first, size_t end);
/* A state dict, as PyTorch calls it: named tensors (parameters, optimizer state) and metadata, in
 * order. What formats/safetensors.h reads and writes and model.h moves into and out of a graph. */
struct state_entry {
	char *name;
	struct tensor t;
};
/* Places of the first n names (keys), in the order of these. */
struct state_names {
	struct state_name {
		const char *name; /* the entry's */
		size_t at;
	} * by_name;
	size_t n;
};
struct state_meta {
	char *key, *value;
};
struct state_dict {
	size_t n, capacity;
	struct state_entry *entry;
	size_t nmeta, meta_capacity;
	struct state_meta *meta;
	struct state_names entries_sorted, meta_sorted; /* state_sort */
};
void state_free(struct state_dict *d);
/* Appends a tensor of that type and shape (contents undefined); *t is valid until the next one. */
int state_add(struct state_dict *d, const char *name, enum dtype dtype, int ndim,
	const size_t *dims, struct tensor **t, struct cvt_err *e);
/* Makes lookups of what there is so far fast, whatever the names: there may be many in a file. */
int state_sort(struct state_dict *d, struct cvt_err *e);
/* The first of that name in entry; d->n when there is none. */
size_t state_find(const struct state_dict *d, const char *name);
/* NULL when there is none. */
struct tensor *state_get(const struct state_dict *d, const char *name);
/* Appends a line of metadata whose key is not there yet: many come from a file. */
int state_add_meta(struct state_dict *d, const char *key, const char *value, struct cvt_err *e);
/* Sets (or replaces) a line of metadata. */
int state_set_meta(struct state_dict *d, const char *key, const char *value, struct cvt_err *e);
const char *state_meta(const struct state_dict *d, const char *key); /* NULL */

/* True if NAME.at exists and NAME is FIELD_WHOLE: rows of different size end to end. */
bool batch_is_ragged(const struct batch *b, const char *name);

#endif
