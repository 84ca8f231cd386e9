/*
 * Every listed format reads its sample in tests/golden/formats, refuses it cut at any byte, and
 * survives any bit turned round; and the parts that formats are made of do what their headers say.
 * A new format needs a sample of its name there, and nothing here.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "../../formats/crc.h"
#include "../../formats/dataset.h"
#include "../../formats/npy.h"
#include "../../formats/selection.h"
#include "../../formats/tree.h"

static int failures;

static void check(bool good, const char *what)
{
	printf("%s %s\n", good ? "ok" : "not ok", what);
	failures += !good;
}

/* ---- every format ------------------------------------------------------------------ */

struct sample {
	unsigned char bytes[8192];
	size_t n;
};

static bool load_sample(const char *name, struct sample *s)
{
	char path[200];
	(void)snprintf(path, sizeof path, "tests/golden/formats/%s", name);
	FILE *f = fopen(path, "rb");
	if (!f)
		return false;
	s->n = fread(s->bytes, 1, sizeof s->bytes, f);
	return fclose(f) == 0 && s->n > 0;
}

/* Reads all rows of n bytes as that format; how many there were in *rows. */
static int read_bytes(
	const unsigned char *bytes, size_t n, const char *format, size_t *rows, uint32_t *sum)
{
	const struct dataset_options o = {
		.format = format, .max_memory = 1 << 26, .max_pixels = 1 << 16};
	struct cvt_err e = {0};
	struct input *in = NULL;
	struct dataset *d = NULL;
	struct batch b = {0};
	int code = input_of_memory(&in, "sample", bytes, n, &e);
	if (code == CVT_OK)
		code = dataset_open_input(&d, in, &o, &e);
	*rows = code == CVT_OK ? d->rows : 0;
	*sum = 0;
	for (size_t i = 0; code == CVT_OK && i < d->rows; i++) {
		code = dataset_read(d, &i, 1, &b, &e);
		for (size_t k = 0; code == CVT_OK && k < b.n; k++)
			*sum = (uint32_t)crc32(
				*sum, b.field[k].t.data, (unsigned)b.field[k].t.bytes);
	}
	if ((code != CVT_OK) != (e.text[0] != '\0'))
		code = 99; /* an error without words, or the other way round */
	batch_free(&b);
	dataset_close(d);
	return code;
}

/* A tar may lose some of the zeros that pad it, without loss of anything in it. */
static bool only_padding(const struct sample *s, size_t from)
{
	for (size_t i = from; i < s->n; i++)
		if (s->bytes[i])
			return false;
	return from >= 512 && s->n - from < 1024;
}

static bool refuses_cuts(const struct sample *s, const char *name)
{
	size_t rows;
	uint32_t sum;
	for (size_t n = 0; n < s->n; n++) {
		const int code = read_bytes(s->bytes, n, name, &rows, &sum);
		if (code == CVT_INPUT || code == CVT_LIMIT
			|| (code == CVT_OK && only_padding(s, n)))
			continue;
		printf("# %s cut at byte %zu: code %d\n", name, n, code);
		return false;
	}
	return true;
}

static bool survives_flips(struct sample *s, const char *name)
{
	size_t rows;
	uint32_t sum;
	for (size_t bit = 0; bit < 8 * s->n; bit += 1 + bit / 512) {
		s->bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		const int code = read_bytes(s->bytes, s->n, name, &rows, &sum);
		s->bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		if (code == CVT_OK || code == CVT_INPUT || code == CVT_LIMIT)
			continue;
		printf("# %s with bit %zu turned round: code %d\n", name, bit, code);
		return false;
	}
	return true;
}

static void test_format(const char *name)
{
	char what[100];
	struct sample s;
	size_t rows = 0, by_content = 0;
	uint32_t sum = 0, same = 0;
	const bool there = load_sample(name, &s);
	(void)snprintf(what, sizeof what, "%s: its sample is read, by name and by content", name);
	check(there && read_bytes(s.bytes, s.n, name, &rows, &sum) == CVT_OK && rows > 0
			&& read_bytes(s.bytes, s.n, NULL, &by_content, &same) == CVT_OK
			&& by_content == rows && same == sum,
		what);
	(void)snprintf(what, sizeof what, "%s: cut at every byte", name);
	check(there && refuses_cuts(&s, name), what);
	(void)snprintf(what, sizeof what, "%s: bits turned round", name);
	check(there && survives_flips(&s, name), what);
}

