/*
 * LD_PRELOAD: memory runs out. The FAULT_AT-th allocation (from 1) fails, and with FAULT_EVER all
 * that follow, too. glibc's own names for the functions stand behind ours, as dlsym allocates.
 * While a library is loaded nothing fails: the Fortran runtime that comes with OpenBLAS would end
 * the program, in words of its own. Nor does what OpenBLAS itself allocates: it looks at no result.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);

static atomic_int loading;

/* Whether the code at this address is OpenBLAS's. */
static bool is_blas(const void *caller)
{
	Dl_info i;
	return dladdr(caller, &i) != 0 && i.dli_fname && strstr(i.dli_fname, "openblas");
}

static bool fails(const void *caller)
{
	static atomic_long calls, at = -1;
	static atomic_int ever;
	if (at < 0) { /* twice at worst, with the same outcome */
		const char *word = getenv("FAULT_AT");
		ever = getenv("FAULT_EVER") != NULL;
		at = word ? strtol(word, NULL, 10) : 0;
	}
	if (loading)
		return false;
	const long call = ++calls;
	const bool now = at > 0 && (call == at || (ever && call > at));
	if (!now || is_blas(caller))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}

void *aligned_alloc(size_t alignment, size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, n);
}

int posix_memalign(void **to, size_t alignment, size_t n)
{
	void *p = fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, n);
	if (!p)
		return ENOMEM;
	*to = p;
	return 0;
}

void *dlopen(const char *name, int mode)
{
	void *(*real)(const char *, int);
	loading++;
	void *found = dlsym(RTLD_NEXT, "dlopen");
	memcpy(&real, &found, sizeof found);
	void *handle = real(name, mode);
	loading--;
	return handle;
}
