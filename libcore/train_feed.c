/* feed: the queue between the reading thread and the loop (see train_feed.h). */
#include "train_feed_private.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* ---- the queue --------------------------------------------------------------------- */

struct feed_item *feed_slot(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	while (!f->quit && f->made - (f->taken - f->holding) >= SLOTS)
		pthread_cond_wait(&f->changed, &f->lock);
	struct feed_item *item = f->quit ? NULL : &f->item[f->made % SLOTS];
	pthread_mutex_unlock(&f->lock);
	return item;
}

static void publish(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	f->made++;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

static size_t epochs_in_all(const struct feed *f)
{
	if (f->spec.epochs)
		return f->spec.epochs;
	return f->spec.endless ? TRAIN_UNKNOWN : f->spec.source->epochs;
}

void feed_publish(struct feed *f, struct feed_item *item, enum feed_kind kind)
{
	item->kind = kind;
	item->end = f->at;
	item->epoch_rows = f->held_rows ? f->held_rows : f->spec.source->rows;
	item->epochs = epochs_in_all(f);
	publish(f);
}

int feed_mark(struct feed *f, enum feed_kind kind)
{
	struct feed_item *item = feed_slot(f);
	if (!item)
		return CVT_GONE;
	feed_publish(f, item, kind);
	return CVT_OK;
}

/* ---- the thread -------------------------------------------------------------------- */

int feed_read(struct feed *f, struct batch **b, enum train_event *event, struct cvt_err *e)
{
	int before;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
	const int code = f->spec.source->next(f->spec.source->context, b, event, e);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return code;
}

static bool replays(const struct feed_spec *s)
{
	const bool unknown = s->source->rows == TRAIN_UNKNOWN;
	if (s->source->epochs != 1 && s->source->epochs != TRAIN_UNKNOWN)
		return false;
	return s->epochs > 1 || (s->endless && s->epochs != 1)
	       || (s->epochs == 1 && !s->endless && s->measure && unknown);
}

static void *feed_main(void *context)
{
	struct feed *f = context;
	int before;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	const int code =
		replays(&f->spec) ? feed_run_replay(f, &f->error) : feed_run_stream(f, &f->error);
	pthread_mutex_lock(&f->lock);
	f->failed = code;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* glibc loads what unwinds a cancelled thread at that moment, and aborts the program when there is no
 * memory for it. Here that is an error like any other. */
static int prepare_cancelling(struct cvt_err *e)
{
#ifdef __GLIBC__
	static void *unwinder; /* stays, for all that follow */
	if (!unwinder && !(unwinder = dlopen("libgcc_s.so.1", RTLD_NOW)))
		return cvt_fail(e, CVT_SYSTEM, "cannot start a thread: %s", dlerror());
#else
	(void)e;
#endif
	return CVT_OK;
}

int feed_open(struct feed **out, const struct feed_spec *s, struct cvt_err *e)
{
	TRY(prepare_cancelling(e));
	struct feed *f = mem_alloc(1, sizeof *f, e);
	if (!f)
		return CVT_SYSTEM;
	f->spec = *s;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	errno = pthread_create(&f->thread, NULL, feed_main, f);
	if (errno) {
		free(f);
		return cvt_fail_errno(e, "cannot start a thread");
	}
	*out = f;
	return CVT_OK;
}

/* A tenth of a second from now, for looking at the stop flag now and then. */
static struct timespec soon(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += 100000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

int feed_next(struct feed *f, const struct feed_item **item, double *waited, struct cvt_err *e)
{
	const double start = cli_seconds();
	int code = CVT_OK;
	pthread_mutex_lock(&f->lock);
	f->holding = false;
	pthread_cond_broadcast(&f->changed);
	while (f->made == f->taken && !f->failed && !(f->spec.stop && *f->spec.stop)) {
		const struct timespec until = soon();
		pthread_cond_timedwait(&f->changed, &f->lock, &until);
	}
	if (f->made > f->taken) {
		*item = &f->item[f->taken++ % SLOTS];
		f->holding = true;
	} else
		code = f->failed ? f->failed : TRAIN_STOPPED;
	pthread_mutex_unlock(&f->lock);
	*waited += cli_seconds() - start;
	if (code != CVT_OK && code != TRAIN_STOPPED && e)
		*e = f->error;
	return code;
}

const struct batch *feed_validation(const struct feed *f)
{
	return &f->validation;
}

void feed_close(struct feed *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->quit = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	(void)pthread_cancel(f->thread);
	pthread_join(f->thread, NULL);
	for (size_t i = 0; i < SLOTS; i++)
		batch_free(&f->item[i].rows);
	f->view.capacity = f->view.n = 0; /* its tensors are borrowed */
	free(f->view.field);
	f->view.field = NULL;
	batch_free(&f->held);
	batch_free(&f->validation);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->changed);
	free(f);
}