/* ---- input ------------------------------------------------------------------------- */

static bool reads(struct input *in, const char *text)
{
	char got[100];
	size_t n = 0;
	struct cvt_err e;
	return input_read(in, got, strlen(text), &n, &e) == CVT_OK && n == strlen(text)
	       && memcmp(got, text, n) == 0;
}

static void test_input(void)
{
	int fd[2];
	const unsigned char *p;
	size_t n = 0;
	struct cvt_err e;
	struct input *in = NULL;
	char path[40];
	if (pipe(fd) != 0 || write(fd[1], "one two three", 13) != 13)
		exit(99);
	(void)close(fd[1]);
	(void)snprintf(path, sizeof path, "/dev/fd/%d", fd[0]);
	bool good = input_open(&in, path, &e) == CVT_OK && !input_can_seek(in);
	good = good && input_peek(in, 3, &p, &n, &e) == CVT_OK && n == 3
	       && memcmp(p, "one", 3) == 0;
	good = good && reads(in, "one ") && input_offset(in) == 4;
	check(good, "input: a look ahead takes nothing");
	good = input_hold(in, 100, &e) == CVT_OK && input_can_seek(in) && input_size(in) == 9;
	check(good && reads(in, "two") && input_seek(in, 4, &e) == CVT_OK && reads(in, "three"),
		"input: a pipe that is held can seek");
	check(input_pread(in, path, 5, 5, &e) == CVT_INPUT,
		"input: reading behind the end is an error");
	input_close(in);
	(void)close(fd[0]);
}

static size_t pack(const unsigned char *from, size_t n, unsigned char *to, size_t room)
{
	z_stream z = {0};
	if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		exit(99);
	union {
		const unsigned char *in;
		unsigned char *out;
	} source = {.in = from};
	z.next_in = source.out;
	z.avail_in = (unsigned)n;
	z.next_out = to;
	z.avail_out = (unsigned)room;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		exit(99);
	(void)deflateEnd(&z);
	return room - z.avail_out;
}

static void test_unpack(void)
{
	unsigned char packed[400];
	const size_t first = pack((const unsigned char *)"many ", 5, packed, sizeof packed);
	const size_t n =
		first
		+ pack((const unsigned char *)"members", 7, packed + first, sizeof packed - first);
	struct cvt_err e;
	struct input *in = NULL;
	bool good = input_of_memory(&in, "gz", packed, n, &e) == CVT_OK
		    && input_unpack(in, 100, &e) == CVT_OK && reads(in, "many members");
	check(good && !input_can_seek(in), "unpack: members end to end are one text");
	input_close(in);
	size_t refused = 0;
	for (size_t k = 6; k < n; k++) {
		size_t got = 0;
		char text[20];
		if (input_of_memory(&in, "gz", packed, k, &e) != CVT_OK)
			exit(99);
		const int code =
			input_unpack(in, 100, &e) ? e.code : input_read(in, text, 20, &got, &e);
		refused += code == CVT_INPUT || (k == first && got == 5);
		input_close(in);
	}
	check(refused == n - 6, "unpack: cut at every byte");
}

/* ---- trees, pictures, arrays ------------------------------------------------------- */

static void test_tree(void)
{
	static const char *const names[] = {"b/2", "a-b/1", "a/9", "a", "b/2"};
	static const char *const sorted[] = {"a", "a/9", "a-b/1", "b/2"};
	const struct dataset_options o = {.max_entries = 5};
	struct tree *t = NULL;
	struct cvt_err e;
	bool good = tree_create(&t, "t", &e) == CVT_OK;
	for (size_t i = 0; i < 5; i++)
		good = good && tree_add(t, names[i], i, 1, &o, &e) == CVT_OK;
	check(good && tree_add(t, "more", 0, 1, &o, &e) == CVT_LIMIT,
		"tree: no more entries than allowed");
	tree_sort(t);
	good = t->n == 4;
	for (size_t i = 0; i < t->n && good; i++)
		good = strcmp(t->entry[i].name, sorted[i]) == 0;
	check(good && t->entry[3].at == 4, "tree: sorted by parts, the last of equal names stays");
	tree_close(t);
}

