/* libFuzzer: any bytes as labels in a file of their own; the first byte says of which kind. */
#include "../reader_files.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	static reader *const kinds[] = {read_labels, read_cls, read_json};
	struct cvt_err e = {0};
	if (n > 0)
		(void)kinds[bytes[0] % 3](bytes + 1, n - 1, &e);
	return 0;
}
