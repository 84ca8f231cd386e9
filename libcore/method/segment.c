/*
 * segment: a class for every pixel (Long, Shelhamer and Darrell, "Fully convolutional networks",
 * 2015). The stage `mask`, else the output, is compared with the field `mask` by cross-entropy over
 * the pixels that are not 255, with --dice also by overlap. Heads beside it as in classify.
 * Validation gives the mean intersection over union, the ground being a class like the others.
 */
#include "tasks.h"

static int build(struct learner *l, struct cvt_err *e)
{
	const struct tasks_choice choice = {
		.usual = {.field = "mask", .loss = "cross-entropy", .weight = 1.0},
		.dice = method_value(l, "dice")->real,
		.uncertain = method_value(l, "uncertainty")->flag};
	return tasks_build(l, &choice, e);
}

const struct method method_segment = {
	.name = "segment",
	.help = "a class for every pixel: cross-entropy on `mask`, and overlap with --dice",
	.options = {{"dice", "W", "weight of 1 - overlap beside cross-entropy", CLI_REAL, 0},
		{"uncertainty", NULL, "learn the weights of several heads", CLI_FLAG, 0}},
	.build = build,
	.score = tasks_score,
	.conclude = tasks_conclude,
	.close = tasks_close,
	.target = "mask",
	.heads = true,
};
