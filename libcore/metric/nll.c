/* nll: the mean of -ln p(truth), in nats; the cross-entropy that classifiers are trained on. */
#include "metric.h"

#include <math.h>

enum { SUM, SUMS };

/* A probability of zero would cost an infinity for one row. */
static const double least = 1e-12;

/* ln sum exp(score), shifted by the greatest so that nothing overflows. */
static double log_sum_exp(const float *score, size_t k)
{
	const size_t best = (size_t)metric_argmax(score, k);
	const double most = (double)score[best];
	double sum = 1;
	for (size_t c = 0; c < k; c++)
		sum += c == best ? 0 : exp((double)score[c] - most);
	return most + log(sum);
}

static int add(struct tally *t, const struct metric_rows *r, struct cvt_err *e)
{
	(void)e;
	for (size_t i = 0; i < r->rows; i++) {
		const float *score = r->score + i * r->classes;
		const double truth = (double)score[r->truth[i]];
		if (r->probs)
			t->sum[SUM] -= log(truth > least ? truth : least);
		else
			t->sum[SUM] += log_sum_exp(score, r->classes) - truth;
	}
	return CVT_OK;
}

static int report(const struct tally *t, struct report *to, struct cvt_err *e)
{
	return report_share(to, "nll", t->rows ? t->sum[SUM] / (double)t->rows : NAN, e);
}

const struct metric metric_nll = {
	.name = "nll",
	.help = "mean of -ln p(truth), nats; p at least 1e-12",
	.needs = METRIC_SCORE,
	.sums = SUMS,
	.add = add,
	.report = report,
};
