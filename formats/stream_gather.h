/*
 * stream_gather: rows on their way into BATC frames. Knows, for every field of HEAD, how its rows
 * are copied, padded, cut and laid into a body. For the stream's own files.
 */
#ifndef CVT_STREAM_GATHER_H
#define CVT_STREAM_GATHER_H

#include "stream_frame.h"

#include <sys/uio.h>

enum field_kind {
	KIND_PLAIN,   /* rows of one shape */
	KIND_PADDED,  /* rows whose number of entries varies from batch to batch */
	KIND_WHOLE,   /* a constant */
	KIND_RAGGED,  /* rows of any size end to end */
	KIND_OFFSETS, /* where those begin */
};

struct gather_field {
	enum field_kind kind;
	size_t partner;           /* of RAGGED and OFFSETS: the other one */
	const struct field *from; /* in the batch that is being put */
	struct tensor rows;       /* gathered */
	struct tensor scratch;    /* what is laid out is made here when it does not lie ready */
	struct descriptor d;      /* of the frame that is being laid out */
	const void *data;
};

struct gather {
	struct head *head; /* its open fields are settled by the first rows */
	struct gather_field *field;
	size_t n, rows;       /* fields; rows gathered */
	size_t row_cost;      /* what a row counts for in the size of a frame, ragged ones aside */
	unsigned char *table; /* packed descriptors */
	struct iovec *piece;  /* of the frame: table, then payload and padding of every field */
};

int gather_start(struct gather *g, struct head *h, struct cvt_err *e);
void gather_stop(struct gather *g);
/* Looks up HEAD's fields in b and checks that they fit. */
int gather_map(struct gather *g, const struct batch *b, struct cvt_err *e);
/* What row r of the mapped batch counts for. */
size_t gather_cost(const struct gather *g, size_t r);
/* True if the mapped batch's constants differ from those of the gathered rows. */
bool gather_constants_differ(const struct gather *g);
/* Copies rows of the mapped batch behind those gathered. */
int gather_rows(struct gather *g, size_t first, size_t count, struct cvt_err *e);
/* Lays out a body in g->piece[1..pieces]: rows of the mapped batch, or all that are gathered. Sets
 * body, n, rows and crc of the frame. */
int gather_lay_out_mapped(struct gather *g, size_t first, size_t count, struct frame *f,
	size_t *pieces, struct cvt_err *e);
int gather_lay_out(struct gather *g, struct frame *f, size_t *pieces, struct cvt_err *e);
void gather_clear(struct gather *g);

#endif
