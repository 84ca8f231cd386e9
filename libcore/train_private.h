/* train: what train.c and the train_*.c share; nobody else includes it. */
#ifndef CVT_TRAIN_PRIVATE_H
#define CVT_TRAIN_PRIVATE_H

#include "train_feed.h"

/* A stretch of a slab that one block of work covers. */
struct train_block {
	size_t phase, param, offset, n;
	size_t work;            /* its scratch, if the optimizer takes it as a matrix */
	double lr_scale, decay; /* times those of the step */
};

/* Everything that changes from step to step, but for the slabs. Saved as it is (train_state.c). */
struct train_counters {
	struct feed_position at;
	uint64_t step;
	/* of this epoch so far */
	double loss_sum, loss_rows;
	struct score_sum score[METHOD_SCORES];
	/* early stopping */
	double best;
	uint64_t best_epoch, has_best, bad_epochs;
	uint64_t averaged; /* steps in the uniform mean (--swa) */
};

struct train {
	struct learner *l;
	struct train_source source;
	struct train_options o;
	struct train_hooks hooks;
	struct feed *feed;
	const char *field[METHOD_INPUTS]; /* what the feed keeps */
	struct train_counters c;
	float *ema_weight, *ema_buffer, *best_weight, *best_buffer;
	float *start; /* weights before training (--l2-sp); NULL */
	bool thawed;  /* unfreeze_at has come */
	size_t nblocks;
	struct train_block *block;
	double *part; /* two sums a block */
	float *matrix_work;
	size_t pending;           /* batches whose gradients wait for a step (--accumulate) */
	struct feed_position was; /* before the first of them */
	double lr, factor, gradient_norm, batch_loss; /* of the last step */
	double last_loss[METHOD_PHASES];              /* of this run; NAN before the first */
	size_t unsound; /* the parameter that began with what is no finite number; GRAPH_NONE */
	double started, waited, checkpointed;
	uint64_t rows_done; /* in this run */
};

/* ---- train_step.c ------------------------------------------------------------------ */
/* Forward and backward on a batch; the weights move when --accumulate batches are together. */
int train_step(struct train *t, const struct feed_item *item, struct cvt_err *e);
/* The option that asks how long the training is; NULL = none does. */
const char *train_asks_length(const struct train *t);
/* Moves the weights by what has gathered, if anything. */
int train_step_flush(struct train *t, const struct feed_item *item, struct cvt_err *e);
/* The share of the training that lies before this position; NAN if nobody knows. */
double train_share(
	const struct train *t, const struct feed_item *item, const struct feed_position *at);

/* ---- train_update.c ---------------------------------------------------------------- */
int train_update_open(struct train *t, struct cvt_err *e);
void train_update_close(struct train *t);
/* Moves the parameters of a phase; its gradients are cleared. */
int train_update(struct train *t, size_t phase, double loss, struct cvt_err *e);
/* CVT_DIVERGED, and what to do about it. */
int train_diverged(
	const struct train *t, size_t phase, double loss, double norm, struct cvt_err *e);

/* ---- train_blame.c ----------------------------------------------------------------- */
/* Looks at the parameters that the training begins with, or goes on with. */
void train_begin(struct train *t);
/* Behind train_diverged: CVT_DIVERGED, in the message what of the batch or the weights is no finite
 * number. */
int train_blame(const struct train *t, const struct batch *rows, struct cvt_err *e);

/* ---- train_average.c --------------------------------------------------------------- */
/* True when averaged weights are kept. */
bool train_averages(const struct train_options *o);
/* Lets the average follow the weights after a step; x is the share of the training that is done. */
void train_average(struct train *t, double x);

/* ---- train_whiten.c ---------------------------------------------------------------- */
/* Before the first step: the filters of the convolution to whiten, from these rows. */
int train_whiten(struct train *t, const struct batch *rows, struct cvt_err *e);

/* ---- train_mix.c ------------------------------------------------------------------- */
/* Mixes the rows that this run is about to learn from, in place. */
int train_mix(
	const struct train *t, const struct batch *rows, const struct run *run, struct cvt_err *e);

/* ---- train_score.c ----------------------------------------------------------------- */
/* Scores the validation rows with the weights that would be kept; fills val_* of r. */
int train_validate(struct train *t, struct train_report *r, struct cvt_err *e);
/* What the sums, and what the method counted beside them, come to. */
void train_conclude(const struct train *t, const struct score_sum *sum, double *score);
void train_clear_tally(struct train *t);
/* Puts the weights that are kept (best, averaged) into the graph. */
void train_keep(struct train *t);

/* ---- train_fit.c ------------------------------------------------------------------- */
/* Holds the training rows of one epoch and gives them to the method's fit(). */
int train_fit(struct train *t, struct cvt_err *e);

#endif
