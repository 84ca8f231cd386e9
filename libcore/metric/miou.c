/* miou: masks. For each class the pixels in both masks by those in either (intersection over
 * union), and the mean over classes that occur in either; the share of pixels that are right.
 * Pixels of 255 in the truth are left out; a prediction of 255 is none. */
#include "metric.h"

#include <math.h>

enum { PIXELS, COUNTS };
enum { TRUTH, PREDICTED, BOTH, CLASS_COUNTS };

static int add(struct tally *t, const struct metric_rows *r, struct cvt_err *e)
{
	(void)e;
	for (size_t i = 0; i < r->rows * r->pixels; i++) {
		const unsigned char truth = r->truth_mask[i], answer = r->answer_mask[i];
		if (truth == METRIC_IGNORE)
			continue;
		t->count[PIXELS]++;
		tally_class(t, truth)[TRUTH]++;
		tally_class(t, truth)[BOTH] += truth == answer;
		if (answer != METRIC_IGNORE)
			tally_class(t, answer)[PREDICTED]++;
	}
	return CVT_OK;
}

static int report(const struct tally *t, struct report *to, struct cvt_err *e)
{
	static const struct report_value columns[] = {
		{"pixels", REPORT_COUNT, 0}, {"iou", REPORT_SHARE, 0}};
	uint64_t right = 0;
	double sum = 0;
	size_t present = 0;
	struct report_table *table = report_table(to, "iou", t->classes, 2, columns, e);
	if (!table)
		return CVT_SYSTEM;
	for (size_t c = 0; c < t->classes; c++) {
		const uint64_t *n = tally_class(t, c), either = n[TRUTH] + n[PREDICTED] - n[BOTH];
		double *cell = table->cell + c * 2;
		cell[0] = (double)n[TRUTH];
		cell[1] = report_ratio(n[BOTH], either);
		right += n[BOTH];
		present += either > 0;
		sum += either ? cell[1] : 0;
	}
	TRY(report_share(to, "miou", present ? sum / (double)present : NAN, e));
	return report_share(to, "pixel-accuracy", report_ratio(right, t->count[PIXELS]), e);
}

const struct metric metric_miou = {
	.name = "miou",
	.help = "masks: mean intersection over union, share of right pixels",
	.needs = METRIC_MASK,
	.standard = true,
	.counts = COUNTS,
	.class_counts = CLASS_COUNTS,
	.add = add,
	.report = report,
};
