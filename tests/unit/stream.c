/* What goes into a stream comes out, however it is put in; groups stay together; parts, foreign
 * frames and reasons of failure travel. */
#include "stream_make.h"

#include <unistd.h>

static bool equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static void test_counts(void)
{
	const struct recipe r = {make_rows, 11, 4, 3, true};
	struct bytes s = make_stream(&r);
	struct seen seen;
	struct cvt_err e;
	const int code = read_stream(s, &seen, &e);
	check(code == CVT_OK && seen.rows == 33 && seen.epochs == 3 && seen.parts == 1,
		"three epochs of eleven rows");
	free(s.p);
}

/* However rows are put, the same bytes come out. */
static void test_steps(make_function *make, size_t rows, const char *what)
{
	const struct recipe whole = {make, rows, rows, 1, true};
	struct bytes a = make_stream(&whole);
	bool same = true;
	for (size_t step = 1; step < rows && same; step = 3 * step + 1) {
		const struct recipe pieces = {make, rows, step, 1, true};
		struct bytes b = make_stream(&pieces);
		same = equal(a, b);
		free(b.p);
	}
	check(same, what);
	free(a.p);
}

/* Rows of 20,000 bytes: several frames. */
static void make_large(struct batch *b, size_t first, size_t n)
{
	b->rows = n;
	int64_t *index = add(b, "index", DT_I8, 0, 1, (size_t[]){n});
	unsigned char *image = add(b, "image", DT_U1, 0, 4, (size_t[]){n, 100, 200, 1});
	for (size_t r = 0; r < n; r++) {
		index[r] = (int64_t)(first + r);
		memset(image + 20000 * r, (int)(first + r) & 255, 20000);
	}
}

/* The same in groups of 1 to 40 rows. */
static void make_grouped(struct batch *b, size_t first, size_t n)
{
	make_large(b, first, n);
	int64_t *group = add(b, "group", DT_I8, 0, 1, (size_t[]){n});
	for (size_t r = 0; r < n; r++) {
		size_t g = 0, end = 1;
		while (end <= first + r)
			end += 1 + (++g * 7) % 40;
		group[r] = (int64_t)g;
	}
}

/* Reads s; *parted is set if a group goes on in the next frame. */
static int read_groups(struct bytes s, bool *parted, size_t *batches)
{
	struct cvt_err e = {0};
	struct input *in;
	struct stream_reader *r;
	struct batch *b;
	enum stream_event event = STREAM_BATCH;
	int64_t last = -1, expected = 0;
	*parted = false;
	TRY(input_of_memory(&in, "memory", s.p, s.n, &e));
	TRY(stream_open(&r, in, &e));
	while (event != STREAM_DONE && stream_next(r, &b, &event, &e) == CVT_OK) {
		if (event != STREAM_BATCH)
			continue;
		const int64_t *group = batch_get(b, "group")->data,
			      *index = batch_get(b, "index")->data;
		const unsigned char *image = batch_get(b, "image")->data;
		*parted = *parted || group[0] == last;
		last = group[b->rows - 1];
		++*batches;
		for (size_t i = 0; i < b->rows; i++, expected++)
			*parted = *parted || index[i] != expected
				  || image[20000 * i + 19999] != (unsigned char)expected;
	}
	stream_close(r);
	return e.code;
}

static void test_groups(void)
{
	for (size_t step = 1; step <= 300; step += 23) {
		const struct recipe r = {make_grouped, 300, step, 1, false};
		struct bytes s = make_stream(&r);
		bool parted;
		size_t batches = 0;
		if (read_groups(s, &parted, &batches) != CVT_OK || parted || batches < 8) {
			check(false, "groups are never parted");
			return;
		}
		free(s.p);
	}
	check(true, "groups are never parted");
}

static void test_parts(void)
{
	const struct recipe one = {make_rows, 5, 2, 1, true}, two = {make_rows, 7, 7, 1, false};
	const struct recipe epochs = {make_rows, 5, 2, 2, true},
			    other = {make_ragged, 3, 3, 1, true};
	struct bytes a = make_stream(&one), b = make_stream(&two), c = make_stream(&epochs),
		     d = make_stream(&other);
	struct bytes ab = join(a, b), aba = join(ab, a), ac = join(a, c), ca = join(c, a),
		     ad = join(a, d);
	struct seen seen;
	struct cvt_err e;
	check(read_stream(aba, &seen, &e) == CVT_OK && seen.rows == 17 && seen.epochs == 1
			&& seen.parts == 3,
		"parts are one epoch");
	check(read_stream(ac, &seen, &e) == CVT_INPUT && strstr(e.text, "cv-read"),
		"a part of two epochs is refused, naming cv-read");
	check(read_stream(ca, &seen, &e) == CVT_INPUT, "a part after two epochs is refused");
	check(read_stream(ad, &seen, &e) == CVT_INPUT && strstr(e.text, "fields"),
		"a part of other fields is refused");
	struct bytes all[] = {a, b, c, d, ab, aba, ac, ca, ad};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i].p);
}

