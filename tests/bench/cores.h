/*
 * cores: what more of them could give. engine is linked so that every call of par_for comes by here
 * (ld's --wrap): run on one thread, a job of B blocks is timed, and would take ceil(B/T)/B of that on T; what
 * is outside of jobs takes what it takes. So this is a bound, by how work is cut, on the speed-up: memory is
 * as fast for T as for one, waking threads costs nothing, all blocks of a job are alike.
 */
#ifndef CVT_BENCH_CORES_H
#define CVT_BENCH_CORES_H

#include "../../libcore/par.h"

#include <stdio.h>
#include <time.h>

typedef void par_work(void *context, size_t block, unsigned thread);
/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
void __real_par_for(struct par *p, size_t blocks, par_work *work, void *context);
void __wrap_par_for(struct par *p, size_t blocks, par_work *work, void *context);

enum { CORES = 6 };
static const unsigned cores_asked[CORES] = {2, 4, 8, 16, 32, 64};

static struct {
	bool asked;
	size_t jobs;
	double all, least[CORES]; /* seconds in jobs, on one thread and on each number of cores */
} cores;

static double cores_now(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void __wrap_par_for(struct par *p, size_t blocks, par_work *work, void *context)
{
	if (!cores.asked) {
		__real_par_for(p, blocks, work, context);
		return;
	}
	const double from = cores_now();
	__real_par_for(p, blocks, work, context);
	const double took = cores_now() - from;
	cores.jobs++;
	cores.all += took;
	for (size_t i = 0; i < CORES && blocks > 0; i++) {
		const size_t turns = (blocks + cores_asked[i] - 1) / cores_asked[i];
		cores.least[i] += took * (double)turns / (double)blocks;
	}
}
/* NOLINTEND(bugprone-reserved-identifier) */

static void cores_begin(void)
{
	const bool asked = cores.asked;
	memset(&cores, 0, sizeof cores);
	cores.asked = asked;
}

/* Of a run of so many seconds on one thread since cores_begin(). */
static void cores_print(double took)
{
	printf("jobs %zu of %.1f us, outside of them %.2f %%; cores: speed-up at most", cores.jobs,
		1e6 * cores.all / (double)(cores.jobs ? cores.jobs : 1),
		100 * (1 - cores.all / took));
	for (size_t i = 0; i < CORES; i++)
		printf("%s %u: %.2f", i ? "," : "", cores_asked[i],
			took / (took - cores.all + cores.least[i]));
	printf("\n");
}

#endif
