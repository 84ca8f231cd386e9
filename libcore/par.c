/*
 * par: a pool of threads over fixed blocks (see par.h).
 *
 * A job is one atomic ticket: its number in the high half, the blocks not yet taken in the low half.
 * Whoever takes a block lowers it by one, so a thread that comes late can never take a block of a job
 * that is over. Threads look for work a little while before they sleep: between two layers of a network
 * there are microseconds, and waking a sleeper costs more than that.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include "par.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	PATIENCE = 4000, /* looks before sleeping, some tens of microseconds */
	STACK = 1 << 20, /* bytes of a helper's, whatever `ulimit -s` says */
};

struct par {
	unsigned threads, started;
	pthread_t *thread;
	struct helper *helper;
	_Atomic uint64_t ticket;
	_Atomic size_t left;       /* blocks that are not done */
	_Atomic unsigned sleeping; /* helpers that wait for `wake` */
	_Atomic bool waiting;      /* the caller waits for `done` */
	_Atomic bool quit;
	/* of the job in hand; written before its ticket is */
	size_t blocks;
	void (*work)(void *, size_t, unsigned);
	void *context;
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
};

struct helper {
	struct par *pool;
	unsigned index;
};

static void pause_a_moment(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

static void block_done(struct par *p)
{
	if (atomic_fetch_sub(&p->left, 1) != 1 || !atomic_load(&p->waiting))
		return;
	pthread_mutex_lock(&p->lock);
	pthread_cond_signal(&p->done);
	pthread_mutex_unlock(&p->lock);
}

static void take_blocks(struct par *p, unsigned thread)
{
	uint64_t t = atomic_load(&p->ticket);
	while ((uint32_t)t != 0) {
		if (!atomic_compare_exchange_weak(&p->ticket, &t, t - 1))
			continue;
		p->work(p->context, p->blocks - (uint32_t)t, thread);
		block_done(p);
		t = atomic_load(&p->ticket);
	}
}

static bool idle(struct par *p)
{
	return (uint32_t)atomic_load(&p->ticket) == 0 && !atomic_load(&p->quit);
}

static void *helper_main(void *argument)
{
	const struct helper *h = argument;
	struct par *p = h->pool;
	while (!atomic_load(&p->quit)) {
		take_blocks(p, h->index);
		for (int i = 0; i < PATIENCE && idle(p); i++)
			pause_a_moment();
		if (!idle(p))
			continue;
		pthread_mutex_lock(&p->lock);
		atomic_fetch_add(&p->sleeping, 1);
		while (idle(p))
			pthread_cond_wait(&p->wake, &p->lock);
		atomic_fetch_sub(&p->sleeping, 1);
		pthread_mutex_unlock(&p->lock);
	}
	return NULL;
}

static void wake_helpers(struct par *p)
{
	if (atomic_load(&p->sleeping) == 0)
		return;
	pthread_mutex_lock(&p->lock);
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

static unsigned cores(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
		return (unsigned)CPU_COUNT(&set);
	return 1;
}

/* Signals are the main thread's business: helpers start with all of them blocked. */
static int start_helpers(struct par *p, const pthread_attr_t *how)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int code = 0;
	while (p->started + 1 < p->threads && code == 0) {
		struct helper *h = &p->helper[p->started];
		*h = (struct helper){p, p->started + 1};
		code = pthread_create(&p->thread[p->started], how, helper_main, h);
		p->started += code == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

static int open_helpers(struct par *p, struct cvt_err *e)
{
	pthread_attr_t how;
	int code = pthread_attr_init(&how);
	if (code == 0) {
		code = pthread_attr_setstacksize(&how, STACK);
		if (code == 0)
			code = start_helpers(p, &how);
		(void)pthread_attr_destroy(&how);
	}
	if (code != 0)
		return cvt_fail(
			e, CVT_SYSTEM, "cannot start %u threads; try --threads 1", p->threads);
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
	const int code = p->thread && p->helper ? open_helpers(p, e) : CVT_SYSTEM;
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
	atomic_store(&p->quit, true);
	pthread_mutex_lock(&p->lock);
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

static void wait_for_blocks(struct par *p)
{
	for (int i = 0; i < PATIENCE && atomic_load(&p->left) != 0; i++)
		pause_a_moment();
	if (atomic_load(&p->left) == 0)
		return;
	pthread_mutex_lock(&p->lock);
	atomic_store(&p->waiting, true);
	while (atomic_load(&p->left) != 0)
		pthread_cond_wait(&p->done, &p->lock);
	atomic_store(&p->waiting, false);
	pthread_mutex_unlock(&p->lock);
}

void par_for(struct par *p, size_t blocks, void (*work)(void *, size_t, unsigned), void *context)
{
	if (!p || p->threads == 1 || blocks <= 1 || blocks > UINT32_MAX) {
		for (size_t b = 0; b < blocks; b++)
			work(context, b, 0);
		return;
	}
	const uint64_t job = (atomic_load(&p->ticket) >> 32) + 1;
	p->blocks = blocks;
	p->work = work;
	p->context = context;
	atomic_store(&p->left, blocks);
	atomic_store(&p->ticket, job << 32 | blocks);
	wake_helpers(p);
	take_blocks(p, 0);
	wait_for_blocks(p);
}
