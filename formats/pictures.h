/*
 * pictures: a data set of which every row is a picture file of a tree, with what belongs to it. The
 * files are decoded when their row is read. Which files, and what labels they have, is for others
 * to say (folder.c, webdataset.c).
 */
#ifndef CVT_PICTURES_H
#define CVT_PICTURES_H

#include "picture.h"
#include "tree.h"

struct pictures_item {
	size_t entry;     /* the file in the tree */
	size_t mask;      /* another file, SIZE_MAX = none */
	const char *name; /* borrowed from the tree: its first name_bytes */
	size_t name_bytes;
	char *own_name; /* what `name` is when the tree's is no UTF-8 */
	char *caption;  /* own; NULL = none */
	int32_t label;
	struct picture size;
};

struct pictures {
	struct pictures_item *item;
	size_t n, capacity;
	bool has_label, has_name, has_caption, has_mask, ragged;
	size_t name_bytes, caption_bytes;
	struct dataset_options o;
	struct tree_buffer file; /* scratch */
	struct picture_room room;
};

int pictures_create(struct dataset *d, const struct dataset_options *o, struct cvt_err *e);
int pictures_add(struct pictures *p, const struct pictures_item *item, struct cvt_err *e);
/* Measures all pictures and makes d->head. */
int pictures_finish(struct dataset *d, struct cvt_err *e);
/* Functions of the record. */
int pictures_read(
	struct dataset *d, const size_t *pick, size_t n, struct batch *out, struct cvt_err *e);
int pictures_labels(struct dataset *d, int32_t *label, struct cvt_err *e);
void pictures_close(struct dataset *d);

#endif
