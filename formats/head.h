/*
 * head: what stands in the HEAD frame of a stream (STREAM.md, cv-stream.5): the schema, the counts,
 * the class names and the history. Read from text, changed by filters, written as text again; keys
 * that we do not know are kept and passed on.
 */
#ifndef CVT_HEAD_H
#define CVT_HEAD_H

#include "../libcore/tensor.h"

#define HEAD_UNKNOWN SIZE_MAX /* a count that is not known */
#define HEAD_VARIES  SIZE_MAX /* a dimension that may differ from frame to frame (M, L) */

enum { HEAD_LISTS = 64 }; /* of class names, at most */

/* Bytes that the rows of a frame, or one row, may take: what --max-memory says, and always what writers
 * put into a frame. */
static inline size_t head_rows_most(size_t max_memory)
{
	const size_t always = (size_t)4 << 20;
	return max_memory > always ? max_memory : always;
}

struct head_field {
	char name[FIELD_NAME];
	enum dtype dtype;
	unsigned flags;           /* FIELD_WHOLE */
	int ndim;                 /* of the row: without N; of the whole tensor with FIELD_WHOLE */
	size_t dims[TENSOR_DIMS]; /* HEAD_VARIES allowed */
};

struct head_classes {
	char field[FIELD_NAME]; /* "label", or another integer field */
	size_t n, capacity;
	char **name; /* name[k] may be NULL where a number was left out */
};

/* One line of history. */
struct head_prog {
	unsigned depth;
	char *text; /* "NAME VERSION: COMMAND LINE" */
};

struct head_target {
	char field[FIELD_NAME];
	char loss[32];
};

struct head {
	size_t rows, val, epochs, index; /* HEAD_UNKNOWN when absent */
	uint64_t seed, draws;
	bool has_seed;
	size_t channels; /* of mean and std; 0 = absent */
	double mean[4], std[4];
	size_t nfields, fields_capacity;
	struct head_field *field;
	size_t nclasses, classes_capacity;
	struct head_classes *classes;
	size_t ntargets, targets_capacity;
	struct head_target *target;
	size_t nprogs, progs_capacity;
	struct head_prog *prog;
	struct str other; /* lines of unknown keys and `flip`, as they came */
};

void head_free(struct head *h);
void head_init(struct head *h); /* counts unknown, everything else empty */
int head_copy(struct head *to, const struct head *from, struct cvt_err *e);
/* Parses n bytes of HEAD text (not NUL-terminated). CVT_INPUT, naming the line. */
int head_parse(struct head *h, const char *text, size_t n, struct cvt_err *e);
int head_format(const struct head *h, struct str *out, struct cvt_err *e);

/* The `prog` lines alone, as text and back: the `cv.history` of a model file. */
int head_format_history(const struct head *h, struct str *out, struct cvt_err *e);
int head_parse_history(struct head *h, const char *text, size_t n, struct cvt_err *e);

struct head_field *head_field(const struct head *h, const char *name);
/* True if the field's number of entries a row (M of boxes, L of text) may differ from frame to
 * frame: short rows are padded, boxes and the like with class (or score) -1, others with 0. */
bool head_is_padded(const struct head_field *f);
/* Bytes that are UTF-8, NUL-padded: `name` and `caption`, of open or of fixed length. */
bool head_is_text(const struct head_field *f);
/* NAME beside NAME.at is ragged whatever its DIMS say: makes both whole and one-dimensional.
 * head_parse and stream_create call it. */
int head_settle_ragged(struct head *h, struct cvt_err *e);
/* Rows of different size end to end (NAME, NAME.at): what NAME is, and what its offsets are. */
bool head_is_ragged(const struct head *h, const struct head_field *f);
bool head_is_offsets(const struct head *h, const struct head_field *f);
/* False for a constant where rows are needed: what programs look up by the number of a row (label,
 * part ...) has one entry a row, and pictures, when not ragged, have one a row, too. */
bool head_has_rows(const struct head *h, const struct head_field *f);
/* Adds (or replaces) a field by what a batch holds; dims[0] is left out unless FIELD_WHOLE. */
int head_add_field(struct head *h, const char *name, enum dtype dtype, unsigned flags, int ndim,
	const size_t *row_dims, struct cvt_err *e);
void head_remove_field(struct head *h, const char *name);
/* Makes the fields of h those of the batch (after a filter changed them). Names that vary in length
 * (boxes, proposals, detections, caption, name: dim 1) become HEAD_VARIES. */
int head_fields_from(struct head *h, const struct batch *b, struct cvt_err *e);

/* Class names of a field; NULL when it has none. */
struct head_classes *head_classes(const struct head *h, const char *field);
/* A name is kept as HEAD and model files can have it: UTF-8 on one line, all other bytes as \ooo. */
int head_set_class(
	struct head *h, const char *field, size_t number, const char *name, struct cvt_err *e);
/* Which of K classes of a field the word that followed `option` means: a name, else a number from 0.
 * CVT_USAGE naming the nearest. */
int head_find_class(const struct head *h, const char *field, size_t K, const char *word,
	const char *option, size_t *k, struct cvt_err *e);
/* Matches two class lists by NAME (STREAM.md, Rules): to_b[k] is the number in b of a's class k.
 * CVT_INPUT naming the first name that b lacks. to_b has a->n entries, caller frees. */
int head_match_classes(const struct head_classes *a, const struct head_classes *b, int32_t **to_b,
	struct cvt_err *e);

/* Adds "prog DEPTH NAME VERSION: LINE". The history of every other stream or model that the program
 * read follows its own line one deeper: head_add_history(h, other, 1). */
int head_add_prog(
	struct head *h, unsigned depth, const char *name, const char *line, struct cvt_err *e);
int head_add_history(struct head *h, const struct head *other, unsigned deeper, struct cvt_err *e);
int head_add_target(struct head *h, const char *field, const char *loss, struct cvt_err *e);

#endif