static void test_part_classes(void)
{
	const struct recipe one = {make_rows, 5, 2, 1, true};
	struct bytes a = make_stream(&one), aa = join(a, a);
	struct seen seen;
	struct cvt_err e;
	for (size_t i = a.n; i + 9 < a.n + 1024; i++)
		if (memcmp(aa.p + i, "class 1 dog", 11) == 0)
			memcpy(aa.p + i, "class 1 cow", 11);
	mend(aa, a.n);
	check(read_stream(aa, &seen, &e) == CVT_INPUT && strstr(e.text, "classes"),
		"a part of other classes is refused");
	free(a.p);
	free(aa.p);
}

/* A frame that need not be understood comes along; one that must be is damage (stream_damage). */
static void test_foreign(void)
{
	const struct recipe one = {make_rows, 5, 5, 1, true};
	struct bytes s = make_stream(&one);
	const size_t at = frame_at(s, 2);
	struct bytes before = {s.p, at}, after = {s.p + at, s.n - at};
	unsigned char frame[64];
	memcpy(frame, s.p + at, 64);
	put_number(frame + 8, 0x65746f6e, 4); /* note */
	struct bytes middle = {frame, 64};
	mend(middle, 0);
	struct bytes half = join(before, middle), all = join(half, after);
	for (size_t k = 3; k <= 4; k++) {
		put_number(all.p + frame_at(all, k) + 16, k, 8);
		mend(all, frame_at(all, k));
	}
	struct seen seen;
	struct cvt_err e;
	check(read_stream(all, &seen, &e) == CVT_OK && seen.others == 1 && seen.rows == 5,
		"a frame that may be skipped is handed on");
	free(s.p);
	free(half.p);
	free(all.p);
}

/* EPOC may be missing; the reader says where the epoch ends all the same. */
static void test_missing_epoch(void)
{
	const struct recipe one = {make_rows, 5, 5, 1, true};
	struct bytes s = make_stream(&one);
	const size_t at = frame_at(s, 2), after = frame_at(s, 3);
	memmove(s.p + at, s.p + after, s.n - after);
	s.n -= after - at;
	put_number(s.p + at + 16, 2, 8);
	mend(s, at);
	struct seen seen;
	struct cvt_err e;
	check(read_stream(s, &seen, &e) == CVT_OK && seen.epochs == 1, "DONE ends an open epoch");
	free(s.p);
}

/* ---- failures travel --------------------------------------------------------------- */

static struct bytes give_up_into_pipe(const struct cvt_err *why, bool *told)
{
	int fd[2];
	char path[40];
	struct head h;
	struct output *out;
	struct stream_writer *w;
	struct cvt_err e;
	struct bytes got = {malloc(65536), 0};
	const struct recipe r = {make_rows, 5, 5, 1, true};
	if (pipe(fd) != 0 || !got.p)
		exit(99);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd[1]);
	recipe_head(&r, &h);
	if (output_open(&out, path, &e) || stream_create(&w, out, &h, &e))
		exit(99);
	*told = stream_give_up(w, "cv-test", why);
	(void)close(fd[1]);
	for (ssize_t n; (n = read(fd[0], got.p + got.n, 65536 - got.n)) > 0;)
		got.n += (size_t)n;
	(void)close(fd[0]);
	head_free(&h);
	return got;
}

static void test_failures(void)
{
	static const struct {
		struct cvt_err why;
		const char *text;
	} list[] = {
		{{CVT_SYSTEM, false, false, "x.png: truncated"}, "cv-test: x.png: truncated"},
		{{CVT_INPUT, true, false, "cv-read: x.png: truncated"},
			"cv-read: x.png: truncated"},
		{{CVT_INPUT, true, true, "standard input: cut"}, "cv-test: standard input: cut"},
	};
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		bool told;
		struct seen seen;
		struct cvt_err e;
		struct bytes s = give_up_into_pipe(&list[i].why, &told);
		check(read_stream(s, &seen, &e) == CVT_INPUT && told && e.upstream && !e.cut
				&& strcmp(e.text, list[i].text) == 0,
			list[i].text);
		free(s.p);
	}
	check(!stream_give_up(NULL, "cv-test", &list[0].why), "nothing is written before HEAD");
}

/* ---- HEAD -------------------------------------------------------------------------- */

static const char full[] =
	"format cvt 1\n"
	"field index <i8\n"
	"field image |u1 32 32 3\n"
	"field label <i4\n"
	"field boxes <f4 M 5\n"
	"field name |u1 L\n"
	"field table <f4 * 4\n"
	"rows 10\nval 2\nepochs 3\nindex 10\nseed 18446744073709551615\ndraws 2\n"
	"mean 0.4914 0.4822 0.4465\nstd 0.2470 0.2435 0.1\n"
	"class 0 T-shirt/top\nclass 2 \xc3\xa9t\xc3\xa9 one\nclass.mask 1 road\n"
	"target rotation cross-entropy\n"
	"flip 1 2\nfuture key of ours\n"
	"prog 0 cv-read 0.1.0: cv-read x --seed 0\n"
	"prog 1 cv-read 0.1.0: cv-read y --seed 0\n";

