/*
 * par: a pool of threads over fixed blocks. The caller cuts work into blocks by the problem's size
 * alone, never by the number of threads; sums are kept a block and added in block order. Then the
 * result cannot depend on how many threads there are.
 */
#ifndef CVT_PAR_H
#define CVT_PAR_H

#include "mem.h"

struct par;

/* A pool of that many threads in all (the caller's is one); 0 = one per core we may run on. */
int par_open(struct par **p, unsigned threads, struct cvt_err *e);
void par_close(struct par *p);
/* p may be NULL: one thread. */
unsigned par_threads(const struct par *p);
/* Calls work(context, block, thread) for every block in 0..blocks-1, each once, on any thread
 * (thread < par_threads: the index of private scratch); returns when all are done. */
void par_for(struct par *p, size_t blocks,
	void (*work)(void *context, size_t block, unsigned thread), void *context);
/* How many blocks of `size` n rows are. */
static inline size_t par_blocks(size_t n, size_t size)
{
	return (n + size - 1) / size;
}
/* The rows of block b when n rows are cut into blocks of `size`: first row, and how many. */
static inline size_t par_span(size_t n, size_t size, size_t b, size_t *first)
{
	*first = b * size;
	return n - *first < size ? n - *first : size;
}

#endif
