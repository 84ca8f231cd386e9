/*
 * dataset: files of others (IDX, CIFAR binary, folders of pictures, archives, npy ...) as rows with
 * random access. What the bytes are is decided by content; formats.def lists the kinds. One format
 * = one file that ends in its struct format.
 */
#ifndef CVT_DATASET_H
#define CVT_DATASET_H

#include "head.h"
#include "input.h"

struct dataset_options {
	const char *format;  /* --format NAME; NULL = by content */
	const char *split;   /* --split NAME; NULL = the only one there is */
	size_t max_memory;   /* for what must be held (pipes, archives) */
	bool in_order;       /* rows will be wanted in order, so that a stream need not be held */
	struct ahead *ahead; /* pictures are decoded by its threads; NULL = by the caller's */
	/* safety limits; 0 = the default of dataset.c, which documents them */
	size_t max_pixels, max_side, max_entries, max_entry_bytes, max_expansion, max_scans;
	size_t max_scan_pixels, max_chunks, max_compressed;
};

struct ahead;
struct tree;
struct picture_codec;

struct dataset {
	struct head head; /* fields as rows will have them, class names, rows, index */
	size_t rows;
	size_t held;                 /* bytes of memory it keeps, for the budget of the next one */
	char *name;                  /* for messages */
	const struct format *format; /* its functions serve this data set */
	void *state;                 /* the format's own */
	size_t channels;             /* of all its pictures when they are ragged; 0 = they differ */
	size_t behind; /* picks behind those n of a read that will be wanted next, as they stand there */
	size_t largest;       /* bytes of its largest picture; 0 = as head says, or unknown */
	const int64_t *index; /* of each row; NULL = the row's number */
	const int32_t *part;  /* of each row, 1 = validation; NULL = all are 0 */
	const int64_t *group; /* of each row; neighbours of one stay so. NULL = none has one */
	struct tree *tree;    /* the files it is made of, if several */
};

/* A kind of file. */
struct format {
	const char *name, *help;
	/* How sure we are that these first bytes (or this folder) are ours: 0 = no, 1 = perhaps (a
	 * weak sign such as a size), 2 = surely. */
	int (*probe)(struct input *in, const unsigned char *start, size_t n);
	/* Fills d (head, rows, state); owns `in` from here on, also when it fails. */
	int (*open)(struct dataset *d, struct input *in, const struct dataset_options *o,
		struct cvt_err *e);
	/* Rows pick[0..n) into `out` (fields as head says, `index` = the row's number). May be
	 * called from one thread at a time. */
	int (*read)(struct dataset *d, const size_t *pick, size_t n, struct batch *out,
		struct cvt_err *e);
	void (*close)(struct dataset *d);
	/* Optional: frees what the next read can have again. */
	void (*rest)(struct dataset *d);
	/* Optional: the labels of all rows, without reading anything else. */
	int (*labels)(struct dataset *d, int32_t *label, struct cvt_err *e);
	/* What is made of several files (a folder, an archive, a list of names), for formats that
	 * know such; the files are d->tree, which dataset_close closes. */
	int (*probe_tree)(struct tree *t);
	int (*open_tree)(struct dataset *d, const struct dataset_options *o, struct cvt_err *e);
	/* Optional: do two files that begin so, named one after the other, belong together? */
	bool (*goes_with)(
		const unsigned char *first, size_t n, const unsigned char *second, size_t m);
	/* A kind of picture (picture.h); then nothing but name, help and this is set. */
	const struct picture_codec *picture;
};

/* All formats, in the order of formats.def; NULL-terminated. */
extern const struct format *const formats[];

/* Opens a path (NULL = stdin). A data set with several splits and no o->split is CVT_USAGE and the
 * text names `cv-read --split`. */
int dataset_open(
	struct dataset **d, const char *path, const struct dataset_options *o, struct cvt_err *e);
/* The same on an input that is open (and peeked). Owns `in`. */
int dataset_open_input(
	struct dataset **d, struct input *in, const struct dataset_options *o, struct cvt_err *e);
int dataset_read(
	struct dataset *d, const size_t *pick, size_t n, struct batch *out, struct cvt_err *e);
/* The class of a row of `label`: its number, of soft labels the greatest share (the lowest of equal
 * ones); -1 = unknown. */
int32_t dataset_class(const struct tensor *label, size_t row);
/* That of all rows (field `label`); -1 where there are none. */
int dataset_labels(struct dataset *d, int32_t *label, struct cvt_err *e);
/* No rows of d will be wanted for a while: what can be had again is freed, its file closed. */
void dataset_rest(struct dataset *d);
void dataset_close(struct dataset *d);
/* How many of n operands, from the first on, are one data set (pictures; an IDX file and its
 * labels); at least 1. */
int dataset_group(const char *const *paths, size_t n, const struct dataset_options *o,
	size_t *group, struct cvt_err *e);
/* Loose files that are one data set together: pictures, or an IDX file and its labels. */
int dataset_open_list(struct dataset **d, const char *const *paths, size_t n,
	const struct dataset_options *o, struct cvt_err *e);

/* ---- for the formats --------------------------------------------------------------- */

/* Gives `out` the fields of d (all but ragged ones) with n rows, and fills `index`. */
int dataset_start(const struct dataset *d, const size_t *pick, size_t n, struct batch *out,
	struct cvt_err *e);
/* A row is held when it is read: CVT_LIMIT (--max-memory) when a field of it is too large. Asked of every
 * data set that was opened; those that make room for a row while they are, ask themselves. */
int dataset_check_row(const struct dataset *d, size_t max_memory, struct cvt_err *e);
/* Adds a field of one number a row. */
int dataset_add_number(struct dataset *d, const char *name, enum dtype dtype, struct cvt_err *e);
/* Which of n splits o asks for ("test" is met by "t10k" too); CVT_USAGE when that is not clear. */
int dataset_choose_split(const char *source, const char *const *split, size_t n,
	const struct dataset_options *o, size_t *chosen, struct cvt_err *e);
/* "train", "test" or "val" if the word is one of their usual names, NULL otherwise. */
const char *dataset_split_word(const char *word);
/* Class names of `field` from the lines of a text; numbers "0".. up to k-1 when text is NULL. */
int dataset_name_classes(struct dataset *d, const char *field, size_t k, const char *text,
	size_t length, struct cvt_err *e);
/* Makes d what the files of a tree are; owns t. For formats that only unpack such files. */
int dataset_from_tree(
	struct dataset *d, struct tree *t, const struct dataset_options *o, struct cvt_err *e);

#endif
