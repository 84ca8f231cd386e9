/* eval_fid: `cv-eval --fid`: how far the features of one stream are from those of another. Needs no
 * labels. */
#ifndef CVT_EVAL_FID_H
#define CVT_EVAL_FID_H

#include "../../formats/source.h"
#include "../../libcore/metric/metric.h"

struct eval_fid {
	const char *reference, *field; /* a stream's path; what is compared */
	bool by_part;                  /* of the input only rows whose `part` is: */
	int32_t part;
};

/* The reference is read to its end before the first row of `in`. Adds fid and both counts. */
int eval_fid(struct source *in, const struct eval_fid *o, const struct dataset_options *reading,
	struct report *to, struct cvt_err *e);

#endif
