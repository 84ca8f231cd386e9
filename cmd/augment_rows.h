/*
 * augment_rows: which fields of a stream are pictures and what moves along with them, and a batch
 * of rows through a chain of operations.
 */
#ifndef CVT_AUGMENT_ROWS_H
#define CVT_AUGMENT_ROWS_H

#include "../formats/head.h"
#include "../libcore/aug/chain.h"
#include "../libcore/par.h"

enum { AUGMENT_VIEWS = 256, AUGMENT_NAME = 72 };

struct augment_rows {
	const struct aug_chain *chain;
	uint64_t seed;
	uint32_t stage; /* drawing programs before this one */
	size_t views;   /* pictures a row that come in: 1 (`image`) or k (`image.1` ...) */
	bool numbered;
	size_t made;           /* views that the chain makes of one; 0 = none */
	size_t H, W, C;        /* of the common part's result; 0 = not known */
	size_t *out_H, *out_W; /* per picture that goes out */
	size_t outs;
	bool has[6];   /* mask edge depth boxes keypoints, in the stream */
	int32_t *flip; /* keypoint pairs; NULL */
	size_t K;
	struct par *par;
	struct augment_pad *pad; /* one a thread */
};

/* Understands the stream's fields and changes HEAD to what goes out. `first` is the first batch
 * (NULL if there is none): pictures of different sizes say there how many channels they have.
 * CVT_INPUT when there is no picture, or when sizes would differ in what goes out. */
int augment_open(struct augment_rows *a, const struct aug_chain *chain, const struct batch *first,
	struct head *h, struct par *par, struct cvt_err *e);
void augment_close(struct augment_rows *a);
/* `to` = the rows of `from`, with pictures replaced. Rows are dealt to threads; the result does not
 * depend on that. */
int augment_batch(
	struct augment_rows *a, const struct batch *from, struct batch *to, struct cvt_err *e);

#endif
