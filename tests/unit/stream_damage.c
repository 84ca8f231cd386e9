/* A stream that is cut, flipped, or forged with right CRCs is refused, with exit code 3 and without
 * memory for what it only promises. */
#include "../../libcore/rng.h"
#include "stream_make.h"

#include <sys/resource.h>

static const struct recipe small = {make_rows, 5, 2, 2, true};
static const struct recipe ragged = {make_ragged, 3, 3, 1, true};
static const struct recipe empty = {make_rows, 0, 1, 1, true};
static const struct recipe single = {make_rows, 3, 3, 1, true};

static bool refused(struct bytes s)
{
	struct seen seen;
	struct cvt_err e;
	return read_stream(s, &seen, &e) == CVT_INPUT && e.text[0] != '\0';
}

static bool read_well(struct bytes s)
{
	struct seen seen;
	struct cvt_err e;
	return read_stream(s, &seen, &e) == CVT_OK;
}

/* `whole` is a length at which the stream may end, too (0 = none): the first of two parts. */
static void test_cuts(struct bytes s, size_t whole, const char *what)
{
	bool good = read_well(s);
	char text[100];
	for (size_t n = 0; n < s.n && good; n++)
		if (n != whole || n == 0)
			good = refused((struct bytes){s.p, n});
	(void)snprintf(text, sizeof text, "cut at every byte: %s (%zu bytes)", what, s.n);
	check(good, text);
}

