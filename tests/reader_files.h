/*
 * reader_files: what is read by its name, as one call each (see reader.h): the bytes become a file in a
 * folder of their own, beside what belongs to it, which goes when the program ends.
 */
#ifndef CVT_TEST_READER_FILES_H
#define CVT_TEST_READER_FILES_H

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../cmd/augment/words.h"
#include "../cmd/knn/verify.h"
#include "../cmd/view/curves.h"
#include "reader.h"

/* Files before the folders that they lie in. */
static const char *const reader_files[] = {"idx/images", "idx/labels", "cifar/data_batch_1.bin",
	"cifar/batches.meta.txt", "notes/a.pgm", "notes/a.cls", "notes/a.json", "chain", "bank",
	"pairs", "figures", "idx", "cifar", "notes", ""};

static char reader_folder[] = "/tmp/cvtools-reader-XXXXXX";

static inline const char *reader_path(const char *name)
{
	static char path[100];
	(void)snprintf(path, sizeof path, "%s/%s", reader_folder, name);
	return path;
}

static inline void reader_put(const char *name, const void *bytes, size_t n)
{
	FILE *f = fopen(reader_path(name), "wb");
	if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0)
		abort();
}

static inline void reader_remove(void)
{
	for (size_t i = 0; i < sizeof reader_files / sizeof *reader_files; i++)
		(void)remove(reader_path(reader_files[i]));
}

/* Makes the folders, the first time: pictures for labels, CIFAR's for names, rows for pairs. A file that
 * names standard input finds nothing there. */
static inline void reader_prepare(void)
{
	static const unsigned char images[] = {
		0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 5, 6};
	static const char picture[] = "P5 1 1 255\na";
	static unsigned char cifar[3073] = {3}, rows[16 + 12] = {0, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0,
							1, 0, 0, 0, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1};
	static bool ready;
	if (ready)
		return;
	ready = true;
	if (!freopen("/dev/null", "r", stdin) || !mkdtemp(reader_folder) || atexit(reader_remove)
		|| mkdir(reader_path("idx"), 0700) || mkdir(reader_path("cifar"), 0700)
		|| mkdir(reader_path("notes"), 0700))
		abort();
	reader_put("idx/images", images, sizeof images);
	reader_put("cifar/data_batch_1.bin", cifar, sizeof cifar);
	reader_put("notes/a.pgm", picture, sizeof picture - 1);
	reader_put("bank", rows, sizeof rows);
}

/* The folder of a file that was written anew, read to the end. */
static inline int reader_of_folder(const char *name, struct cvt_err *e)
{
	const struct dataset_options o = {.max_memory = READER_HELD, .max_pixels = 1 << 20};
	struct source *from = NULL;
	struct batch *b;
	enum stream_event event = STREAM_BATCH;
	int code = source_open(&from, reader_path(name), &o, e);
	while (code == CVT_OK && event != STREAM_DONE)
		code = source_next(from, &b, &event, e);
	source_close(from);
	return code;
}

static inline int reader_beside(const char *folder, const char *file, const unsigned char *bytes,
	size_t n, struct cvt_err *e)
{
	reader_prepare();
	reader_put(file, bytes, n);
	const int code = reader_of_folder(folder, e);
	(void)remove(reader_path(file));
	return code;
}

/* Labels in a file of their own: those of IDX, a class number (KEY.cls) and a note (KEY.json) beside a
 * picture. */
static inline int read_labels(const unsigned char *bytes, size_t n, struct cvt_err *e)
{
	return reader_beside("idx", "idx/labels", bytes, n, e);
}

static inline int read_cls(const unsigned char *bytes, size_t n, struct cvt_err *e)
{
	return reader_beside("notes", "notes/a.cls", bytes, n, e);
}

static inline int read_json(const unsigned char *bytes, size_t n, struct cvt_err *e)
{
	return reader_beside("notes", "notes/a.json", bytes, n, e);
}

/* The names of CIFAR's classes. */
static inline int read_names(const unsigned char *bytes, size_t n, struct cvt_err *e)
{
	return reader_beside("cifar", "cifar/batches.meta.txt", bytes, n, e);
}

/* What @FILE of cv-augment names. */
static inline int read_policy(const unsigned char *bytes, size_t n, struct cvt_err *e)
{
	char word[120];
	struct augment_words w = {0};
	struct aug_chain c = {0};
	reader_prepare();
	reader_put("chain", bytes, n);
	(void)snprintf(word, sizeof word, "@%s", reader_path("chain"));
	int code = augment_words_read(&w, (char *[]){word}, 1, e);
	if (code == CVT_OK)
		code = augment_words_parse(&w, &c, e);
	aug_chain_free(&c);
	augment_words_free(&w);
	return code;
}

/* What cv-knn --verify names. */
static inline int read_pairs(const unsigned char *bytes, size_t n, struct cvt_err *e)
{
	reader_prepare();
	reader_put("pairs", bytes, n);
	char pairs[120], bank[120];
	(void)snprintf(bank, sizeof bank, "%s", reader_path("bank"));
	(void)snprintf(pairs, sizeof pairs, "%s", reader_path("pairs"));
	struct cli_common common = {
		.input = bank, .output = "/dev/null", .threads = 1, .max_memory = READER_HELD};
	const struct cli_program program = {.name = "cv-knn", .common = &common};
	const struct cli c = {.program = &program};
	const struct knn_options o = {.pairs = pairs, .field = "image", .measure = KNN_L2};
	return knn_verify(&o, &c, e);
}

/* What cv-view --curves names: the figures of a training. */
static inline int read_figures(const unsigned char *bytes, size_t n, struct cvt_err *e)
{
	reader_prepare();
	reader_put("figures", bytes, n);
	const char *path = reader_path("figures");
	struct output *out = NULL;
	TRY(output_open(&out, "/dev/null", e));
	const int code = view_curves(&path, 1, out, e);
	output_abandon(out);
	return code;
}

#endif
