/*
 * dataset: files of others (IDX, CIFAR binary, folders of pictures, archives, npy ...) as rows with
 * random access. What the bytes are is decided by content; formats.def lists the kinds. One format =
 * one file that ends in its struct format.
 */
#ifndef CVT_DATASET_H
#define CVT_DATASET_H

#include "head.h"
#include "input.h"

struct dataset_options {
	const char *format; /* --format NAME; NULL = by content */
	const char *split;  /* --split NAME; NULL = the only one there is */
	size_t max_memory;  /* for what must be held (pipes, archives) */
	/* safety limits; 0 = the default of dataset.c, which documents them */
	size_t max_pixels, max_side, max_entries, max_entry_bytes, max_expansion;
};

struct dataset {
	struct head head; /* fields as rows will have them, class names, rows, index */
	size_t rows;
	char *name;                  /* for messages */
	const struct format *format; /* its functions serve this data set */
	void *state;                 /* the format's own */
};

/* A kind of file. */
struct format {
	const char *name, *help;
	/* How sure we are that these first bytes (or this folder) are ours: 0 = no, 1 = perhaps (a weak
	 * sign such as a size), 2 = surely. */
	int (*probe)(struct input *in, const unsigned char *start, size_t n);
	/* Fills d (head, rows, state); owns `in` from here on, also when it fails. */
	int (*open)(struct dataset *d, struct input *in, const struct dataset_options *o,
		struct cvt_err *e);
	/* Rows pick[0..n) into `out` (fields as head says, `index` = the row's number). May be called
	 * from one thread at a time. */
	int (*read)(struct dataset *d, const size_t *pick, size_t n, struct batch *out,
		struct cvt_err *e);
	void (*close)(struct dataset *d);
};

/* All formats, in the order of formats.def; NULL-terminated. */
extern const struct format *const formats[];

/* Opens a path (NULL = stdin). A data set with several splits and no o->split is CVT_USAGE and the
 * text names `cv-read --split`. */
int dataset_open(struct dataset **d, const char *path, const struct dataset_options *o,
	struct cvt_err *e);
/* The same on an input that is open (and peeked). Owns `in`. */
int dataset_open_input(struct dataset **d, struct input *in, const struct dataset_options *o,
	struct cvt_err *e);
int dataset_read(struct dataset *d, const size_t *pick, size_t n, struct batch *out,
	struct cvt_err *e);
void dataset_close(struct dataset *d);

#endif
