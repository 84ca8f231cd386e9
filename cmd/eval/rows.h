/*
 * eval_rows: what in a stream is the truth, what the prediction, and the rows that have both, ready
 * for the measures (metric.h).
 */
#ifndef CVT_EVAL_ROWS_H
#define CVT_EVAL_ROWS_H

#include "../../formats/head.h"
#include "../../libcore/metric/metric.h"

struct eval_fields {
	/* names of fields; NULL = found by eval_choose */
	const char *truth, *answer, *score;
	bool masks, maps, probs;
	unsigned has;   /* enum metric_needs that can be met */
	size_t classes; /* columns of score, else names, else 0 */
	size_t most;    /* classes that a prediction may name; 0 = any */
	bool sums;      /* probabilities must sum to 1 */
	bool by_part;   /* only rows whose `part` is: */
	int32_t part;
};

struct eval_rows {
	struct metric_rows r;
	/* what r points to */
	struct tensor truth, answer, score, truth_mask, answer_mask, truth_map, answer_map;
	uint64_t read, unlabelled; /* rows so far; of those, rows without a truth */
};

/* Finds the fields: the truth in `label` or `mask` (in FIELD for prediction.FIELD), the prediction in
 * `prediction`, `logits` or `probs`, unless they are named. CVT_INPUT when there is none, naming the programs that make them.
 */
int eval_choose(struct eval_fields *f, const struct head *h, const char *source, struct cvt_err *e);
/* The rows of b that count, into rows->r. */
int eval_take(struct eval_rows *rows, const struct eval_fields *f, const struct batch *b,
	struct cvt_err *e);
/* CVT_INPUT when rows cannot be chosen by `part`. */
int eval_check_part(const struct head *h, const char *source, struct cvt_err *e);
void eval_rows_free(struct eval_rows *rows);

#endif
