/* depth: maps of a number a pixel, as Eigen, Puhrsch and Fergus ("Depth map prediction from a single
 * image using a multi-scale deep network", 2014) compare them: the root of the mean squared error,
 * the mean of |d - t| / t, and the share of pixels whose ratio max(d / t, t / d) is below 1.25.
 * Pixels without a truth above 0 are left out; a prediction that is no number counts nowhere as
 * right and makes the errors undefined. */
#include "metric.h"

#include <math.h>

enum { PIXELS, CLOSE, COUNTS };
enum { SQUARES, RELATIVE, SUMS };

static int add(struct tally *t, const struct metric_rows *r, struct cvt_err *e)
{
	(void)e;
	for (size_t i = 0; i < r->rows * r->pixels; i++) {
		const double truth = (double)r->truth_map[i], d = (double)r->answer_map[i];
		if (!(truth > 0))
			continue;
		t->count[PIXELS]++;
		t->count[CLOSE] += d < 1.25 * truth && truth < 1.25 * d;
		t->sum[SQUARES] += (d - truth) * (d - truth);
		t->sum[RELATIVE] += fabs(d - truth) / truth;
	}
	return CVT_OK;
}

static int report(const struct tally *t, struct report *to, struct cvt_err *e)
{
	const double n = (double)t->count[PIXELS];
	TRY(report_share(to, "rmse", sqrt(t->sum[SQUARES] / n), e));
	TRY(report_share(to, "abs-rel", t->sum[RELATIVE] / n, e));
	return report_share(to, "delta1", report_ratio(t->count[CLOSE], t->count[PIXELS]), e);
}

const struct metric metric_depth = {
	.name = "depth",
	.help = "maps: root mean square and relative error, share of ratios below 1.25",
	.needs = METRIC_MAP,
	.standard = true,
	.counts = COUNTS,
	.sums = SUMS,
	.add = add,
	.report = report,
};
