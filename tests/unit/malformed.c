/*
 * No input makes a reader crash, hang, or take memory beyond its limits: every reader is given
 * thousands of malformed files (malform.h). It may find them good; else it ends with a documented
 * code and one line of text, in under a second and within 256 MiB of addresses. A sample of the
 * cases is run; with TORTURE set, all of them.
 */
#include "malform.h"
#include "picture_make.h"

#include "../reader.h"
#include "../reader_files.h"

#include <sys/resource.h>
#include <time.h>

enum { SAMPLED = 1500, DRAWN = 60, MOST_MEMORY = 256 << 20, PNGS = 4 };

static int failures;

/* ---- samples ----------------------------------------------------------------------- */

static bool load(const char *path, struct sample *s)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return false;
	s->n = fread(s->bytes, 1, sizeof s->bytes, f);
	return fclose(f) == 0 && s->n > 0;
}

static void set_text(struct sample *s, const char *text)
{
	s->n = strlen(text);
	memcpy(s->bytes, text, s->n);
}

static void make_model(struct sample *s)
{
	static const char header[] =
		"{\"__metadata__\":{\"cv.arch\":\"input image 2 2 1\\nflatten | fc: linear 2\","
		"\"cv.input\":\"image 2 2 1\\nmean 0.5\\nstd 0.25\",\"cv.classes\":\"class 0 "
		"a\\nclass 1 b\",\"cv.method\":\"classify\",\"cv.history\":\"prog 0 cv-train 1: "
		"cv-train\"},\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,"
		"32]},\"fc.bias\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[32,36]}} ";
	const uint64_t n = sizeof header - 1;
	memset(s, 0, sizeof *s);
	memcpy(s->bytes, &n, sizeof n);
	memcpy(s->bytes + 8, header, n);
	s->n = 8 + n + 36;
}

/* The same in gzip. */
static void pack(struct sample *s)
{
	static struct sample plain;
	z_stream z = {0};
	plain = *s;
	z.next_in = plain.bytes;
	z.avail_in = (uInt)plain.n;
	z.next_out = s->bytes;
	z.avail_out = sizeof s->bytes;
	if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK
		|| deflate(&z, Z_FINISH) != Z_STREAM_END)
		exit(99);
	(void)deflateEnd(&z);
	s->n = sizeof s->bytes - z.avail_out;
}

/* What the golden pictures are not: in scans, in colour, interlaced, with a palette, of few bits and many. */
static void make_picture(size_t k, struct sample *s, const char **name)
{
	static const struct {
		const char *name;
		int depth, type;
		bool interlaced;
	} png[] = {{"png, interlaced", 8, PNG_COLOR_TYPE_RGB, true},
		{"png, palette", 2, PNG_COLOR_TYPE_PALETTE, false},
		{"png, palette, interlaced", 4, PNG_COLOR_TYPE_PALETTE, true},
		{"png, 16 bits", 16, PNG_COLOR_TYPE_RGB_ALPHA, false}};
	const struct jpeg_made colour = {.components = 3, .space = JCS_RGB, .progressive = true};
	*name = k < PNGS ? png[k].name : "jpeg, progressive";
	if (k < PNGS) {
		s->n = picture_make_png(
			png[k].depth, png[k].type, png[k].interlaced, s->bytes, sizeof s->bytes);
		return;
	}
	unsigned char *p = picture_make_jpeg(&colour, &s->n);
	memcpy(s->bytes, p, s->n);
	free(p);
}

/* ---- trying ------------------------------------------------------------------------ */

