/*
 * sched: schedules, how the learning rate falls while training goes on. A schedule is a pure
 * function of the way covered, so that it needs no state in a checkpoint, and does not depend on
 * how rows fall into batches.
 *
 * To add one: one file here that ends in its struct sched, one line in sched.def.
 */
#ifndef CVT_SCHED_H
#define CVT_SCHED_H

#include "../mem.h"

enum { SCHED_VALUES = 8 };

struct sched_at {
	double x;                   /* the share of the training that lies behind, 0 <= x < 1 */
	double step;                /* the share of this step */
	double epoch;               /* what lies behind in epochs, from the end of the warm-up on */
	double epochs;              /* all of them, likewise */
	double value[SCHED_VALUES]; /* as given (--sched NAME=A,B), or the schedule's defaults */
	size_t given;
};

struct sched {
	const char *name, *help;
	size_t takes; /* so many values at most */
	double value[SCHED_VALUES];
	bool needs_total; /* cannot run when nobody knows how long training takes */
	/* N + 1: with N values or more it counts epochs, and so must know how long one is; 0: it never
	 * does. */
	size_t counts_epochs;
	/* What is wrong with the values, as far as they are given; NULL = nothing. */
	const char *(*wrong)(const double *value, size_t given);
	double (*factor)(const struct sched_at *at); /* what the learning rate is multiplied by */
};

/* For those whose values are shares, from 0 to 1. */
const char *sched_shares(const double *value, size_t given);

extern const struct sched *const scheds[]; /* in the order of sched.def, NULL-terminated */

/* A schedule as chosen on the command line, with its warm-up. */
struct sched_choice {
	const struct sched *sched;
	double value[SCHED_VALUES];
	size_t given;
	double warmup_epochs;
	bool warmup_exponential;
};
/* "NAME[=A[,B...]]"; CVT_USAGE with "did you mean". */
int sched_parse(struct sched_choice *c, const char *text, struct cvt_err *e);
/* The factor of the step that goes from epoch position `from` to `to` (fractions of epochs count;
 * to may be a little more than from) of `epochs`. Linear warm-up W: to / W, so that the first step
 * already moves and the last one of the warm-up has factor 1; the schedule begins after it. The
 * exponential one has 0.01^(1 - to / W). */
double sched_factor(const struct sched_choice *c, double from, double to, double epochs);

#endif
