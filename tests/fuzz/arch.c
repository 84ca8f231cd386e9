/* libFuzzer: any bytes as an architecture text. */
#include "../reader.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct cvt_err e = {0};
	(void)read_arch(bytes, n, &e);
	return 0;
}
