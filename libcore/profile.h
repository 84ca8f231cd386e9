/*
 * profile: where a training's time goes: per operator and direction, what plan.c measures when a
 * run carries one, and whatever else its owner adds. Time is the calling thread's processor time,
 * which others on the machine do not stretch.
 */
#ifndef CVT_PROFILE_H
#define CVT_PROFILE_H

#include "graph.h"

enum { PROFILE_ROWS = 96 };

struct profile {
	struct profile_row {
		const char *name, *part; /* "conv", "forward"; not copied */
		size_t calls;
		double seconds, flop; /* flop: of products, done directly, 2 each */
	} row[PROFILE_ROWS];
	size_t rows;
};

/* Seconds of this thread's processor time. */
double profile_now(void);
/* Adds one call that began at profile_now() == from. A full table forgets. */
void profile_add(struct profile *p, const char *name, const char *part, double from, double flop);
/* Operations of a node for n rows of the batch, forward or (gradients that are asked for) backward. */
double profile_flop(const struct nn_io *io, bool back);
/* Rows by their time, longest first. */
void profile_sort(struct profile *p);
/* What one core can do at this moment, operations a second: multiply-adds in registers alone. Takes
 * some milliseconds. */
double profile_peak(void);

#endif
