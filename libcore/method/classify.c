/*
 * classify: supervised learning. Each head compares a stage of the network with a field of the
 * stream by a loss; with nothing said that is the network's output, `label`, and cross-entropy
 * (Bishop, "Pattern recognition", 4.3.4), with hard labels or soft ones. The sum of the weighted
 * losses is lowered, or with --uncertainty the sum that Kendall, Gal and Cipolla (2018) weigh by
 * learned variances. Rows whose label is unknown count nothing.
 */
#include "tasks.h"

#include <stdlib.h>

static int build(struct learner *l, struct cvt_err *e)
{
	const struct tasks_choice choice = {
		.usual = {.field = "label", .loss = "cross-entropy", .weight = 1.0},
		.uncertain = method_value(l, "uncertainty")->flag};
	struct tasks *t = l->own = mem_alloc(1, sizeof *t, e);
	return t ? tasks_build(l, t, &choice, e) : CVT_SYSTEM;
}

static void score(const struct learner *l, const struct plan *p, const struct batch *rows,
	struct score_sum *sum)
{
	tasks_score(l, l->own, p, rows, sum);
}

static void conclude(const struct learner *l, double score[METHOD_SCORES])
{
	tasks_conclude(l, l->own, score);
}

static void close(struct learner *l)
{
	free(l->own);
}

const struct method method_classify = {
	.name = "classify",
	.help = "supervised: cross-entropy on `label`, or the losses of --head",
	.options = {{"uncertainty", NULL, "learn the weights of several heads", CLI_FLAG, 0}},
	.build = build,
	.score = score,
	.conclude = conclude,
	.close = close,
	.heads = true,
};