static double seconds(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool is_documented(int code, const struct cvt_err *e)
{
	if (code == CVT_OK)
		return true;
	return (code == CVT_INPUT || code == CVT_LIMIT || code == CVT_USAGE) && e->text[0]
	       && !strchr(e->text, '\n');
}

static void try_kind(
	const char *name, const struct sample *s, reader *read, const struct malform *kind)
{
	static struct sample bad;
	const size_t all = kind->cases(s);
	const bool torture = getenv("TORTURE") != NULL;
	const size_t most = read == read_figures ? DRAWN : SAMPLED; /* those are drawn, too */
	const size_t step = torture || all <= most ? 1 : all / most | 1;
	size_t tried = 0, refused = 0, wrong = 0;
	for (size_t k = 0; k < all; k += step) {
		struct cvt_err e = {0};
		if (!kind->make(s, k, &bad))
			continue;
		const double before = seconds();
		const int code = read(bad.bytes, bad.n, &e);
		const double took = seconds() - before;
		tried++;
		refused += code != CVT_OK;
		if (is_documented(code, &e) && took < 1)
			continue;
		if (wrong++ == 0)
			printf("# %s, %s %zu: code %d after %.2f s: %s\n", name, kind->name, k,
				code, took, e.text);
	}
	printf("%s %s: %s: %zu cases, %zu of them refused\n", wrong ? "not ok" : "ok", name,
		kind->name, tried, refused);
	failures += wrong != 0;
}

static void try_all(const char *name, const struct sample *s, reader *read)
{
	struct cvt_err e = {0};
	if (read(s->bytes, s->n, &e) != CVT_OK) {
		printf("not ok %s: the sample itself is refused: %s\n", name, e.text);
		failures++;
		return;
	}
	for (size_t i = 0; i < sizeof malforms / sizeof *malforms; i++)
		try_kind(name, s, read, &malforms[i]);
}

static void limit_memory(void)
{
	char text[64] = "";
	FILE *f = fopen("/proc/self/statm", "r");
	const bool known = f && fgets(text, sizeof text, f);
	if (f)
		(void)fclose(f);
	if (!known || getenv("TESTS")) /* a sanitizer takes all addresses */
		return;
	const rlim_t most = (rlim_t)strtoul(text, NULL, 10) * 4096 + MOST_MEMORY;
	(void)setrlimit(RLIMIT_AS, &(struct rlimit){most, most});
}

static void try_files(struct sample *s)
{
	static const unsigned char labels[] = {0, 0, 12, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0};
	if (load("tests/golden/formats/idx", s)) {
		pack(s);
		try_all("idx, packed", s, read_source);
	}
	s->n = sizeof labels;
	memcpy(s->bytes, labels, s->n);
	try_all("labels", s, read_labels);
	set_text(s, "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n");
	try_all("names", s, read_names);
	set_text(s, "# the usual\npad-crop=4 hflip:0.5 # both\n"
		    "\tone-of:.5 vflip rotate=30 end\r\nview=2 random-resized-crop=32,.2,1\n");
	try_all("policy", s, read_policy);
	set_text(s, "17\n");
	try_all("class number", s, read_cls);
	set_text(
		s, "{\"label\": 3, \"caption\": \"a \\u00e9 b\", \"more\": [1, {\"text\": null}]}");
	try_all("note", s, read_json);
	set_text(s, "# two rows, and whether they are alike\n\n0 1 1\n2 11\t0\n  7 3 1\n4 4 0\n");
	try_all("pairs", s, read_pairs);
	set_text(s, "{\"epoch\": 1, \"loss\": 2.5, \"accuracy\": 0.25, \"val_loss\": null, \"lr\": "
		    "0.1}\n"
		    "{\"epoch\": 2, \"loss\": 1.5, \"accuracy\": 0.5, \"val_loss\": 2, \"lr\": "
		    "1e-3}\n");
	try_all("figures, json", s, read_figures);
	set_text(s, "epoch\tstep\tloss\tlr\n1\t10\t2.5\t0.1\n2\t20\tnull\t0.05\n");
	try_all("figures, tsv", s, read_figures);
}

int main(void)
{
	static const char *const streams[] = {
		"basic", "epochs", "foreign", "joined", "padded", "ragged"};
	static const char *const kinds[] = {
		"archive", "cifar", "folder", "idx", "jpeg", "npy", "png", "pnm", "webdataset"};
	static struct sample s;
	char path[100];
	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* all of them take minutes: show how far it is */
	limit_memory();
	for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
		(void)snprintf(path, sizeof path, "tests/golden/v1/%s.cvt", streams[i]);
		if (load(path, &s))
			try_all(path + strlen("tests/golden/"), &s, read_source);
	}
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		(void)snprintf(path, sizeof path, "tests/golden/formats/%s", kinds[i]);
		if (load(path, &s))
			try_all(kinds[i], &s, read_source);
	}
	for (size_t k = 0; k <= PNGS; k++) {
		const char *name;
		make_picture(k, &s, &name);
		try_all(name, &s, read_source);
	}
	set_text(&s,
		"P7\nWIDTH 2\nHEIGHT 2\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\nabcdefghijkl");
	try_all("pam", &s, read_source);
	make_model(&s);
	try_all("model", &s, read_model);
	if (load("libcore/arch/densenet-small.arch", &s))
		try_all("arch", &s, read_arch);
	set_text(&s, "pad-crop=4 view=2 random-resized-crop=32,.2,1 hflip:0.5 "
		     "color-jitter:.8=.4,.4,.4,.1 one-of:.5 vflip rotate=30 end");
	try_all("chain", &s, read_chain);
	try_files(&s);
	return failures != 0;
}
