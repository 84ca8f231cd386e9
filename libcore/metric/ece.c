/*
 * ece: the expected calibration error. Rows are put into 15 bins by their confidence, the
 * probability of the class predicted; the error is the mean over rows of
 * |share right in its bin - mean confidence in its bin| (Guo et al., "On calibration of modern
 * neural networks", ICML 2017, eq. 3).
 */
#include "metric.h"

#include <math.h>

enum { BINS = 15 };

static double confidence(const float *score, size_t k, size_t best, bool probs)
{
	double sum = 0;
	if (probs)
		return (double)score[best];
	for (size_t c = 0; c < k; c++)
		sum += exp((double)score[c] - (double)score[best]);
	return 1 / sum;
}

/* Bins are open below and closed above: (0, 1/15], (1/15, 2/15] ... */
static size_t bin_of(double p)
{
	const double b = ceil(p * BINS) - 1;
	return b <= 0 ? 0 : b >= BINS ? BINS - 1 : (size_t)b;
}

static int add(struct tally *t, const struct metric_rows *r, struct cvt_err *e)
{
	uint64_t *rows = t->count, *right = t->count + BINS;
	(void)e;
	for (size_t i = 0; i < r->rows; i++) {
		const float *score = r->score + i * r->classes;
		const int32_t best = metric_argmax(score, r->classes);
		const double p = confidence(score, r->classes, (size_t)best, r->probs);
		const size_t b = bin_of(p);
		rows[b]++;
		right[b] += best == r->truth[i];
		t->sum[b] += p;
	}
	return CVT_OK;
}

static int report(const struct tally *t, struct report *to, struct cvt_err *e)
{
	double sum = 0;
	for (size_t b = 0; b < BINS; b++)
		sum += fabs((double)t->count[BINS + b] - t->sum[b]);
	return report_share(to, "ece", t->rows ? sum / (double)t->rows : NAN, e);
}

const struct metric metric_ece = {
	.name = "ece",
	.help = "expected calibration error, 15 bins (Guo et al. 2017)",
	.needs = METRIC_SCORE,
	.counts = 2 * BINS,
	.sums = BINS,
	.add = add,
	.report = report,
};
