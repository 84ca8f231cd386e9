/*
 * Memory runs out while a reader reads, at each of its allocations, once or from then on: it reads
 * what it would have read, or ends with CVT_SYSTEM and one line of text; never with the blame on a
 * good file, and in either case everything it took is given back. (Of what libarchive unpacks, gzip
 * and zip: beginning with xz it walks into the memory that it did not get.)
 */
#include "starve.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "../../formats/dataset.h"
#include "../../formats/safetensors.h"
#include "../../formats/source.h"
#include "../../formats/stream_file.h"
#include "../../libcore/arch.h"
#include "../../libcore/model.h"

enum { BYTES = 16384, PARAMETERS = 40 };

struct sample {
	unsigned char bytes[BYTES];
	size_t n;
	char path[100]; /* "" = made here */
};

static int failures;

/* ---- readers: a sum over what was read, and the code -------------------------------- */

typedef int reader(const struct sample *s, uLong *sum, struct cvt_err *e);

static void add_batch(const struct batch *b, uLong *sum)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->field[i].t.bytes)
			*sum = crc32(*sum, b->field[i].t.data, (uInt)b->field[i].t.bytes);
}

static int read_rows(struct source *from, uLong *sum, struct cvt_err *e)
{
	enum stream_event event = STREAM_BATCH;
	while (event != STREAM_DONE) {
		struct batch *b;
		TRY(source_next(from, &b, &event, e));
		if (event == STREAM_BATCH)
			add_batch(b, sum);
	}
	return CVT_OK;
}

static int read_memory(const struct sample *s, uLong *sum, struct cvt_err *e)
{
	struct input *in = NULL;
	struct source *from = NULL;
	TRY(input_of_memory(&in, "sample", s->bytes, s->n, e));
	TRY(source_open_input(&from, in, NULL, e));
	const int code = read_rows(from, sum, e);
	source_close(from);
	return code;
}

static int read_path(const struct sample *s, uLong *sum, struct cvt_err *e)
{
	struct source *from = NULL;
	TRY(source_open(&from, s->path, NULL, e));
	const int code = read_rows(from, sum, e);
	source_close(from);
	return code;
}

static int read_list(const struct sample *s, uLong *sum, struct cvt_err *e)
{
	static const char *const paths[] = {"tests/golden/formats/png", "tests/golden/formats/jpeg",
		"tests/golden/formats/pnm"};
	struct dataset *d = NULL;
	struct batch b = {0};
	size_t group = 0;
	(void)s;
	TRY(dataset_group(paths, 3, NULL, &group, e));
	TRY(dataset_open_list(&d, paths, group, NULL, e));
	int code = CVT_OK;
	for (size_t i = 0; i < d->rows && code == CVT_OK; i++) {
		code = dataset_read(d, &i, 1, &b, e);
		if (code == CVT_OK)
			add_batch(&b, sum);
	}
	batch_free(&b);
	dataset_close(d);
	return code;
}

static int read_in_order(const struct sample *s, uLong *sum, struct cvt_err *e)
{
	struct input *in = NULL;
	struct stream_file *f = NULL;
	struct batch b = {0};
	TRY(input_open(&in, s->path, e));
	TRY(stream_file_open(&f, in, 0, e));
	int code = CVT_OK;
	for (size_t i = 0; i < stream_file_rows(f) && code == CVT_OK; i++) {
		code = stream_file_read(f, &i, 1, &b, e);
		if (code == CVT_OK)
			add_batch(&b, sum);
	}
	batch_free(&b);
	stream_file_close(f);
	return code;
}

static int read_model(const struct sample *s, uLong *sum, struct cvt_err *e)
{
	struct input *in = NULL;
	struct state_dict d = {0};
	struct model_info m = {0};
	TRY(input_of_memory(&in, "sample", s->bytes, s->n, e));
	int code = safetensors_read_input(in, &d, e);
	if (code == CVT_OK)
		code = model_info_read(&m, &d, e);
	for (size_t i = 0; i < d.n && code == CVT_OK; i++)
		*sum = crc32(*sum, d.entry[i].t.data, (uInt)d.entry[i].t.bytes);
	input_close(in);
	model_info_free(&m);
	state_free(&d);
	return code;
}

