/* trainer_tricks: the craft of training: options that bend the loop but belong to no method. */
#ifndef CVT_TRICKS_H
#define CVT_TRICKS_H

#include "../../libcore/train.h"

struct tricks {
	const char *whiten, *lookahead, *muon, *warmup, *find_lr;
	bool decay_all, swa_given, lr_base_given, drop_path_given, epsilon_given, zero_init;
	size_t lr_base_batch;
	double bias_lr_scale, swa_start, epsilon, lr_base, mixup, cutmix, drop_path;
};

/* Their rows of the option table, after `to`; returns how many. */
size_t tricks_options(struct tricks *t, struct cli_option *to);
/* Checks them, before anything is opened; fills the loop's options. */
int tricks_understand(
	const struct tricks *t, double ema, struct train_options *to, struct cvt_err *e);
/* The optimizer's own numbers. */
int tricks_opt(const struct tricks *t, struct opt_config *c, struct cvt_err *e);
/* --lr-base times the rows of a step over --lr-base-batch into lr; lr_given: --lr stands, too. */
int tricks_lr(const struct tricks *t, bool lr_given, size_t rows, double *lr, struct cvt_err *e);
/* What needs the network: before learner_prepare. */
int tricks_learner(
	const struct tricks *t, struct learner *l, struct train_options *to, struct cvt_err *e);

#endif
