/*
 * LD_PRELOAD: memory runs out. The FAULT_AT-th allocation (from 1) fails, and with FAULT_EVER all
 * that follow, too. glibc's own names for the functions stand behind ours, as dlsym allocates.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);

static bool fails(void)
{
	static atomic_long calls, at = -1;
	static atomic_int ever;
	if (at < 0) { /* twice at worst, with the same outcome */
		const char *word = getenv("FAULT_AT");
		ever = getenv("FAULT_EVER") != NULL;
		at = word ? strtol(word, NULL, 10) : 0;
	}
	const long call = ++calls;
	const bool now = at > 0 && (call == at || (ever && call > at));
	if (now)
		errno = ENOMEM;
	return now;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}

void *aligned_alloc(size_t alignment, size_t n)
{
	return fails() ? NULL : __libc_memalign(alignment, n);
}

int posix_memalign(void **to, size_t alignment, size_t n)
{
	void *p = fails() ? NULL : __libc_memalign(alignment, n);
	if (!p)
		return ENOMEM;
	*to = p;
	return 0;
}
