/* per_class: precision, recall and F1 of each class, and their means over the classes that there
 * are rows of (recall: the balanced accuracy). F1 = 2 P R / (P + R) = 2 TP / (2 TP + FP + FN). */
#include "metric.h"

#include <math.h>

enum { ROWS, PREDICTED, RIGHT, CLASS_COUNTS };

static int add(struct tally *t, const struct metric_rows *r, struct cvt_err *e)
{
	(void)e;
	for (size_t i = 0; i < r->rows; i++) {
		uint64_t *truth = tally_class(t, (size_t)r->truth[i]);
		truth[ROWS]++;
		truth[RIGHT] += r->answer[i] == r->truth[i];
		if (r->answer[i] >= 0)
			tally_class(t, (size_t)r->answer[i])[PREDICTED]++;
	}
	return CVT_OK;
}

static int report(const struct tally *t, struct report *to, struct cvt_err *e)
{
	static const struct report_value columns[] = {{"rows", REPORT_COUNT, 0},
		{"precision", REPORT_SHARE, 0}, {"recall", REPORT_SHARE, 0},
		{"f1", REPORT_SHARE, 0}};
	double recall = 0, f1 = 0;
	size_t present = 0;
	struct report_table *table = report_table(to, "per-class", t->classes, 4, columns, e);
	if (!table)
		return CVT_SYSTEM;
	for (size_t c = 0; c < t->classes; c++) {
		const uint64_t *n = tally_class(t, c);
		double *cell = table->cell + c * 4;
		cell[0] = (double)n[ROWS];
		cell[1] = report_ratio(n[RIGHT], n[PREDICTED]);
		cell[2] = report_ratio(n[RIGHT], n[ROWS]);
		cell[3] = report_ratio(2 * n[RIGHT], n[ROWS] + n[PREDICTED]);
		present += n[ROWS] > 0;
		recall += n[ROWS] ? cell[2] : 0;
		f1 += n[ROWS] ? cell[3] : 0;
	}
	TRY(report_share(to, "balanced-accuracy", present ? recall / (double)present : NAN, e));
	return report_share(to, "macro-f1", present ? f1 / (double)present : NAN, e);
}

const struct metric metric_per_class = {
	.name = "per-class",
	.help = "precision, recall and F1 of each class, and their means",
	.needs = METRIC_ANSWER,
	.class_counts = CLASS_COUNTS,
	.add = add,
	.report = report,
};
