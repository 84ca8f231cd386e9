/*
 * tree: named files that belong together: a folder with all below it, an archive held in memory, or
 * a list of names. What a set of files means (folder.c, idx.c, cifar.c, webdataset.c) does not
 * depend on where they lie.
 */
#ifndef CVT_TREE_H
#define CVT_TREE_H

#include "dataset.h"

struct tree_entry {
	char *name;  /* path from the root, '/' between the parts */
	size_t at;   /* place in `bytes` */
	size_t size; /* SIZE_MAX = not asked yet */
};

struct tree {
	char *name; /* for messages */
	struct tree_entry *entry;
	size_t n, capacity;
	struct input *folder; /* where the names lead, NULL = the working folder */
	bool held;            /* the files lie in `bytes`, end to end */
	void *bytes;
	size_t nbytes, bytes_capacity;
	struct cvt_err missed; /* see tree_missed */
};

/* The bytes of a file, reused from one to the next. */
struct tree_buffer {
	const unsigned char *p; /* borrowed from the tree, or own */
	size_t n;
	void *own;
	size_t capacity;
};

/* All files below a folder, sorted; hidden ones are left out. Owns `in`. */
int tree_open_folder(
	struct tree **t, struct input *in, const struct dataset_options *o, struct cvt_err *e);
/* The names as they come. */
int tree_open_list(struct tree **t, const char *const *paths, size_t n, struct cvt_err *e);
/* One file, held; `compressed` when it is a PNG or JPEG. Owns `in`. */
int tree_open_one(struct tree **t, struct input *in, bool compressed,
	const struct dataset_options *o, struct cvt_err *e);
void tree_close(struct tree *t);

int tree_create(struct tree **t, const char *name, struct cvt_err *e);
int tree_add(struct tree *t, const char *name, size_t at, size_t size,
	const struct dataset_options *o, struct cvt_err *e);
/* In the order of their parts ("a/x" before "a-b/x"); of equal names the last added stays. */
void tree_sort(struct tree *t);

int tree_size(struct tree *t, size_t i, size_t *size, struct cvt_err *e);
/* The whole file, up to `most` bytes (beyond: CVT_LIMIT, --max-entry-bytes). */
int tree_load(struct tree *t, size_t i, size_t most, struct tree_buffer *b, struct cvt_err *e);
/* Its first bytes, at most `want`. */
int tree_start(struct tree *t, size_t i, size_t want, struct tree_buffer *b, struct cvt_err *e);
/* The file as an input, called TREE/NAME. */
int tree_input(struct tree *t, size_t i, struct input **in, struct cvt_err *e);
/* Fails with "TREE/NAME: " before the text of e. */
int tree_fail_at(const struct tree *t, size_t i, struct cvt_err *e);
/* Who looks what the files are could not look at one. If the machine is to blame (memory, the disk,
 * a permission), that is no answer: it is kept, and tree_looked fails with the first of them. */
void tree_missed(struct tree *t, const struct cvt_err *e);
int tree_looked(const struct tree *t, struct cvt_err *e);
/* What follows the last '/'. */
const char *tree_base(const char *name);
/* Is that file a picture: by its suffix, else by its first bytes. */
bool tree_is_picture(struct tree *t, size_t i);

#endif
