/* libFuzzer: any bytes as a model file, and its metadata. */
#include "../reader.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct cvt_err e = {0};
	(void)read_model(bytes, n, &e);
	return 0;
}