static void test_crc(void)
{
	unsigned char bytes[700];
	bool good = true;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * i * 31 >> 3);
	for (size_t n = 0; n < 400; n++) {
		const uint32_t before = (uint32_t)(n * 2654435761u);
		good = good
		       && crc_add(before, bytes + n % 37, n)
				  == (uint32_t)crc32_z(before, bytes + n % 37, n);
	}
	check(good, "crc: zlib's, at any length and place");
}

static void test_npy(void)
{
	const size_t dims[] = {5, 70};
	struct str s = {0};
	struct cvt_err e;
	const bool good = npy_header(&s, DT_F4, 2, dims, &e) == CVT_OK && s.n % 64 == 0
			  && s.p[s.n - 1] == '\n' && strstr(s.p + 10, "'shape': (5, 70), }");
	check(good, "npy: the header is padded to 64 and has the shape");
	free(s.p);
}

/* ---- selection --------------------------------------------------------------------- */

/* 60 rows of one pixel in memory, as an IDX file. */
static void sixty_rows(struct join *j)
{
	static unsigned char idx[16 + 60] = {0, 0, 8, 3, 0, 0, 0, 60, 0, 0, 0, 1, 0, 0, 0, 1};
	struct cvt_err e;
	struct input *in = NULL;
	struct dataset *d = NULL;
	if (input_of_memory(&in, "sixty", idx, sizeof idx, &e) != CVT_OK
		|| dataset_open_input(&d, in, NULL, &e) != CVT_OK || join_add(j, d, &e) != CVT_OK)
		exit(99);
}

static struct selection *select_rows(struct join *j, const struct selection_options *o)
{
	struct selection *s = NULL;
	struct cvt_err e;
	if (selection_create(&s, o, j, &e) != CVT_OK) {
		printf("# %s\n", e.text);
		exit(99);
	}
	return s;
}

static void test_permutation(struct join *j)
{
	const struct selection_options o = {
		.shuffle = true, .take = SIZE_MAX, .unlabelled = SIZE_MAX};
	struct selection *s = select_rows(j, &o);
	size_t seen[120] = {0}, first[120];
	bool good = true, moved = false;
	selection_epoch(s, 3);
	good = s->n == 120;
	memcpy(first, s->row, sizeof first);
	for (size_t i = 0; i < s->n; i++)
		seen[s->row[i]]++;
	for (size_t i = 0; i < 120; i++)
		good = good && seen[i] == 1;
	selection_epoch(s, 4);
	moved = memcmp(first, s->row, sizeof first) != 0;
	selection_epoch(s, 3);
	check(good && moved && memcmp(first, s->row, sizeof first) == 0,
		"selection: an epoch is a permutation that depends on its number alone");
	selection_close(s);
}

static void test_mix(struct join *j)
{
	const struct selection_options o = {.shuffle = true,
		.take = SIZE_MAX,
		.unlabelled = SIZE_MAX,
		.mix = {7, 20},
		.mixed = 2};
	struct selection *s = select_rows(j, &o);
	size_t seen[2][120] = {{0}}, mixed = 0;
	selection_epoch(s, 0);
	for (size_t i = 0; i < s->n; i++) {
		mixed += s->row[i] >= 60;
		seen[s->copy[i] > 0][s->row[i]]++;
	}
	/* 60 = 8 * 7 + 4, so 8 * 20 + ceil(4 * 20 / 7) = 172 = 2 * 60 + 52 rows of the second. */
	bool good = s->n == 60 + 172 && mixed == 172;
	for (size_t i = 0; i < 120; i++)
		good = good && seen[0][i] == 1;
	check(good, "selection: a mix keeps its ratio, and copy counts the passes");
	selection_close(s);
}

static void test_selection(void)
{
	struct join j = {0};
	struct cvt_err e;
	sixty_rows(&j);
	sixty_rows(&j);
	if (join_agree(&j, false, &e) != CVT_OK)
		exit(99);
	test_permutation(&j);
	test_mix(&j);
	join_close(&j);
}

int main(void)
{
	for (size_t i = 0; formats[i]; i++)
		test_format(formats[i]->name);
	test_input();
	test_unpack();
	test_tree();
	test_crc();
	test_npy();
	test_selection();
	return failures != 0;
}
