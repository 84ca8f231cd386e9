/* libFuzzer: any bytes as a stream, read to the end. */
#include "../../formats/stream.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct cvt_err e = {0};
	struct input *in = NULL;
	struct stream_reader *r = NULL;
	struct batch *b;
	enum stream_event event = STREAM_BATCH;
	if (input_of_memory(&in, "fuzz", bytes, n, &e) != CVT_OK)
		return 0;
	int code = stream_open(&r, in, &e);
	while (code == CVT_OK && event != STREAM_DONE)
		code = stream_next(r, &b, &event, &e);
	stream_close(r);
	return 0;
}
