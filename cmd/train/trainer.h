/*
 * trainer: what cv-train and cv-distill are made of: one table of options (options.c), one way from a stream
 * and an architecture to a learner (setup.c), one way out to a model file (save.c),
 * and main's course (trainer.c). The loop is libcore/train.h's.
 */
#ifndef CVT_TRAINER_H
#define CVT_TRAINER_H

#include "../../formats/source.h"
#include "../../libcore/train.h"
#include "../embed/network.h"
#include "tricks.h"

#include <stdio.h>

/* What the range test has seen: lr, loss, smoothed loss of each step. */
struct finder {
	size_t n, capacity;
	double *point, sum, best, at_best;
	bool done;
};

enum { TRAINER_SCALES = 32, TRAINER_OPTIONS = 192, TRAINER_TEACHERS = 8 };

/* The command line. Numbers whose default depends on another choice have a flag. */
struct trainer_options {
	struct cli_common common;
	const char *arch, *lets, *method, *freeze, *lr_scale, *opt, *sched, *betas, *mean, *std,
		*resume, *checkpoint_every, *format, *teacher_arch, *target, *class_weight,
		*precision;
	struct cli_many weights, heads;
	bool partial, reset_head, keep_all, no_nesterov, drop_last, by_number;
	bool epochs_given, lr_given, decay_given, clip_given, momentum_given, sched_given;
	bool profile, balance;
	size_t epochs, steps, batch_size, accumulate, num_classes, patience;
	size_t unfreeze_at;
	double l2_sp;
	double lr, momentum, weight_decay, warmup_epochs, label_smoothing, clip_norm, clip_value,
		ema;
	struct tricks tricks;
	struct method_value value[METHOD_OPTIONS * 8]; /* of all methods' options, in one row */
};

struct trainer {
	struct cli cli;
	struct trainer_options o;
	struct cli_option table[TRAINER_OPTIONS];
	const struct method *method;
	struct method_value value[METHOD_OPTIONS]; /* of the method's options */
	struct source *in;                         /* NULL with --epochs 0 and no input named */
	struct target *target;                     /* NULL without --target */
	struct head head;
	uint64_t seed;
	/* weights files */
	struct state_dict *dict;
	size_t ndicts;
	bool *loaded; /* parameters that they filled */
	/* what is trained */
	struct arch *arch;
	struct model_info info;
	struct method_facts facts;
	struct method_field *field;
	bool head_added[METHOD_HEADS]; /* the text got a layer for it */
	const char **class_name;
	int32_t *relabel[METHOD_HEADS]; /* the stream's class numbers to ours; NULL = the same */
	/* labels as shares of classes (soften.c) */
	bool softens;
	struct tensor shares;
	struct batch softened;
	struct head history; /* of weights and teachers */
	struct train_lr_scale scale[TRAINER_SCALES];
	char *scale_text;
	struct learner *learner;
	struct arch *teacher_arch[TRAINER_TEACHERS]; /* live as long as their graphs */
	size_t teachers;
	struct par *par;
	const struct opt *opt;
	struct train_options train_options;
	struct train *train;
	/* telling */
	struct cli_progress_line progress;
	double share_before; /* of the training that earlier runs did; -1 = not seen yet */
	int metrics_error;   /* errno of the first write to it that failed; 0 = none */
	FILE *metrics;
	struct train_report last;
	struct finder finder;
	struct profile *profile; /* --profile */
	/* checkpoints */
	char *checkpoint; /* X.ckpt; NULL = none is kept */
	char *identity;   /* of the stream: HEAD, but for where it starts */
	char *line;       /* what was typed, as history has it */
	bool saved, resumed;
};

/* The whole program; `method` is its default. */
int trainer_main(int argc, char **argv, const struct cli_program *p, const char *method);

/* ---- options.c --------------------------------------------------------------------- */
/* The table of options, which write into o. */
void trainer_table(struct trainer_options *o, struct cli_option table[TRAINER_OPTIONS]);
/* From words to the method and its numbers. CVT_USAGE */
int trainer_understand(struct trainer *t, const struct cli_option *table, struct cvt_err *e);

/* ---- setup.c ----------------------------------------------------------------------- */
/* From options and input to a learner whose parameters are drawn or loaded. */
int trainer_setup(struct trainer *t, struct cvt_err *e);
/* The source as the loop wants it. */
void trainer_source(struct trainer *t, struct train_source *s);

/* ---- numbers.c --------------------------------------------------------------------- */
/* The optimizer, its rate and its other numbers, once the network is known. CVT_USAGE for one that the
 * optimizer never reads. */
