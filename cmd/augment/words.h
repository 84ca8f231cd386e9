/*
 * augment_words: the words of a chain, with @FILE replaced by what the file holds: words parted by
 * white space, # to the end of the line is a comment. Files may name files, to a depth of 8.
 */
#ifndef CVT_AUGMENT_WORDS_H
#define CVT_AUGMENT_WORDS_H

#include "../../libcore/aug/chain.h"

struct augment_place {
	const char *file; /* NULL = the command line */
	size_t line;      /* from 1 */
};

struct augment_words {
	const char **word;
	struct augment_place *place; /* of each */
	size_t n, capacity, places_capacity;
	char **text; /* what the words of files point into */
	size_t texts, texts_capacity;
};

int augment_words_read(struct augment_words *w, char *const *operand, size_t n, struct cvt_err *e);
/* aug_chain_parse, which names the file and line of a wrong word. */
int augment_words_parse(const struct augment_words *w, struct aug_chain *c, struct cvt_err *e);
void augment_words_free(struct augment_words *w);

#endif
