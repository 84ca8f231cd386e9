/* libFuzzer: any bytes as whatever they look like (IDX, CIFAR, PNG, JPEG, PNM, PAM, npy, tar, zip, a
 * stream), read to the end. */
#include "../reader.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct cvt_err e = {0};
	(void)read_source(bytes, n, &e);
	return 0;
}
