/*
 * ahead: pictures decoded by several threads (see ahead.h). A window of files is read by the caller's
 * thread, decoded by all, and handed out; then comes the next. What fails in a later file is no failure
 * until that file is taken: what could not be read is left out of the window, and what lacked memory
 * among others is tried again alone.
 */
#include "ahead.h"

#include <stdlib.h>
#include <string.h>

#include "../libcore/par.h"

/* Files of a window, and bytes of those beyond one a thread; bytes of a file that are kept for the next. */
enum { FILES = 64, BYTES = 64 << 20, KEEP = 1 << 18, ALIGN = 64 };

struct slot {
	struct ahead_file file;
	struct tree_buffer bytes;
	size_t at;         /* its place among the pixels */
	unsigned char *to; /* where these are */
	bool decoded;      /* or failed */
	struct cvt_err failed;
};

struct ahead {
	unsigned threads;
	struct par *par;
	struct picture_room *room; /* a thread's */
	struct tree *tree;
	const struct dataset_options *o;
	struct slot slot[FILES];
	size_t n, next;       /* files there are, and the one that is taken next */
	size_t used, total;   /* bytes of pixels; with those of the files */
	unsigned char *first; /* where the pixels of the first are */
	void *pixels;         /* of the others */
	size_t capacity;
};

int ahead_create(struct ahead **to, unsigned threads, struct cvt_err *e)
{
	*to = NULL;
	if (threads == 1)
		return CVT_OK;
	struct ahead *a = mem_alloc(1, sizeof *a, e);
	if (!a)
		return CVT_SYSTEM;
	a->threads = threads;
	*to = a;
	return CVT_OK;
}

int ahead_start(struct ahead *a, struct cvt_err *e)
{
	if (!a || a->par)
		return CVT_OK;
	TRY(par_open(&a->par, a->threads, e));
	a->threads = par_threads(a->par);
	a->room = mem_alloc(a->threads, sizeof *a->room, e);
	return a->room ? CVT_OK : CVT_SYSTEM;
}

void ahead_close(struct ahead *a)
{
	if (!a)
		return;
	for (size_t i = 0; a->room && i < a->threads; i++)
		free(a->room[i].p);
	for (size_t i = 0; i < FILES; i++)
		free(a->slot[i].bytes.own);
	par_close(a->par);
	free(a->room);
	free(a->pixels);
	free(a);
}

bool ahead_helps(const struct ahead *a)
{
	return a && par_threads(a->par) > 1;
}

bool ahead_has(const struct ahead *a, const struct tree *t, size_t entry)
{
	return a->next < a->n && a->tree == t && a->slot[a->next].file.entry == entry;
}

void ahead_empty(struct ahead *a, const struct dataset_options *o, struct tree *t)
{
	for (size_t i = 0; i < a->n; i++) {
		struct tree_buffer *b = &a->slot[i].bytes;
		if (b->capacity > KEEP) {
			free(b->own);
			*b = (struct tree_buffer){0};
		}
	}
	a->tree = t;
	a->o = o;
	a->n = a->next = a->used = a->total = 0;
}

/* One file a thread, or so many that they are handy. */
static bool has_room(const struct ahead *a, const struct ahead_file *f)
{
	const size_t file = a->tree->held ? 0 : a->tree->entry[f->entry].size;
	const size_t handy = a->n < a->threads ? SIZE_MAX : BYTES;
	const size_t most = head_rows_most(a->o->max_memory);
	size_t all;
	return mem_add(picture_bytes(&f->size), file, &all) && mem_add(all, a->total, &all)
	       && all <= most && all <= handy;
}

bool ahead_add(struct ahead *a, const struct ahead_file *f)
{
	if (a->n > 0 && (a->n == FILES || !has_room(a, f)))
		return false;
	struct slot *s = &a->slot[a->n];
	s->file = *f;
	s->failed.code = CVT_OK;
	const int code = tree_load(a->tree, f->entry, a->o->max_entry_bytes, &s->bytes, &s->failed);
	if (code != CVT_OK && a->n > 0)
		return false;
	const size_t bytes = (picture_bytes(&f->size) + ALIGN - 1) / ALIGN * ALIGN;
	s->decoded = code != CVT_OK;
	s->at = a->used;
	a->used += a->n > 0 ? bytes : 0; /* the first goes where it is wanted */
	a->total += bytes + (a->tree->held ? 0 : s->bytes.n);
	a->n++;
	return code == CVT_OK;
}

static int decode(const struct ahead *a, const struct slot *s, unsigned thread, unsigned char *to,
	struct cvt_err *e)
{
	const struct ahead_file *f = &s->file;
	const int code = picture_decode(
		s->bytes.p, s->bytes.n, f->seen, &f->size, a->o, &a->room[thread], to, e);
	return code == CVT_OK ? CVT_OK : tree_fail_at(a->tree, f->entry, e);
}

static void decode_one(void *context, size_t block, unsigned thread)
{
	struct ahead *a = context;
	struct slot *s = &a->slot[block];
	s->to = block ? (unsigned char *)a->pixels + s->at : a->first;
	s->decoded = decode(a, s, thread, s->to, &s->failed) != CVT_SYSTEM;
}

void ahead_decode(struct ahead *a, unsigned char *first)
{
	struct cvt_err why;
	if (a->n < 2) /* it is decoded when it is taken */
		return;
	a->first = first;
	if (a->used > a->capacity) {
		free(a->pixels);
		a->pixels = NULL;
		a->capacity = 0;
		if (mem_grow(&a->pixels, &a->capacity, a->used, 1, &why) != CVT_OK) {
			a->n = 1;
			return;
		}
	}
	par_for(a->par, a->n, decode_one, a);
}

int ahead_take(struct ahead *a, unsigned char *to, struct cvt_err *e)
{
	struct slot *s = &a->slot[a->next++];
	if (!s->decoded)
		return decode(a, s, 0, to, e);
	if (s->failed.code != CVT_OK) {
		*e = s->failed;
		return e->code;
	}
	if (s->to != to)
		memcpy(to, s->to, picture_bytes(&s->file.size));
	return CVT_OK;
}
