/* par: a pool of threads over fixed blocks (see par.h). */
#define _GNU_SOURCE /* sched_getaffinity */
#include "par.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct par {
	unsigned threads, started;
	pthread_t *thread;
	struct helper *helper;
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	/* the job in hand, guarded by lock */
	unsigned long job;
	size_t blocks, next, running;
	void (*work)(void *, size_t, unsigned);
	void *context;
	bool quit;
};

struct helper {
	struct par *pool;
	unsigned index;
};

/* Takes blocks until there are none; called and left with the lock held. */
static void take_blocks(struct par *p, unsigned thread)
{
	while (p->next < p->blocks) {
		const size_t block = p->next++;
		pthread_mutex_unlock(&p->lock);
		p->work(p->context, block, thread);
		pthread_mutex_lock(&p->lock);
	}
}

static void *helper_main(void *argument)
{
	const struct helper *h = argument;
	struct par *p = h->pool;
	unsigned long seen = 0;
	pthread_mutex_lock(&p->lock);
	while (!p->quit) {
		if (p->job == seen) {
			pthread_cond_wait(&p->wake, &p->lock);
			continue;
		}
		seen = p->job;
		p->running++;
		take_blocks(p, h->index);
		if (--p->running == 0)
			pthread_cond_signal(&p->done);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static unsigned cores(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
		return (unsigned)CPU_COUNT(&set);
	return 1;
}

/* Signals are the main thread's business: helpers start with all of them blocked. */
static int start_helpers(struct par *p, struct cvt_err *e)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int code = 0;
	while (p->started + 1 < p->threads && code == 0) {
		struct helper *h = &p->helper[p->started];
		*h = (struct helper){p, p->started + 1};
		code = pthread_create(&p->thread[p->started], NULL, helper_main, h);
		p->started += code == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code != 0)
		return cvt_fail(e, CVT_SYSTEM, "cannot start %u threads; try --threads 1", p->threads);
	return CVT_OK;
}

int par_open(struct par **out, unsigned threads, struct cvt_err *e)
{
	*out = NULL;
	struct par *p = mem_alloc(1, sizeof *p, e);
	if (!p)
		return CVT_SYSTEM;
	p->threads = threads ? threads : cores();
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	pthread_cond_init(&p->done, NULL);
	p->thread = mem_alloc(p->threads, sizeof *p->thread, e);
	p->helper = mem_alloc(p->threads, sizeof *p->helper, e);
	const int code = p->thread && p->helper ? start_helpers(p, e) : CVT_SYSTEM;
	if (code != 0) {
		par_close(p);
		return code;
	}
	*out = p;
	return CVT_OK;
}

void par_close(struct par *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->quit = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->started; i++)
		pthread_join(p->thread[i], NULL);
	pthread_cond_destroy(&p->wake);
	pthread_cond_destroy(&p->done);
	pthread_mutex_destroy(&p->lock);
	free(p->thread);
	free(p->helper);
	free(p);
}

unsigned par_threads(const struct par *p)
{
	return p ? p->threads : 1;
}

void par_for(struct par *p, size_t blocks, void (*work)(void *, size_t, unsigned), void *context)
{
	if (!p || p->threads == 1 || blocks == 1) {
		for (size_t b = 0; b < blocks; b++)
			work(context, b, 0);
		return;
	}
	pthread_mutex_lock(&p->lock);
	p->job++;
	p->blocks = blocks;
	p->next = 0;
	p->work = work;
	p->context = context;
	pthread_cond_broadcast(&p->wake);
	take_blocks(p, 0);
	while (p->running > 0)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
}
