/*
 * unpack: one layer of compression off a row of bytes: gzip by zlib, the others by libarchive.
 */
#ifndef CVT_UNPACK_H
#define CVT_UNPACK_H

#include "../libcore/mem.h"

struct unpack;

/* Where the packed bytes come from: some of the wanted ones, *got == 0 only at the end. */
typedef int (*unpack_source)(void *context, void *to, size_t want, size_t *got, struct cvt_err *e);

/* "gzip", "xz", "zstd", "bzip2" or "lz4", by the first bytes (6 are enough); NULL for others. */
const char *unpack_kind(const unsigned char *start, size_t n);
int unpack_open(struct unpack **u, const char *kind, unpack_source source, void *context,
	size_t max_expansion, struct cvt_err *e);
/* Up to `want` unpacked bytes; *got < want only at the end. */
int unpack_read(struct unpack *u, void *to, size_t want, size_t *got, struct cvt_err *e);
void unpack_close(struct unpack *u);

#endif
