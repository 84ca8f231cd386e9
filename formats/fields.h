/*
 * fields: cut and paste for streams: leave fields out, call them otherwise, add those of another
 * file. A ragged field takes its .at and .hwc with it.
 */
#ifndef CVT_FIELDS_H
#define CVT_FIELDS_H

#include "head.h"

/* Comma lists; NULL = nothing to do. Done in the order drop, paste, select, rename. */
struct fields_options {
	const char *drop;
	const char *paste; /* a file */
	const char *select;
	const char *rename; /* OLD=NEW,... */
	bool by_number;     /* classes of the file are those of the rows by number, not by name */
	size_t max_memory;
};

struct fields;

/* Reads the file to paste, and makes `h` the head of what will come out; CVT_USAGE for fields that
 * are not there, naming the nearest. */
int fields_open(
	struct fields **f, const struct fields_options *o, struct head *h, struct cvt_err *e);
/* What made the file that is pasted, one DEPTH deeper: for behind the program's own line. */
int fields_add_history(const struct fields *f, struct head *h, struct cvt_err *e);
/* Does the same to the rows of a batch. */
int fields_apply(struct fields *f, struct batch *b, struct cvt_err *e);
void fields_close(struct fields *f);

#endif
