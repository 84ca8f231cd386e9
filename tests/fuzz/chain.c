/* libFuzzer: any bytes as the words of a chain of cv-augment (a policy file). */
#include "../../libcore/aug/chain.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct cvt_err e = {0};
	struct aug_chain c = {0};
	size_t words = 0;
	char *text = malloc(n + 1), *left = text;
	const char **word = malloc((n / 2 + 1) * sizeof *word);
	if (text && word) {
		memcpy(text, bytes, n);
		text[n] = '\0';
		for (char *w; (w = strtok_r(left, " \n", &left)) != NULL;)
			word[words++] = w;
		(void)aug_chain_parse(&c, word, words, &e);
		aug_chain_free(&c);
	}
	free(word);
	free(text);
	return 0;
}
