/*
 * rate: what a program that reads or makes rows tells of its own work: progress for people, and
 * --metrics for programs (rows, seconds, rows_per_second). Trainers tell more (train/tell.c).
 *
 * In a pipeline one program has the terminal's last line: a filter that writes into a pipe leaves it
 * to those that follow, unless --progress always.
 */
#ifndef CVT_RATE_H
#define CVT_RATE_H

#include "../formats/head.h"
#include "../libcore/cli.h"
#include "../libcore/metric/metric.h"

struct rate {
	struct cli_progress_line line;
	uint64_t rows, total; /* total 0 = it is not known how many there will be */
	bool speaks;
};

/* h says how many rows there will be; NULL = it is not known. CVT_USAGE when `--metrics -` would meet a
 * stream on stdout. */
int rate_start(struct rate *r, const struct cli *c, const struct head *h, struct cvt_err *e);
/* The same for a program that writes no stream, so that it is the last: it always speaks. */
void rate_start_last(struct rate *r, const struct cli *c, const struct head *h);
/* That many more rows are done. */
void rate_add(struct rate *r, size_t rows);
/* Takes the progress line away; may be called twice, or on {0}. */
void rate_stop(struct rate *r);
/* Adds rows, seconds and rows_per_second. */
int rate_report(const struct rate *r, struct report *to, struct cvt_err *e);
/* All is done: takes the progress line away and writes --metrics, if that is asked for. */
int rate_finish(struct rate *r, struct cvt_err *e);

#endif
