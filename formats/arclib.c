/* arclib: the only door to libarchive, opened late (see arclib.h). */
#include "arclib.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int symbol(void *handle, const char *name, void *to, size_t size, struct cvt_err *e)
{
	void *found = dlsym(handle, name);
	if (!found)
		return cvt_fail(
			e, CVT_SYSTEM, "libarchive has no %s; install a newer libarchive13", name);
	memcpy(to, &found, size); /* ISO C has no cast from void * to a function */
	return CVT_OK;
}

int arclib_open(struct arclib *lib, struct cvt_err *e)
{
	void *handle = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return cvt_fail(e, CVT_SYSTEM,
			"archives need libarchive, which cannot be loaded; install libarchive13");
#define X(name) TRY(symbol(handle, #name, &lib->name, sizeof lib->name, e));
	ARCLIB_FUNCTIONS(X)
#undef X
	return CVT_OK;
}

bool arclib_starved(const struct arclib *lib, struct archive *a)
{
	const char *why = a ? lib->archive_error_string(a) : NULL;
	/* inflateInit refuses for nothing else, and gives libarchive no number. */
	return why
	       && (lib->archive_errno(a) == ENOMEM
		       || strcmp(why, "Can't initialize ZIP decompression.") == 0);
}

int arclib_start(const struct arclib *lib, struct archive *a)
{
	const int code = lib->archive_read_open1(a);
	if (code != ARCHIVE_OK && !lib->archive_error_string(a))
		lib->archive_set_error(a, ENOMEM, "out of memory");
	return code;
}

const char *arclib_why(const struct arclib *lib, struct archive *a, char *to, size_t size)
{
	const char *why = a ? lib->archive_error_string(a) : NULL;
	if (!why)
		return NULL;
	(void)snprintf(to, size, "%.*s", (int)strcspn(why, "\n"), why);
	return to;
}