static void test_flips(struct bytes s, const char *what)
{
	bool good = true;
	char text[100];
	for (size_t bit = 0; bit < 8 * s.n && good; bit++) {
		s.p[bit / 8] ^= (unsigned char)(1 << bit % 8);
		good = refused(s);
		s.p[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	(void)snprintf(text, sizeof text, "every bit flipped: %s", what);
	check(good, text);
}

static void test_all(const struct recipe *r, const char *what)
{
	struct bytes s = make_stream(r);
	test_cuts(s, 0, what);
	test_flips(s, what);
	free(s.p);
}

static void test_joined(void)
{
	struct bytes one = make_stream(&single), two = join(one, one);
	test_cuts(two, one.n, "concatenated");
	test_flips(two, "concatenated");
	free(one.p);
	free(two.p);
}

static void test_trailing(void)
{
	struct bytes s = make_stream(&single);
	struct bytes more = join(s, (struct bytes){s.p, 1}),
		     zero = join(s, (struct bytes){s.p + 9, 64});
	check(refused(more) && refused(zero), "bytes after DONE are refused");
	free(s.p);
	free(more.p);
	free(zero.p);
}

/* ---- forgeries: everything fits but one number ------------------------------------- */

/* Where a number lies: frame, offset from its header's begin, its width, and what it becomes. */
struct forgery {
	const char *what;
	size_t frame, at;
	int bytes;
	uint64_t value;
};

/* Frames of `single`: 0 HEAD, 1 BATC, 2 EPOC, 3 DONE. The fields of its batch, in order: index,
 * image, label, name, boxes, part; descriptors begin at 64. */
enum { D = 64, INDEX = D, IMAGE = D + 128, PAYLOAD = D + 6 * 128 };

static const struct forgery forgeries[] = {
	{"magic", 1, 0, 1, 0x88},
	{"type that must be understood", 1, 8, 4, 0x43544158},
	{"type that is no text", 1, 8, 4, 0x43544102},
	{"second HEAD", 2, 8, 4, 0x44414548},
	{"version", 1, 12, 2, 2},
	{"flags", 1, 14, 2, 1},
	{"seq", 2, 16, 8, 3},
	{"body no multiple of 64", 1, 24, 8, 65},
	{"body beyond 2 GiB", 1, 24, 8, (uint64_t)1 << 32},
	{"body of HEAD beyond 16 MiB", 0, 24, 8, 17 << 20},
	{"n", 1, 32, 4, 5},
	{"n of EPOC", 2, 32, 4, 1},
	{"epoch of BATC", 1, 36, 4, 1},
	{"epoch of EPOC", 2, 36, 4, 1},
	{"rows of BATC", 1, 40, 8, 2},
	{"rows of BATC without end", 1, 40, 8, UINT64_MAX},
	{"batches of BATC", 1, 48, 8, 1},
	{"rows of EPOC", 2, 40, 8, 2},
	{"rows of DONE", 3, 40, 8, 4},
	{"batches of DONE", 3, 48, 8, 2},
	{"name that is none", 1, INDEX, 1, 'A'},
	{"name that HEAD lacks", 1, INDEX, 1, 'j'},
	{"dtype that is none", 1, INDEX + 50, 1, '2'},
	{"dtype that HEAD denies", 1, INDEX + 49, 1, 'f'},
	{"ndim 0", 1, INDEX + 56, 4, 0},
	{"ndim 8", 1, INDEX + 56, 4, 8},
	{"ndim that HEAD denies", 1, IMAGE + 56, 4, 3},
	{"unknown descriptor flag", 1, INDEX + 60, 4, 2},
	{"flag 1 that HEAD denies", 1, INDEX + 60, 4, 1},
	{"dims[0]", 1, INDEX + 64, 8, 4},
	{"dims whose product overflows", 1, IMAGE + 72, 8, (uint64_t)1 << 63},
	{"unused dim", 1, INDEX + 72, 8, 1},
	{"row shape that HEAD denies", 1, IMAGE + 72, 8, 1},
	{"bytes", 1, INDEX + 120, 8, 23},
	{"bytes beyond the frame", 1, INDEX + 120, 8, 1 << 30},
	{"index below 0", 1, PAYLOAD, 8, UINT64_MAX},
	{"index above its bound", 1, PAYLOAD, 8, 3},
	{"padding", 1, PAYLOAD + 63, 1, 1},
	{"val", 1, PAYLOAD + 64 * 6, 4, 0},
};

static void test_forgeries(void)
{
	for (size_t i = 0; i < sizeof forgeries / sizeof *forgeries; i++) {
		const struct forgery *f = &forgeries[i];
		struct bytes s = make_stream(&single);
		const size_t at = frame_at(s, f->frame);
		char text[100];
		bool good = get_number(s.p + at + f->at, f->bytes) != f->value;
		put_number(s.p + at + f->at, f->value, f->bytes);
		mend(s, at);
		good = good && refused(s);
		(void)snprintf(text, sizeof text, "forged: %s", f->what);
		check(good, text);
		free(s.p);
	}
}

/* Ragged: 1x1, 2x2, 3x1; fields index, image, image.at, image.hwc, table. */
static void test_ragged_forgeries(void)
{
	enum { START = 64 + 5 * 128, AT = START + 128, HWC = AT + 64 };
	static const struct forgery list[] = {
		{"offsets that go back", 1, AT + 8, 8, 6},
		{"offsets that do not begin with 0", 1, AT, 8, 1},
		{"offsets that end elsewhere", 1, AT + 24, 8, 7},
		{"size that contradicts the offsets", 1, HWC, 4, 2},
		{"size 0", 1, HWC + 4, 4, 0},
		{"size below 0", 1, HWC + 4, 4, UINT32_MAX},
	};
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		struct bytes s = make_stream(&ragged);
		const size_t at = frame_at(s, 1);
		char text[100];
		put_number(s.p + at + list[i].at, list[i].value, list[i].bytes);
		mend(s, at);
		(void)snprintf(text, sizeof text, "forged: %s", list[i].what);
		check(refused(s), text);
		free(s.p);
	}
}

/* Random bytes, right CRCs: read or refused, never more. Most hits are in headers and descriptors.
 */
static void test_random(const struct recipe *recipe, uint64_t seed, const char *what)
{
	struct bytes s = make_stream(recipe);
	struct bytes work = {malloc(s.n), s.n};
	struct rng r;
	bool good = work.p != NULL;
	size_t frame[16], frames = 0;
	char text[100];
	for (size_t at = 0; at < s.n; at = frame_at(s, frames))
		frame[frames++] = at;
	rng_for(&r, seed, RNG_METHOD, 0, 0);
	for (int i = 0; i < 20000 && good; i++) {
		memcpy(work.p, s.p, s.n);
		for (uint64_t k = rng_below(&r, 3); k < 3; k++) {
			const size_t at = frame[rng_below(&r, frames)];
			const size_t near = (size_t)rng_below(&r, 1024),
				     any = (size_t)rng_below(&r, s.n);
			const size_t hit = k % 2 || at + near >= s.n ? any : at + near;
			work.p[hit] ^= (unsigned char)(1 << rng_below(&r, 8));
		}
		for (size_t k = 0; k < frames; k++)
			mend(work, frame[k]);
		struct seen seen;
		struct cvt_err e;
		const int code = read_stream(work, &seen, &e);
		good = code == CVT_OK || code == CVT_INPUT;
	}
	(void)snprintf(text, sizeof text, "random damage with right CRCs: %s", what);
	check(good, text);
	free(work.p);
	free(s.p);
}

/* ---- HEAD -------------------------------------------------------------------------- */

static bool head_refused(const char *text)
{
	struct head h;
	struct cvt_err e = {0};
	return head_parse(&h, text, strlen(text), &e) == CVT_INPUT && strstr(e.text, "HEAD");
}

static void test_heads(void)
{
	static const char *const bad[] = {
		"",
		"field index <i8\n",
		"format cvt 2\n",
		"format cvt 1\nformat cvt 1\n",
		"format cvt 1\nrows\n",
		"format cvt 1\nrows -1\n",
		"format cvt 1\nrows 1x\n",
		"format cvt 1\nrows 18446744073709551616\n",
		"format cvt 1\nrows 1\nrows 1\n",
		"format cvt 1\nrows 1\nval 2\n",
		"format cvt 1\nfield\n",
		"format cvt 1\nfield a\n",
		"format cvt 1\nfield A |u1\n",
		"format cvt 1\nfield a <f8\n",
		"format cvt 1\nfield a |u1 0\n",
		"format cvt 1\nfield a |u1 -1\n",
		"format cvt 1\nfield a |u1 2 *\n",
		"format cvt 1\nfield a |u1 1 1 1 1 1 1 1\n",
		"format cvt 1\nfield a |u1\nfield a |u1\n",
		"format cvt 1\nfield a |u1 4294967296 4294967296 2\n",
		"format cvt 1\nfield index <i4\n",
		"format cvt 1\nclass 0\n",
		"format cvt 1\nclass x cat\n",
		"format cvt 1\nclass 0 cat\nclass 0 dog\n",
		"format cvt 1\nclass 4000000000 cat\n",
		"format cvt 1\nmean 0.5\n",
		"format cvt 1\nmean 0.5\nstd 0\n",
		"format cvt 1\nmean 0.5\nstd 0.5 0.5\n",
		"format cvt 1\nmean nan\nstd 1\n",
		"format cvt 1\ntarget label\n",
		"format cvt 1\nprog x y\n",
		"format cvt 1\nfield a |u1 1 1 1 1 1 1 1 1\n",
		"format cvt 1\nfield a.at <i4\nfield a |u1\n",
		"format cvt 1\nfield part <i4 *\n",
		"format cvt 1\nfield label <i4\nfield label.at <i8\n",
		"format cvt 1\nfield image |u1 * 4 4 3\n",
		"format cvt 1\nfield image.1.hwc <i4 * 3\n",
		"format cvt 1\nfield boxes <f4 * 4 5\n",
		"format cvt 1\nclass. 0 cat\n",
		"format cvt 1\ntarget LABEL mse\n",
		"format cvt 1\ntarget label mse more\n",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[100], shown[80];
		(void)snprintf(text, sizeof text, "HEAD refused: %s",
			mem_printable(shown, sizeof shown, bad[i]));
		check(head_refused(bad[i]), text);
	}
	struct head h;
	struct cvt_err e;
	check(head_parse(&h, "format cvt 1\n\0x", 15, &e) == CVT_INPUT, "HEAD refused: NUL");
}

/* `times` lines of that form after the first; every # is the line's number. */
static void test_many(const char *form, int times, const char *what)
{
	struct str text = {0};
	struct head h;
	struct cvt_err e = {0};
	char line[80];
	int code = str_puts(&text, "format cvt 1\n", &e);
	for (int i = 0; i < times && code == CVT_OK; i++) {
		size_t n = 0;
		for (const char *s = form; *s; s++)
			n += (size_t)(*s == '#' ? snprintf(line + n, sizeof line - n, "%d", i)
						: snprintf(line + n, sizeof line - n, "%c", *s));
		code = str_add(&text, line, n, &e);
	}
	if (code != CVT_OK)
		exit(99);
	check(head_parse(&h, text.p, text.n, &e) == CVT_INPUT && e.text[0], what);
	free(text.p);
}

static void test_limits(void)
{
	struct head h;
	struct cvt_err e;
	head_init(&h);
	test_many("field f# <i4\n", 1025, "HEAD refused: more fields than anything needs");
	test_many("class.f# 0 cat\n", 65, "HEAD refused: more lists of classes, too");
	test_many("note # that a program before us wrote, and we would pass on\n", 300000,
		"HEAD refused: larger than 16 MiB");
	check(head_set_class(&h, "label", (size_t)1 << 24, "far", &e) == CVT_INPUT
			&& head_set_class(&h, "Label", 0, "cat", &e) == CVT_INPUT
			&& head_add_field(&h, "a b", DT_U1, 0, 0, NULL, &e) == CVT_INPUT
			&& h.nclasses == 0 && h.nfields == 0,
		"a class too far, and names that are none");
	head_free(&h);
}

/* A frame that promises 2 GiB and brings nothing costs nothing. */
static void test_promises(void)
{
	struct bytes s = make_stream(&single);
	struct rusage before, after;
	const size_t at = frame_at(s, 1);
	put_number(s.p + at + 24, (uint64_t)1 << 31, 8);
	mend(s, at);
	(void)getrusage(RUSAGE_SELF, &before);
	const bool good = refused(s);
	(void)getrusage(RUSAGE_SELF, &after);
	check(good && after.ru_maxrss - before.ru_maxrss < 32 << 10,
		"a body of 2 GiB that does not come takes no memory");
	free(s.p);
}

int main(void)
{
	test_all(&small, "two epochs");
	test_all(&ragged, "ragged");
	test_all(&empty, "no rows");
	test_joined();
	test_trailing();
	test_forgeries();
	test_ragged_forgeries();
	test_heads();
	test_limits();
	test_random(&small, 1, "two epochs");
	test_random(&ragged, 2, "ragged");
	test_promises();
	return failures != 0;
}