/* Writes a model and reads it again, with memory. A file that was not whole must not be there. */
static int write_model(const struct sample *s, uLong *sum, struct cvt_err *e)
{
	struct cvt_err none;
	struct state_dict d = {0}, back = {0};
	struct tensor *t;
	const long at = starve.at;
	starve.at = 0;
	(void)unlink(s->path);
	for (size_t i = 0; i < PARAMETERS; i++) { /* enough for a header that has to grow */
		char name[40];
		(void)snprintf(name, sizeof name, "layer%zu.weight", i);
		if (state_add(&d, name, DT_F4, 1, (size_t[]){9}, &t, &none) != CVT_OK)
			exit(99);
	}
	if (state_set_meta(&d, "cv.arch", "input image 1 1 3", &none) != CVT_OK
		|| state_set_meta(&d, "cv.history", "caf\xe9", &none) != CVT_OK)
		exit(99);
	starve.at = at;
	const int code = safetensors_write(s->path, &d, e);
	const long calls = starve.calls;
	starve.at = 0;
	const bool there = safetensors_read(s->path, &back, &none) == CVT_OK;
	const char *arch = state_meta(&back, "cv.arch"), *history = state_meta(&back, "cv.history");
	if (there != (code == CVT_OK) || (there && (!arch || !history || back.n != PARAMETERS)))
		*sum = 0; /* half a model */
	else if (there)
		*sum = crc32(*sum, (const unsigned char *)history, (uInt)strlen(history));
	state_free(&d);
	state_free(&back);
	starve.at = at;
	starve.calls = calls;
	(void)unlink(s->path);
	return code;
}

static int read_arch(const struct sample *s, uLong *sum, struct cvt_err *e)
{
	struct arch *a = NULL;
	TRY(arch_load(&a, s->path, e));
	*sum = crc32(*sum, (const unsigned char *)arch_text(a), (uInt)strlen(arch_text(a)));
	arch_free(a);
	return CVT_OK;
}

/* ---- trying ------------------------------------------------------------------------- */

static bool is_one_line(const char *text)
{
	return text[0] && !strchr(text, '\n');
}

/* One run in which allocation `at` fails; *over when it had no so many. */
static bool survives(const struct sample *s, reader *read, uLong want, bool *over)
{
	struct cvt_err e = {0};
	const long before = starve.in_use;
	uLong sum = crc32(0, NULL, 0);
	starve.calls = 0;
	const int code = read(s, &sum, &e);
	const long at = starve.at, left = starve.in_use - before;
	starve.at = 0;
	*over = starve.calls < at;
	const bool good = code == CVT_OK ? sum == want : code == CVT_SYSTEM && is_one_line(e.text);
	if (!good || left > 0)
		printf("# allocation %ld%s: code %d, %ld blocks left: %s\n", at,
			starve.ever ? " and all after it" : "", code, left, e.text);
	return good && left <= 0; /* less: of what libc keeps, as the time zone's name */
}

static bool by_libarchive(const struct sample *s)
{
	return memcmp(s->bytes + 257, "ustar", 5) == 0 || memcmp(s->bytes, "PK", 2) == 0
	       || memcmp(s->bytes, "\x1f\x8b", 2) == 0;
}

static void feed(void)
{
	starve.at = 0;
}

/* The same in a process of its own. libarchive, when it cannot grow a string, ends the program:
 * with code 1 and a line of its own. */
