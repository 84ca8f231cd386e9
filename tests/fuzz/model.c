/* libFuzzer: any bytes as a model file, and its metadata. */
#include "../../libcore/model.h"
#include "../../formats/safetensors.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct cvt_err e = {0};
	struct input *in = NULL;
	struct state_dict d = {0};
	struct model_info m = {0};
	if (input_of_memory(&in, "fuzz", bytes, n, &e) != CVT_OK)
		return 0;
	if (safetensors_read_input(in, &d, &e) == CVT_OK)
		(void)model_info_read(&m, &d, &e);
	input_close(in);
	model_info_free(&m);
	state_free(&d);
	return 0;
}
