/* libFuzzer: any bytes as the words of a chain of cv-augment (a policy file). */
#include "../reader.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct cvt_err e = {0};
	(void)read_chain(bytes, n, &e);
	return 0;
}
