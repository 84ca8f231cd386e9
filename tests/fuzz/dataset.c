/* libFuzzer: any bytes as whatever they look like (IDX, CIFAR, PNG, JPEG, PNM, PAM, npy, tar, zip, a
 * stream), read to the end. */
#include "../../formats/dataset.h"
#include "../../formats/source.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	const struct dataset_options o = {.max_memory = 64 << 20, .max_pixels = 1 << 20};
	struct cvt_err e = {0};
	struct input *in = NULL;
	struct source *from = NULL;
	struct batch *b;
	enum stream_event event = STREAM_BATCH;
	if (input_of_memory(&in, "fuzz", bytes, n, &e) != CVT_OK)
		return 0;
	int code = source_open_input(&from, in, &o, &e);
	while (code == CVT_OK && event != STREAM_DONE)
		code = source_next(from, &b, &event, &e);
	source_close(from);
	return 0;
}
