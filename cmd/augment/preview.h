/*
 * augment_preview: the same pictures under each operation of a chain, or under every operation there
 * is, as one PNG: for eyes. Every operation strikes, whatever its probability; draws are those of the
 * chain.
 */
#ifndef CVT_AUGMENT_PREVIEW_H
#define CVT_AUGMENT_PREVIEW_H

#include "../../formats/output.h"
#include "../../formats/source.h"
#include "words.h"

enum { AUGMENT_PREVIEW = 64 };

/* n = 1..AUGMENT_PREVIEW pictures. */
int augment_preview(const struct augment_words *words, struct source *in, size_t n, uint64_t seed,
	struct output *out, struct cvt_err *e);

#endif
