/*
 * Model files: safetensors in and out, what is damaged is refused, and what meets a graph fits.
 * Every malformed header here must give CVT_INPUT and a text, never a crash.
 */
#include "../../libcore/model.h"
#include "../../formats/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;

static void check(bool good, const char *what)
{
	printf("%s %s\n", good ? "ok" : "not ok", what);
	failures += !good;
}

/* Writes n bytes to a file of the scratch folder and reads them as a model. */
static int read_bytes(const void *bytes, size_t n, struct state_dict *d, struct cvt_err *e)
{
	char path[] = "/tmp/cvtools-model-XXXXXX";
	const int fd = mkstemp(path);
	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n || close(fd) != 0)
		return cvt_fail_errno(e, "%s", path);
	const int code = safetensors_read(path, d, e);
	(void)unlink(path);
	return code;
}

/* A file of that JSON header and n bytes of data, of which the last `cut` bytes are missing. */
static int read_file(const char *json, const void *data, size_t n, size_t cut, struct state_dict *d,
	struct cvt_err *e)
{
	unsigned char file[2048] = {0};
	const size_t length = strlen(json);
	for (size_t i = 0; i < 8; i++)
		file[i] = (unsigned char)((uint64_t)length >> 8 * i);
	(void)snprintf((char *)file + 8, sizeof file - 8, "%s", json);
	if (n)
		memcpy(file + 8 + length, data, n);
	return read_bytes(file, 8 + length + n - cut, d, e);
}

static int read_header(const char *json, size_t n, struct cvt_err *e)
{
	static const unsigned char zeros[64];
	struct state_dict d = {0};
	const int code = read_file(json, zeros, n, 0, &d, e);
	state_free(&d);
	return code;
}

static void refused(const char *json, size_t data, const char *what)
{
	struct cvt_err e = {0};
	const int code = read_header(json, data, &e);
	if (code != CVT_INPUT)
		printf("# code %d: %s\n", code, e.text);
	check(code == CVT_INPUT && e.text[0], what);
}

static void headers(void)
{
	static const char good[] =
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
	struct cvt_err e = {0};
	check(read_header(good, 8, &e) == CVT_OK, "a small file is read");
	refused(good, 7, "cut data is refused");
	refused(good, 9, "bytes behind the data are refused");
	refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12,
		"a gap is refused");
	refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
		"\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
		12, "an overlap is refused");
	refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
		"\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}",
		16, "a name that comes twice is refused");
	refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,2],\"data_offsets\":[0,"
		"0]}}",
		0, "a size that overflows is refused");
	refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1000000000000],\"data_offsets\":[0,"
		"4000000000000]}}",
		8, "a size that lies is refused without allocating it");
	refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8,
		"a negative size");
	refused("{\"a\":{\"dtype\":\"Q8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2,
		"an unknown type");
	refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
		"too many dimensions");
}

static void texts_of_headers(void)
{
	struct cvt_err e = {0};
	refused("{\"a\":3}", 0, "an entry that is no object");
	refused("[1,2]", 0, "a header that is no object");
	refused("{\"__metadata__\":{\"k\":3}}", 0, "metadata that is no text");
	refused("{\"a\":", 0, "cut JSON");
	refused("{} {}", 0, "something behind the header's end");
	refused("{\"__metadata__\":{},}", 0, "a comma with nothing behind");
	refused("{,}", 0, "a comma with nothing before");
	refused("{\"__metadata__\":{\"a\":\"b\" \"c\":\"d\"}}", 0, "no comma between texts");
	refused("{\"__metadata__\" {}}", 0, "no colon");
	refused("{\"__metadata__\":{\"a\":\"b}}", 0, "a text without an end");
	refused("{\"__metadata__\":{\"a\":\"b\\", 0, "a text that ends in a backslash");
	refused("{\"__metadata__\":{\"a\":\"\\u0000\"}}", 0, "a text with a NUL");
	refused("{\"__metadata__\":{a:\"b\"}}", 0, "a key without quotes");
	refused("{\"__metadata__\":{\"a\":\"b\",\"\\u0061\":\"b\"}}", 0, "a key that comes twice");
	refused("{\"__metadata__\":{},\"__metad\\u0061ta__\":{}}", 0, "metadata that come twice");
	refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[0}],\"data_offsets\":[0,0]}}", 0,
		"brackets that do not fit");
	refused("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
		0, "a tensor with two types");
	refused("{\"__metadata__\":[]}", 0, "metadata that is no object");
	check(read_header("{\"b\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},"
			  "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
		      8, &e)
			== CVT_OK,
		"a tensor of no bytes, where another begins");
	check(read_header(
		      " {\"a]\\\"\" : {\"dtype\":\"U8\", \"shape\":[8],\n\"data_offsets\":[0,8], "
		      "\"more\":{\"x\":[[1,2],\"}\"]}} } ",
		      8, &e)
			== CVT_OK,
		"blanks, brackets in texts and words of others");
	struct state_dict d = {0};
	check(read_bytes("\377\377\377\377\377\377\377\177{}", 10, &d, &e) == CVT_INPUT,
		"a header length of 2^63 is refused");
	state_free(&d);
}

