/* libFuzzer: any bytes as an architecture text. */
#include "../../libcore/arch.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct cvt_err e = {0};
	struct arch *a = NULL;
	char *text = malloc(n + 1);
	if (!text)
		return 0;
	memcpy(text, bytes, n);
	text[n] = '\0';
	if (arch_parse(&a, "fuzz", text, &e) == CVT_OK)
		arch_free(a);
	free(text);
	return 0;
}
