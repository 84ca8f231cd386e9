/*
 * classify: supervised learning. Each head compares a stage of the network with a field of the
 * stream by a loss; with nothing said that is the network's output, `label`, and cross-entropy
 * (Bishop, "Pattern recognition", 4.3.4), with hard labels or soft ones. The sum of the weighted
 * losses is lowered, or with --uncertainty the sum that Kendall, Gal and Cipolla (2018) weigh by
 * learned variances. Rows whose label is unknown count nothing.
 */
#include "tasks.h"

static int build(struct learner *l, struct cvt_err *e)
{
	const struct tasks_choice choice = {
		.usual = {.field = "label", .loss = "cross-entropy", .weight = 1.0},
		.uncertain = method_value(l, "uncertainty")->flag};
	return tasks_build(l, &choice, e);
}

const struct method method_classify = {
	.name = "classify",
	.help = "supervised: cross-entropy on `label`, or the losses of --head",
	.options = {{"uncertainty", NULL, "learn the weights of several heads", CLI_FLAG, 0}},
	.build = build,
	.score = tasks_score,
	.conclude = tasks_conclude,
	.close = tasks_close,
	.heads = true,
};
