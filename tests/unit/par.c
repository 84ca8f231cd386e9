/* par: every block is done once, by whichever thread; many short jobs in a row lose none. */
#include "../../libcore/par.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 1000, JOBS = 20000 };

struct tally {
	unsigned times[MOST], thread[MOST];
};

static void count(void *context, size_t block, unsigned thread)
{
	struct tally *t = context;
	t->times[block]++;
	t->thread[block] = thread;
}

static bool all_once(struct par *p, size_t blocks)
{
	struct tally t = {0};
	par_for(p, blocks, count, &t);
	for (size_t b = 0; b < MOST; b++)
		if (t.times[b] != (b < blocks) || t.thread[b] >= par_threads(p))
			return false;
	return true;
}

int main(void)
{
	int failures = 0;
	for (unsigned threads = 1; threads <= 8; threads *= 2) {
		struct par *p;
		struct cvt_err e;
		bool good = par_open(&p, threads, &e) == CVT_OK && par_threads(p) == threads;
		for (size_t job = 0; job < JOBS && good; job++)
			good = all_once(p, job % 37);
		good = good && all_once(p, MOST);
		printf("%s %u threads do every block once\n", good ? "ok" : "not ok", threads);
		failures += !good;
		par_close(p);
	}
	return failures != 0;
}
