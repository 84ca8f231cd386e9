/* reader: every reader of bytes as one call, for those that try what it makes of any bytes: unit/malformed.c
 * and the targets of fuzz/. Each reads to the end and returns the code. */
#ifndef CVT_TEST_READER_H
#define CVT_TEST_READER_H

#include <stdlib.h>
#include <string.h>

#include "../formats/dataset.h"
#include "../formats/safetensors.h"
#include "../formats/source.h"
#include "../formats/stream.h"
#include "../libcore/arch.h"
#include "../libcore/aug/chain.h"
#include "../libcore/model.h"

enum { READER_HELD = 64 << 20 };

typedef int reader(const unsigned char *bytes, size_t n, struct cvt_err *e);

/* Whatever the bytes look like: IDX, CIFAR, PNG, JPEG, PNM, PAM, npy, tar, zip, a stream. */
static inline int read_source(const unsigned char *bytes, size_t n, struct cvt_err *e)
{
	const struct dataset_options o = {.max_memory = READER_HELD, .max_pixels = 1 << 20};
	struct input *in = NULL;
	struct source *from = NULL;
	struct batch *b;
	enum stream_event event = STREAM_BATCH;
	TRY(input_of_memory(&in, "sample", bytes, n, e));
	int code = source_open_input(&from, in, &o, e);
	while (code == CVT_OK && event != STREAM_DONE)
		code = source_next(from, &b, &event, e);
	source_close(from);
	return code;
}

static inline int read_stream(const unsigned char *bytes, size_t n, struct cvt_err *e)
{
	struct input *in = NULL;
	struct stream_reader *r = NULL;
	struct batch *b;
	enum stream_event event = STREAM_BATCH;
	TRY(input_of_memory(&in, "sample", bytes, n, e));
	int code = stream_open(&r, in, e);
	while (code == CVT_OK && event != STREAM_DONE)
		code = stream_next(r, &b, &event, e);
	stream_close(r);
	return code;
}

/* A model file, and its metadata. */
static inline int read_model(const unsigned char *bytes, size_t n, struct cvt_err *e)
{
	struct input *in = NULL;
	struct state_dict d = {0};
	struct model_info m = {0};
	TRY(input_of_memory(&in, "sample", bytes, n, e));
	int code = safetensors_read_input(in, &d, e);
	if (code == CVT_OK)
		code = model_info_read(&m, &d, e);
	input_close(in);
	model_info_free(&m);
	state_free(&d);
	return code;
}

static inline char *reader_text(const unsigned char *bytes, size_t n)
{
	char *text = malloc(n + 1);
	if (!text)
		abort();
	memcpy(text, bytes, n);
	text[n] = '\0';
	return text;
}

static inline int read_arch(const unsigned char *bytes, size_t n, struct cvt_err *e)
{
	struct arch *a = NULL;
	char *text = reader_text(bytes, n);
	const int code = arch_parse(&a, "sample", text, e);
	if (code == CVT_OK)
		arch_free(a);
	free(text);
	return code;
}

/* The words of a chain of cv-augment, as a policy file has them. */
static inline int read_chain(const unsigned char *bytes, size_t n, struct cvt_err *e)
{
	struct aug_chain c = {0};
	size_t words = 0;
	char *text = reader_text(bytes, n), *left = text;
	const char **word = calloc(n / 2 + 1, sizeof *word);
	if (!word)
		abort();
	for (char *w; (w = strtok_r(left, " \n", &left)) != NULL;)
		word[words++] = w;
	const int code = aug_chain_parse(&c, word, words, e);
	aug_chain_free(&c);
	free(word);
	free(text);
	return code;
}

#endif
