/*
 * knn_episodes: cv-knn --episodes: how well vectors tell classes apart in few-shot tasks, by the
 * nearest mean of a class's support, or by the vote of the nearest support vectors (-k). The tasks
 * are those of the input (`group`, `role`, `label`, one after the other), or are drawn from its
 * labelled rows, just as cv-read would draw them; with a bank, that gives the support.
 */
#ifndef CVT_KNN_EPISODES_H
#define CVT_KNN_EPISODES_H

#include "options.h"

/* Prints accuracy, half its 95 % interval over tasks, tasks and queries. */
int knn_score_episodes(const struct knn_options *o, const struct cli *c, struct cvt_err *e);

#endif
