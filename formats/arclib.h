/*
 * arclib: the only door to libarchive. It is loaded when the first archive (or xz, zstd ... file)
 * is opened, because linking to it costs three milliseconds at the start of every program: it
 * brings libxml2 and ICU, which we never use.
 */
#ifndef CVT_ARCLIB_H
#define CVT_ARCLIB_H

#include <archive.h>
#include <archive_entry.h>

#include "../libcore/mem.h"

#define ARCLIB_FUNCTIONS(X)                                                                        \
	X(archive_read_new)                                                                        \
	X(archive_read_free)                                                                       \
	X(archive_read_support_filter_all)                                                         \
	X(archive_read_support_format_raw)                                                         \
	X(archive_read_support_format_tar)                                                         \
	X(archive_read_support_format_zip_seekable)                                                \
	X(archive_read_set_callback_data)                                                          \
	X(archive_read_set_read_callback)                                                          \
	X(archive_read_set_seek_callback)                                                          \
	X(archive_read_open1)                                                                      \
	X(archive_read_next_header2)                                                               \
	X(archive_read_data)                                                                       \
	X(archive_filter_bytes)                                                                    \
	X(archive_errno)                                                                           \
	X(archive_error_string)                                                                    \
	X(archive_set_error)                                                                       \
	X(archive_entry_new2)                                                                      \
	X(archive_entry_free)                                                                      \
	X(archive_entry_pathname)                                                                  \
	X(archive_entry_pathname_utf8)                                                             \
	X(archive_entry_filetype)                                                                  \
	X(archive_entry_is_encrypted)

struct arclib {
#define X(name) __typeof__(name) *name;
	ARCLIB_FUNCTIONS(X)
#undef X
};

/* Fills *lib; CVT_SYSTEM names the package when it is missing. The library stays loaded. */
int arclib_open(struct arclib *lib, struct cvt_err *e);
/* True if what went wrong is that memory ran out. */
bool arclib_starved(const struct arclib *lib, struct archive *a);
/* archive_read_open1; where that fails without a word, memory ran out, and it says so. */
int arclib_start(const struct arclib *lib, struct archive *a);
/* What libarchive says went wrong, one line of it; NULL when it says nothing. */
const char *arclib_why(const struct arclib *lib, struct archive *a, char *to, size_t size);

#endif