int trainer_choose_numbers(struct trainer *t, struct cvt_err *e);

/* ---- classes.c --------------------------------------------------------------------- */
/* Of the first head: whose classes the network tells apart. */
const char *trainer_label_field(const struct trainer *t);
/* How many there are and what they are called, into facts and info. After the heads. */
int trainer_choose_classes(struct trainer *t, struct cvt_err *e);
/* CVT_USAGE when a loss needs their number and nobody says it. */
int trainer_check_label_known(const struct trainer *t, struct cvt_err *e);
/* CVT_INPUT for a label beyond them; labels become the model's numbers. */
int trainer_check_labels(const struct trainer *t, const struct batch *rows, struct cvt_err *e);

/* ---- class_weight.c ---------------------------------------------------------------- */
/* Before the learner is opened: what --class-weight asks for. */
int trainer_choose_class_weight(struct trainer *t, struct cvt_err *e);
/* Behind it: its numbers into the losses. CVT_USAGE when none takes them. */
int trainer_fill_class_weight(struct trainer *t, struct cvt_err *e);

/* ---- target.c ---------------------------------------------------------------------- */
/* --target: opens it, and gives t->head the field `domain`. */
int trainer_open_target(struct trainer *t, struct cvt_err *e);
/* Puts one of its rows behind each training row of the batch; *rows is another batch then. */
int trainer_mix_target(struct trainer *t, struct batch **rows, struct cvt_err *e);
void trainer_close_target(struct trainer *t);

/* ---- heads.c ----------------------------------------------------------------------- */
/* Adds layers to the text for heads that it has no stage for. */
int trainer_add_heads(struct trainer *t, struct cvt_err *e);
/* Of the parameters [first, end): the end of those that a weights file may know. */
size_t trainer_old_params(const struct trainer *t, size_t first, size_t end);

/* ---- load.c ------------------------------------------------------------------------ */
/* Weights files into t->dict; the first one's metadata into t->info. */
int trainer_read_weights(struct trainer *t, struct cvt_err *e);
/* Do they fit the learner's parameters, which have no memory yet? Then their tensors go into these. */
int trainer_check_weights(struct trainer *t, struct cvt_err *e);
int trainer_load_weights(struct trainer *t, struct cvt_err *e);
/* method_facts.teacher */
int trainer_teacher(void *context, const char *file, size_t K, struct graph **g, size_t *input,
	size_t *output, size_t **order, struct cvt_err *e);

/* ---- find_lr.c --------------------------------------------------------------------- */
/* train_hooks.report */
void trainer_find_report(void *context, const struct train_report *r);
/* CVT_USAGE when --find-lr names no files, or such that are read. */
int trainer_find_check(const struct trainer *t, struct cvt_err *e);
/* Writes what it found, and says whether the input ended before the curve did. */
int trainer_find_end(struct trainer *t, bool diverged, struct cvt_err *e);

/* ---- soften.c ---------------------------------------------------------------------- */
/* --mixup, --cutmix: labels will be shares of the classes; before the learner is built. */
int trainer_soften_field(struct trainer *t, struct cvt_err *e);
/* CVT_USAGE when the learner reads what goes with a picture and would not be mixed with it. */
int trainer_check_mixed(const struct trainer *t, struct cvt_err *e);
/* The same rows with such labels, if they are wanted. */
int trainer_soften(struct trainer *t, struct batch **rows, struct cvt_err *e);
void trainer_soften_close(struct trainer *t);

/* ---- save.c ------------------------------------------------------------------------ */
int trainer_open_checkpoint(struct trainer *t, struct cvt_err *e);
/* train_hooks.checkpoint */
int trainer_checkpoint(void *context, struct state_dict *d, struct cvt_err *e);
/* --resume: puts the training where its checkpoint was made, if there is one. */
int trainer_resume(struct trainer *t, struct cvt_err *e);
/* The model file in place, its checkpoint gone. */
int trainer_save(struct trainer *t, struct cvt_err *e);

/* ---- tell.c ------------------------------------------------------------------------ */
int trainer_open_metrics(struct trainer *t, bool go_on, struct cvt_err *e);
/* train_hooks.report */
void trainer_report(void *context, const struct train_report *r);
int trainer_close_metrics(struct trainer *t, struct cvt_err *e);
/* -v: what the training will take. */
void trainer_foretell(const struct trainer *t);
void trainer_summary(const struct trainer *t);

/* ---- profile.c --------------------------------------------------------------------- */
/* --profile: where the time went, to stderr. */
void trainer_tell_profile(struct trainer *t);

#endif