static bool survives_apart(const struct sample *s, reader *read, uLong want, bool *over)
{
	enum { GOOD = 10, OVER, BAD };
	int status = 0;
	const pid_t child = fork();
	if (child == 0) {
		if (atexit(feed) != 0 || !freopen("/dev/null", "w", stderr))
			exit(BAD);
		const bool good = survives(s, read, want, over);
		exit(!good ? BAD : *over ? OVER : GOOD);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
		printf("# allocation %ld: ended by signal %d\n", starve.at, WTERMSIG(status));
		return false;
	}
	*over = WEXITSTATUS(status) == OVER;
	return *over || WEXITSTATUS(status) == GOOD || WEXITSTATUS(status) == 1;
}

static void starve_it(const char *name, const struct sample *s, reader *read)
{
	const bool apart = by_libarchive(s);
	struct cvt_err e = {0};
	uLong want = crc32(0, NULL, 0), again = want;
	/* Twice: a library is loaded by the first run, and stays. */
	bool good = read(s, &want, &e) == CVT_OK && read(s, &again, &e) == CVT_OK && want == again;
	long places = 0;
	for (int ever = 0; ever < 2 && good; ever++) {
		bool over = false;
		for (long at = 1; good && !over; at++) {
			starve.ever = ever;
			starve.at = at;
			good = apart ? survives_apart(s, read, want, &over)
				     : survives(s, read, want, &over);
			places = at - 1;
		}
		starve.at = 0;
	}
	printf("%s %s: memory runs out at each of %ld places%s%s\n", good ? "ok" : "not ok", name,
		places, e.text[0] ? ": " : "", e.text);
	failures += !good;
}

/* ---- samples ------------------------------------------------------------------------ */

static void load(struct sample *s, const char *folder, const char *name)
{
	(void)snprintf(s->path, sizeof s->path, "%s/%s", folder, name);
	FILE *f = fopen(s->path, "rb");
	memset(s->bytes, 0, sizeof s->bytes);
	s->n = f ? fread(s->bytes, 1, sizeof s->bytes, f) : 0;
	if (f)
		(void)fclose(f);
}

/* The same in gzip. */
static void pack(struct sample *s)
{
	static unsigned char plain[BYTES];
	z_stream z = {0};
	memcpy(plain, s->bytes, s->n);
	z.next_in = plain;
	z.avail_in = (uInt)s->n;
	z.next_out = s->bytes;
	z.avail_out = BYTES;
	if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK
		|| deflate(&z, Z_FINISH) != Z_STREAM_END)
		exit(99);
	(void)deflateEnd(&z);
	s->n = BYTES - z.avail_out;
}

/* Its note has escapes wherever a buffer of letters may have to grow. */
static void make_model(struct sample *s)
{
#define TEN(x) x x x x x x x x x x
	static const char note[] = TEN(TEN("x\\n"));
	static const char rest[] =
		"\",\"cv.arch\":\"input image 2 2 1\\nflatten | fc: linear 2\","
		"\"cv.input\":\"image 2 2 1\\nmean 0.5\\nstd 0.25\",\"cv.classes\":\"class 0 "
		"a\\nclass 1 b\",\"cv.method\":\"classify\",\"cv.options\":\"lr=1\","
		"\"cv.history\":\"prog 0 cv-train 1: cv-train\"},\"fc.weight\":{\"dtype\":\"F32\","
		"\"shape\":[2,4],\"data_offsets\":[0,32]},\"fc.bias\":{\"dtype\":\"F16\",\"shape\":"
		"[2],\"data_offsets\":[32,36]}} ";
	memset(s, 0, sizeof *s);
	const int n = snprintf((char *)s->bytes + 8, sizeof s->bytes - 8,
		"{\"__metadata__\":{\"note\":\"%s%s", note, rest);
	for (size_t i = 0; i < 8; i++)
		s->bytes[i] = (unsigned char)((uint64_t)n >> 8 * i);
	s->n = 8 + (size_t)n + 36;
}

/* ---- folders ------------------------------------------------------------------------ */

static void put(const char *folder, const char *name, const struct sample *s)
{
	char path[200];
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(s->bytes, 1, s->n, f) != s->n || fclose(f) != 0)
		exit(99);
}

