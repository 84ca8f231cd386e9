/*
 * starve: this program's own malloc and its kin, for the libraries it uses as well. They count what
 * is in use, and let the starve.at-th allocation fail (0 = none of them), with starve.ever all that
 * follow, too. A sanitizer brings its own: STARVE_WORKS is 0 then.
 */
#ifndef CVT_STARVE_H
#define CVT_STARVE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STARVE_WORKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STARVE_WORKS 0
#endif
#endif
#ifndef STARVE_WORKS
#define STARVE_WORKS 1
#endif

static struct {
	long at, calls, in_use; /* in_use: blocks */
	bool ever;
} starve;

#if STARVE_WORKS

/* glibc's own names for what ours hide. */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);
extern void __libc_free(void *p);

static bool starve_now(void)
{
	starve.calls++;
	if (!starve.at || starve.calls < starve.at || (starve.calls > starve.at && !starve.ever))
		return false;
	errno = ENOMEM;
	return true;
}

static void *starve_count(void *p)
{
	starve.in_use += p != NULL;
	return p;
}

void *malloc(size_t n)
{
	return starve_now() ? NULL : starve_count(__libc_malloc(n));
}

void *calloc(size_t n, size_t size)
{
	return starve_now() ? NULL : starve_count(__libc_calloc(n, size));
}

void *realloc(void *p, size_t n)
{
	if (starve_now())
		return NULL;
	void *q = __libc_realloc(p, n);
	starve.in_use += (!p && q) - (p && !q && n == 0);
	return q;
}

void *aligned_alloc(size_t alignment, size_t n)
{
	return starve_now() ? NULL : starve_count(__libc_memalign(alignment, n));
}

int posix_memalign(void **to, size_t alignment, size_t n)
{
	void *p = starve_now() ? NULL : starve_count(__libc_memalign(alignment, n));
	if (!p)
		return ENOMEM;
	*to = p;
	return 0;
}

void free(void *p)
{
	starve.in_use -= p != NULL;
	__libc_free(p);
}

#endif
#endif
