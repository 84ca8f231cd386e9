/* top5: the share of rows whose true class is among the five with the greatest scores. Of equal
 * scores the lower class counts as the greater. */
#include "metric.h"

enum { HIT, COUNTS, TOP = 5 };

static size_t rank(const float *score, size_t classes, size_t truth)
{
	size_t before = 0;
	for (size_t c = 0; c < classes; c++)
		before += score[c] > score[truth] || (c < truth && score[c] == score[truth]);
	return before;
}

static int add(struct tally *t, const struct metric_rows *r, struct cvt_err *e)
{
	(void)e;
	t->classes = r->classes;
	for (size_t i = 0; i < r->rows; i++)
		t->count[HIT] +=
			rank(r->score + i * r->classes, r->classes, (size_t)r->truth[i]) < TOP;
	return CVT_OK;
}

/* Among five classes or fewer it says nothing. */
static int report(const struct tally *t, struct report *to, struct cvt_err *e)
{
	if (t->classes <= TOP)
		return CVT_OK;
	return report_share(to, "top5", report_ratio(t->count[HIT], t->rows), e);
}

const struct metric metric_top5 = {
	.name = "top5",
	.help = "share of rows whose true class is among the five best",
	.needs = METRIC_SCORE,
	.standard = true,
	.counts = COUNTS,
	.add = add,
	.report = report,
};
