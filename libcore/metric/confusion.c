/* confusion: how many rows of each class (down) were taken for each class (across). The last column
 * is for rows without a prediction, shown if there are such. */
#include "metric.h"

static int add(struct tally *t, const struct metric_rows *r, struct cvt_err *e)
{
	(void)e;
	for (size_t i = 0; i < r->rows; i++) {
		const size_t none = t->classes;
		tally_class(
			t, (size_t)r->truth[i])[r->answer[i] < 0 ? none : (size_t)r->answer[i]]++;
	}
	return CVT_OK;
}

static int report(const struct tally *t, struct report *to, struct cvt_err *e)
{
	bool none = false;
	for (size_t c = 0; c < t->classes; c++)
		none = none || tally_class(t, c)[t->classes] > 0;
	const size_t columns = t->classes + (none ? 1 : 0);
	struct report_table *table = report_table(to, "confusion", t->classes, columns, NULL, e);
	if (!table)
		return CVT_SYSTEM;
	table->with_none = none;
	for (size_t c = 0; c < t->classes; c++)
		for (size_t k = 0; k < columns; k++)
			table->cell[c * columns + k] = (double)tally_class(t, c)[k];
	return CVT_OK;
}

const struct metric metric_confusion = {
	.name = "confusion",
	.help = "how many rows of each class were taken for each class",
	.needs = METRIC_ANSWER,
	.square = true,
	.add = add,
	.report = report,
};
