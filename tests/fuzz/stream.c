/* libFuzzer: any bytes as a stream, read to the end. */
#include "../reader.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct cvt_err e = {0};
	(void)read_stream(bytes, n, &e);
	return 0;
}
