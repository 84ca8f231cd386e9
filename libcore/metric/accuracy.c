/* accuracy: the share of rows whose prediction is the truth. */
#include "metric.h"

enum { RIGHT, COUNTS };

static int add(struct tally *t, const struct metric_rows *r, struct cvt_err *e)
{
	(void)e;
	for (size_t i = 0; i < r->rows; i++)
		t->count[RIGHT] += r->answer[i] == r->truth[i];
	return CVT_OK;
}

static int report(const struct tally *t, struct report *to, struct cvt_err *e)
{
	return report_share(to, "accuracy", report_ratio(t->count[RIGHT], t->rows), e);
}

const struct metric metric_accuracy = {
	.name = "accuracy",
	.help = "share of rows whose prediction is the truth",
	.needs = METRIC_ANSWER,
	.standard = true,
	.counts = COUNTS,
	.add = add,
	.report = report,
};
