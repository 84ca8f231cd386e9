/* libFuzzer: any bytes as the names of CIFAR's classes. */
#include "../reader_files.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct cvt_err e = {0};
	(void)read_names(bytes, n, &e);
	return 0;
}