static void cut_everywhere(void)
{
	static const char json[] =
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
	const size_t whole = 8 + sizeof json - 1 + 8;
	bool all = true;
	struct cvt_err e = {0};
	for (size_t cut = 1; cut <= whole; cut++) {
		struct state_dict d = {0};
		all = all && read_file(json, "12345678", 8, cut, &d, &e) == CVT_INPUT;
		state_free(&d);
	}
	check(all, "a file cut at any byte is refused");
}

/* f16 and bf16 become f4: 1, -2, the smallest subnormal; 1, -2. */
static void widening(void)
{
	static const char json[] =
		"{\"h\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[0,6]},"
		"\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[6,10]}}";
	static const unsigned char data[] = {0, 0x3c, 0, 0xc0, 1, 0, 0x80, 0x3f, 0, 0xc0};
	struct cvt_err e = {0};
	struct state_dict d = {0};
	const int code = read_file(json, data, sizeof data, 0, &d, &e);
	const struct tensor *h = state_get(&d, "h"), *b = state_get(&d, "b");
	if (code != CVT_OK)
		printf("# %s\n", e.text);
	const float *x = h ? h->data : NULL, *y = b ? b->data : NULL;
	check(x && x[0] == 1.0f && x[1] == -2.0f && x[2] == 0x1p-24f, "f16 is widened");
	check(y && y[0] == 1.0f && y[1] == -2.0f, "bf16 is widened");
	state_free(&d);
}

static void round_trip(void)
{
	char path[] = "/tmp/cvtools-model-XXXXXX";
	struct cvt_err e = {0};
	struct state_dict d = {0}, back = {0};
	struct tensor *t;
	const int fd = mkstemp(path);
	int code = state_add(&d, "conv.weight", DT_F4, 4, (size_t[]){2, 3, 1, 1}, &t, &e);
	for (size_t i = 0; i < 6 && code == CVT_OK; i++)
		((float *)t->data)[i] = (float)i;
	code = code ? code : state_set_meta(&d, "cv.arch", "input image 1 1 3\nconv 2 1\n", &e);
	code = code ? code : safetensors_write(path, &d, &e);
	code = code ? code : safetensors_read(path, &back, &e);
	const struct tensor *u = state_get(&back, "conv.weight");
	check(code == CVT_OK && u && u->bytes == 24 && memcmp(u->data, t->data, 24) == 0,
		"what was written is read back");
	check(state_meta(&back, "cv.arch") && strstr(state_meta(&back, "cv.arch"), "conv 2 1\n"),
		"with its metadata");
	if (code != CVT_OK)
		printf("# %s\n", e.text);
	state_free(&d);
	state_free(&back);
	(void)close(fd);
	(void)unlink(path);
}

/* JSON is UTF-8; a file's name in the history need not be. */
static void other_letters(void)
{
	char path[] = "/tmp/cvtools-model-XXXXXX", line[3000], want[3000];
	struct cvt_err e = {0};
	struct state_dict d = {0}, back = {0};
	const int fd = mkstemp(path);
	(void)snprintf(line, sizeof line, "prog 0 cv-train: caf\xe9 %01500d\nprog 1 two", 1);
	(void)snprintf(want, sizeof want, "prog 0 cv-train: caf\\351 %01500d\nprog 1 two", 1);
	int code = state_set_meta(&d, "cv.history", line, &e);
	code = code ? code : safetensors_write(path, &d, &e);
	code = code ? code : safetensors_read(path, &back, &e);
	const char *text = state_meta(&back, "cv.history");
	check(code == CVT_OK && text && strcmp(text, want) == 0,
		"letters that are no UTF-8 become \\ooo, and nothing is cut");
	state_free(&d);
	state_free(&back);
	(void)close(fd);
	(void)unlink(path);
}

int main(void)
{
	headers();
	texts_of_headers();
	cut_everywhere();
	widening();
	round_trip();
	other_letters();
	return failures != 0;
}
