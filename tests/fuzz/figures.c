/* libFuzzer: any bytes as a training's figures (cv-view --curves FILE). */
#include "../reader_files.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct cvt_err e = {0};
	(void)read_figures(bytes, n, &e);
	return 0;
}
