/*
 * train: the only loop. It draws rows from a source, regroups them into batches while the engine
 * works (train_feed.c), runs a method's phases (train_step.c), scores the validation rows
 * (train_score.c) and can put everything that matters into a state dict and take it out again
 * (train_state.c), so that a run that was killed goes on to the same bytes.
 *
 * Positions. The unit of progress is the row: schedules see the share of rows that lies behind, so
 * neither frames nor a last, smaller batch bend them. Batches never reach over an epoch's end,
 * never part rows of one `group`.
 */
#ifndef CVT_TRAIN_H
#define CVT_TRAIN_H

#include "method/method.h"
#include "sched/sched.h"

#include <signal.h>

#define TRAIN_UNKNOWN SIZE_MAX

enum train_event { TRAIN_ROWS, TRAIN_EPOCH, TRAIN_DONE };

/* Where rows come from. next() is called from a thread of its own, never twice at a time. */
struct train_source {
	void *context;
	/* The next rows (borrowed until the next call; may be changed), or the end of an epoch, or
	 * of all. Rows have the fields that the learner reads, `index`, and `part` and `group` if
	 * there are any. */
	int (*next)(void *context, struct batch **rows, enum train_event *event, struct cvt_err *e);
	const char *name; /* for messages */
	size_t rows;      /* training rows of an epoch; TRAIN_UNKNOWN */
	size_t epochs;    /* that come; TRAIN_UNKNOWN */
};

struct train_options {
	size_t batch_size;
	bool drop_last;
	size_t epochs;         /* 0 = as many as come */
	size_t steps;          /* stop after that many; 0 = no limit */
	size_t accumulate;     /* batches a step; 1 */
	const struct opt *opt; /* what the learner was prepared with */
	double lr;
	struct sched_choice sched;
	double clip_norm, clip_value; /* 0 = not */
	double ema;                   /* decay; 0 = none */
	bool swa;                     /* keep the plain mean of all weights ... */
	double swa_start;             /* ... from this share of the training on */
	struct train_lookahead {
		size_t every; /* steps; 0 = none */
		double alpha, power;
	} lookahead;
	double bias_lr_scale; /* lr of the norms' biases, not their decay, times this; 0 = 1 */
	bool decay_all;       /* biases and norms, too */
	/* The range test: lr grows from low to high over the steps; *find_done, which a report may
	 * set, ends it. low 0 = not. */
	double find_low, find_high;
	bool *find_done;
	double mixup, cutmix;    /* alpha of the batch's mixing (aug/mix.h); 0 = not */
	size_t whiten;           /* convolution whose filters whiten its input; 0 = none */
	size_t patience;         /* epochs without improvement; 0 = no early stopping */
	double checkpoint_every; /* seconds; 0 = only at epochs' ends */
	uint64_t seed;
	size_t max_memory; /* for rows that are held: replay, validation */
	bool allow_empty;  /* no rows: nothing is learned */
	struct par *par;
	struct profile *profile; /* NULL = no times are taken */
	size_t nlr_scale;        /* lr of parameters under a prefix */
	const struct train_lr_scale {
		const char *prefix;
		double factor;
	} * lr_scale;
	size_t unfreeze_at; /* epochs after which what learner_freeze froze learns, too; 0 = never */
	double l2_sp; /* decay of these parameters, towards where they started; 0 = as the others */
	const bool *loaded;
	const volatile sig_atomic_t *stop; /* set by a signal: save and leave */
};

/* What there is to tell: after an epoch, or now and then within one. Shares of 1, seconds. */
struct train_report {
	bool epoch_end;
	size_t epoch, epochs; /* from 0; TRAIN_UNKNOWN */
	uint64_t step;
	size_t rows, epoch_rows;        /* done in this epoch, of (TRAIN_UNKNOWN) */
	double loss, lr, gradient_norm; /* the loss is the mean of this epoch so far */
	double batch_loss;              /* of the last batch */
	size_t scores;
	const char *score_name[METHOD_SCORES];
	double score[METHOD_SCORES]; /* on the training batches as they were; NAN = nothing known */
	size_t watched;              /* learned numbers that the method shows */
	const char *watched_name[METHOD_WATCHED];
	double watched_value[METHOD_WATCHED];
	bool validated, best; /* val_* hold; the best epoch so far */
	double val_loss, val_score[METHOD_SCORES];
	double seconds, rows_per_second, waiting; /* of this run; share of time without input */
	double share;                             /* of the training that is done; NAN if unknown */
};

struct train_hooks {
	void *context;
	void (*report)(
		void *context, const struct train_report *r); /* called often; NULL = nothing */
	/* Makes the checkpoint durable; may add metadata. NULL = none is kept. */
	int (*checkpoint)(void *context, struct state_dict *d, struct cvt_err *e);
};

struct train;

/* The learner is prepared and its parameters drawn or loaded. */
int train_open(struct train **t, struct learner *l, const struct train_source *s,
	const struct train_options *o, const struct train_hooks *h, struct cvt_err *e);
/* Sets everything to where the checkpoint was made. CVT_INPUT when it is of another training. */
int train_restore(struct train *t, const struct state_dict *d, struct cvt_err *e);
/* --whiten STAGE: which convolution that is; its filters are frozen. Before learner_prepare. */
int train_choose_whiten(struct learner *l, const char *stage, size_t *conv, struct cvt_err *e);
/* Trains to the end. On CVT_OK the graph holds the weights to keep (the best, the averaged).
 * Failures: the source's own (a checkpoint is kept first); CVT_DIVERGED; TRAIN_STOPPED after *stop.
 */
enum { TRAIN_STOPPED = 130 };
int train_run(struct train *t, struct cvt_err *e);
/* Everything, as train_restore wants it. */
int train_save(struct train *t, struct state_dict *d, struct cvt_err *e);
/* Epochs that are complete so far, those of earlier runs among them. */
size_t train_epochs_done(const struct train *t);
void train_close(struct train *t);

#endif