static void test_head(void)
{
	struct head h, copy;
	struct cvt_err e = {0};
	struct str text = {0}, again = {0};
	check(head_parse(&h, full, sizeof full - 1, &e) == CVT_OK, "HEAD is read");
	check(h.rows == 10 && h.val == 2 && h.epochs == 3 && h.index == 10 && h.draws == 2
			&& h.seed == UINT64_MAX && h.channels == 3 && h.std[2] == 0.1
			&& h.nprogs == 2 && h.prog[1].depth == 1 && h.ntargets == 1
			&& h.nclasses == 2,
		"its numbers");
	check(head_field(&h, "boxes")->dims[0] == HEAD_VARIES
			&& head_field(&h, "boxes")->dims[1] == 5
			&& head_field(&h, "table")->flags == FIELD_WHOLE
			&& head_field(&h, "index")->ndim == 0,
		"its fields");
	check(head_classes(&h, "label")->n == 3 && !head_classes(&h, "label")->name[1],
		"its classes");
	check(strcmp(h.other.p, "flip 1 2\nfuture key of ours\n") == 0, "what is unknown is kept");
	check(head_copy(&copy, &h, &e) == CVT_OK && head_format(&copy, &text, &e) == CVT_OK,
		"written");
	head_free(&h);
	check(text.p && head_parse(&h, text.p, text.n, &e) == CVT_OK
			&& head_format(&h, &again, &e) == CVT_OK && strcmp(text.p, again.p) == 0,
		"and read again, the same");
	head_free(&h);
	head_free(&copy);
	free(text.p);
	free(again.p);
}

static void test_match(void)
{
	struct head a, b;
	struct cvt_err e = {0};
	int32_t *to_b = NULL;
	static const char *const one[] = {"cat", "dog", "cow"}, *const two[] = {
									"cow", "cat", "emu", "dog"};
	head_init(&a);
	head_init(&b);
	for (size_t i = 0; i < 3; i++)
		(void)head_set_class(&a, "label", i, one[i], &e);
	for (size_t i = 0; i < 4; i++)
		(void)head_set_class(&b, "label", i, two[i], &e);
	check(head_match_classes(&a.classes[0], &b.classes[0], &to_b, &e) == CVT_OK && to_b[0] == 1
			&& to_b[1] == 3 && to_b[2] == 0,
		"classes are matched by name");
	free(to_b);
	check(head_match_classes(&b.classes[0], &a.classes[0], &to_b, &e) == CVT_INPUT && !to_b
			&& strstr(e.text, "emu"),
		"a class that the other lacks is refused by its name");
	head_free(&a);
	head_free(&b);
}

/* Batches whose text and boxes differ in length are joined, padded. */
static void test_append(void)
{
	struct batch a = {0}, b = {0}, all = {0};
	struct cvt_err e = {0};
	make_rows(&a, 0, 2);
	make_rows(&b, 1, 2);
	check(batch_append(&all, &a, 0, 2, &e) == CVT_OK
			&& batch_append(&all, &b, 0, 2, &e) == CVT_OK
			&& batch_append(&all, &a, 0, 2, &e) == CVT_OK,
		"rows of different numbers of boxes are joined");
	const struct tensor *t = batch_get(&all, "boxes");
	const float *x = t->data;
	check(all.rows == 6 && t->dims[1] == 3 && x[0] == 0 && x[5] == -1 && x[10] == -1
			&& x[15 * 4 + 10] == -1 && x[15 * 2] == 1,
		"missing boxes are -1");
	batch_free(&a);
	batch_free(&b);
	batch_free(&all);
	make_ragged(&a, 0, 3);
	const size_t pick[] = {2, 0, 2};
	check(batch_gather(&all, &a, pick, 3, &e) == CVT_OK, "ragged rows are gathered");
	const int64_t *at = batch_get(&all, "image.at")->data;
	check(at[0] == 0 && at[1] == 3 && at[2] == 4 && at[3] == 7
			&& batch_get(&all, "image")->bytes == 7,
		"their offsets follow");
	batch_free(&a);
	batch_free(&all);
}

int main(void)
{
	test_counts();
	test_steps(make_rows, 3000, "the same bytes however rows are put");
	test_steps(make_ragged, 3000, "the same bytes however ragged rows are put");
	test_steps(make_large, 200, "the same bytes however large rows are put");
	test_steps(make_grouped, 200, "the same bytes however grouped rows are put");
	test_groups();
	test_parts();
	test_part_classes();
	test_foreign();
	test_missing_epoch();
	test_failures();
	test_head();
	test_match();
	test_append();
	return failures != 0;
}
