/* profile: adds up times and operations (see profile.h). */
#include "profile.h"

#include "net.h"
#include "simd.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

double profile_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void profile_add(struct profile *p, const char *name, const char *part, double from, double flop)
{
	const double seconds = profile_now() - from;
	size_t i = 0;
	while (i < p->rows
		&& (strcmp(p->row[i].name, name) != 0 || strcmp(p->row[i].part, part) != 0))
		i++;
	if (i == PROFILE_ROWS)
		return;
	struct profile_row *r = &p->row[i];
	if (i == p->rows)
		p->row[p->rows++] = (struct profile_row){.name = name, .part = part};
	r->calls++;
	r->seconds += seconds;
	r->flop += flop;
}

double profile_flop(const struct nn_io *io, bool back)
{
	const size_t node = (size_t)(io->node - io->graph->node);
	double times = 1;
	if (back) {
		times = io->node->nin > 0 && io->dx[0] ? 1 : 0;
		times += io->node->nparam > 0 && io->dw[0] ? 1 : 0;
	}
	return times * (double)io->n * net_flop(io->graph, node, node + 1);
}

static int longer_first(const void *a, const void *b)
{
	const struct profile_row *x = a, *y = b;
	return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

void profile_sort(struct profile *p)
{
	qsort(p->row, p->rows, sizeof *p->row, longer_first);
}

double profile_peak(void)
{
	enum { TRIES = 4, TIMES = 20000, FLOP = 2 * 12 }; /* as simd/peak.c does them */
	double best = 0;
	for (int i = 0; i < TRIES; i++) {
		const volatile float x = 0.999F;
		const double from = profile_now();
		const volatile float sum = simd()->peak(x, TIMES);
		const double speed = FLOP * TIMES * (double)simd()->width / (profile_now() - from);
		(void)sum;
		best = speed > best ? speed : best;
	}
	return best;
}