static void set(struct sample *s, const void *bytes, size_t n)
{
	memset(s->bytes, 0, sizeof s->bytes);
	memcpy(s->bytes, bytes, n);
	s->n = n;
}

/* The file of that name, as its name says. */
static void make(struct sample *s, const char *name)
{
	static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 5,
		6},
				   labels[] = {0, 0, 12, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0};
	if (strcmp(name, "images") == 0)
		set(s, images, sizeof images);
	else if (strcmp(name, "labels") == 0)
		set(s, labels, sizeof labels);
	else if (strcmp(name, "set.tgz") == 0)
		load(s, "tests/golden/formats", "folder");
	else if (strcmp(name, "set.zip") == 0)
		load(s, "tests/golden/formats", "archive");
	else if (strcmp(name, "data_batch_1.bin") == 0)
		load(s, "tests/golden/formats", "cifar");
	else if (strcmp(name, "a.cls") == 0)
		set(s, "1\n", 2);
	else if (strcmp(name, "a.json") == 0)
		set(s, "{\"caption\": \"one\"}", 18);
	else
		load(s, "tests/golden/formats", "pnm");
	if (strcmp(name, "set.tgz") == 0)
		pack(s);
}

static void starve_folder(struct sample *s, const char *const *files)
{
	char folder[] = "/tmp/cvtools-starved-XXXXXX", path[200], name[100] = "";
	if (!mkdtemp(folder))
		exit(99);
	for (size_t i = 0; files[i]; i++) {
		make(s, files[i]);
		put(folder, files[i], s);
		(void)snprintf(name + strlen(name), sizeof name - strlen(name), " %s", files[i]);
	}
	(void)snprintf(s->path, sizeof s->path, "%s", folder);
	(void)snprintf(path, sizeof path, "a folder of%s", name);
	starve_it(path, s, read_path);
	for (size_t i = 0; files[i]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(folder);
}

static void starve_folders(struct sample *s)
{
	static const char *const sets[][4] = {{"1", "2.png"}, {"a", "a.cls", "a.json"},
		{"data_batch_1.bin"}, {"images", "labels"}, {"set.tgz"}, {"set.zip"}};
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
		starve_folder(s, sets[i]);
	(void)snprintf(s->path, sizeof s->path, "tests/golden/formats");
	starve_it("a folder of one IDX file and others", s, read_path);
	starve_it("pictures by name", s, read_list);
}

int main(void)
{
	static const char *const streams[] = {
		"basic.cvt", "epochs.cvt", "foreign.cvt", "joined.cvt", "padded.cvt", "ragged.cvt"};
	static const char *const archs[] = {"densenet-small.arch", "vit-tiny.arch"};
	static struct sample s;
	if (!STARVE_WORKS) {
		puts("skip starved: a sanitizer allocates");
		return 0;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; formats[i]; i++) {
		load(&s, "tests/golden/formats", formats[i]->name);
		starve_it(formats[i]->name, &s, read_memory);
	}
	load(&s, "tests/golden/formats", "archive");
	pack(&s);
	starve_it("archive, packed", &s, read_memory);
	for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
		load(&s, "tests/golden/v1", streams[i]);
		starve_it(streams[i], &s, read_memory);
	}
	load(&s, "tests/golden/v1", "basic.cvt");
	starve_it("a stream's file, its rows in order", &s, read_in_order);
	starve_folders(&s);
	make_model(&s);
	starve_it("model", &s, read_model);
	(void)snprintf(s.path, sizeof s.path, "/tmp/cvtools-starved-%ld.st", (long)getpid());
	starve_it("model, written", &s, write_model);
	for (size_t i = 0; i < sizeof archs / sizeof *archs; i++) {
		load(&s, "libcore/arch", archs[i]);
		starve_it(archs[i], &s, read_arch);
	}
	return failures != 0;
}
