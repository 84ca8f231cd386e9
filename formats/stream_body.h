/*
 * stream_body: the body of a BATC frame, checked against the schema and made a batch whose tensors
 * lie in the body itself. For the stream's own files.
 */
#ifndef CVT_STREAM_BODY_H
#define CVT_STREAM_BODY_H

#include "stream_frame.h"

struct body_reader {
	const struct head *head;   /* what HEAD promised */
	struct head_field *schema; /* its fields, as narrowed by the first frame */
	struct descriptor *descriptor;
	size_t index; /* upper bound of `index` in this part */
};

int body_start(struct body_reader *r, const struct head *h, struct cvt_err *e);
void body_stop(struct body_reader *r);
/* Fills b (its tensors borrow from `body`, which may be written to); *val is how many rows are of
 * the validation part. */
int body_read(struct body_reader *r, const struct frame *f, unsigned char *body, struct batch *b,
	size_t *val, struct cvt_err *e);

#endif
