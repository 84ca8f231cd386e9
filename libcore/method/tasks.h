/*
 * tasks: several heads on one network (hard sharing: Caruana, "Multitask learning", 1997). What
 * --head says becomes losses between stages and fields, their weighted sum, and a score each; what
 * methods that learn from fields of the stream are made of.
 */
#ifndef CVT_TASKS_H
#define CVT_TASKS_H

#include "method.h"

enum task_kind { TASK_UNSCORED, TASK_ACCURACY, TASK_IOU, TASK_ERROR };

/* One head. */
struct task {
	enum task_kind kind;
	char field[FIELD_NAME];
	size_t stage, classes; /* its node; how many numbers a place of it has */
	size_t score, tally;   /* where it is counted */
};

struct tasks {
	size_t n;
	struct task task[METHOD_HEADS];
};

struct tasks_choice {
	struct method_head usual; /* learned when --head says nothing */
	double dice;              /* weight of `dice` beside a map's cross-entropy; 0 = none */
	bool uncertain;           /* weights are learned (nn/uncertain.c) */
};

/* The text's network, its heads, one phase that lowers all: what build() ends in. l->own is the tasks, which
 * the hooks below score and free. */
int tasks_build(struct learner *l, const struct tasks_choice *c, struct cvt_err *e);
/* The field that the network's output is called after: a head of another field is not to take it. NULL
 * when there is none. */
const char *tasks_output_field(const struct method_facts *f, const struct net *n);
/* The record's score(), conclude() and close(). */
void tasks_score(const struct learner *l, const struct plan *p, const struct batch *rows,
	struct score_sum *sum);
void tasks_conclude(const struct learner *l, double score[METHOD_SCORES]);
void tasks_close(struct learner *l);

#endif
