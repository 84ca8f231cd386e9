/* libFuzzer: any bytes as pairs of rows (cv-knn --verify FILE). */
#include "../reader_files.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct cvt_err e = {0};
	(void)read_pairs(bytes, n, &e);
	return 0;
}
