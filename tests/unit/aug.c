/*
 * Chains of operations: what chance is keyed by, how often it strikes, what it leaves alone, and
 * that everything a row carries moves together. Pixels are aug_pillow.c's affair.
 */
#include "../../libcore/aug/chain.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { H = 24, W = 28, SPOT = 5, ROWS = 2000, WORDS = 8 };

static int failures;

CVT_PRINTF(2, 3) static void check(bool good, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	printf("%s ", good ? "ok" : "not ok");
	(void)vprintf(format, args); /* NOLINT: the analyzer misses va_start */
	printf("\n");
	va_end(args);
	failures += !good;
}

/* ---- rows -------------------------------------------------------------------------- */

/* A picture with a bright spot, whose mask is 1, whose depth is 5 and whose box and middle are
 * known; row(index) has its own noise and place. */
struct scene {
	struct aug_row row;
	float box[5], point[3];
};

static void plane(struct aug_plane *p, size_t items, size_t size, int outside)
{
	void *q = p->data;
	if (mem_grow(&q, &p->capacity, items * size, 1, NULL) != CVT_OK)
		exit(1);
	p->data = q;
	p->size = size;
	p->outside = outside;
	memset(p->data, 0, items * size);
}

static void paint(struct scene *s, size_t frame, size_t y0, size_t x0)
{
	const float five = 5;
	for (size_t y = y0; y < y0 + SPOT; y++)
		for (size_t x = x0; x < x0 + SPOT; x++) {
			const size_t at = (frame * H + y) * W + x;
			memset(s->row.image.data + 3 * at, 255, 3);
			s->row.plane[0].data[at] = 1;
			memcpy(s->row.plane[1].data + 4 * at, &five, 4);
		}
}

static void make(struct scene *s, size_t frames, uint64_t index)
{
	struct rng g;
	struct aug_row *r = &s->row;
	const size_t items = frames * H * W;
	rng_for(&g, 9, RNG_SHUFFLE, index, 0);
	r->T = frames;
	r->H = H;
	r->W = W;
	r->C = 3;
	r->planes = 2;
	plane(&r->image, items, 3, 0);
	plane(&r->plane[0], items, 1, 255);
	plane(&r->plane[1], items, 4, 0);
	for (size_t i = 0; i < H * W * 3; i++)
		r->image.data[i] = (unsigned char)rng_below(&g, 60);
	for (size_t t = 1; t < frames; t++)
		memcpy(r->image.data + t * H * W * 3, r->image.data, (size_t)H * W * 3);
	const size_t y = rng_below(&g, H - SPOT + 1), x = rng_below(&g, W - SPOT + 1);
	for (size_t t = 0; t < frames; t++)
		paint(s, t, y, x);
	const float box[5] = {3, (float)x, (float)y, (float)(x + SPOT), (float)(y + SPOT)};
	const float point[3] = {(float)x + SPOT / 2.0f, (float)y + SPOT / 2.0f, 1};
	memcpy(s->box, box, sizeof box);
	memcpy(s->point, point, sizeof point);
	r->boxes = s->box;
	r->keypoints = s->point;
	r->M = r->K = 1;
}

static size_t image_bytes(const struct aug_row *r)
{
	return r->T * r->H * r->W * r->C;
}

static void parse(struct aug_chain *c, const char *text)
{
	static char copy[200];
	const char *word[WORDS];
	size_t n = 0;
	struct cvt_err e = {0};
	(void)snprintf(copy, sizeof copy, "%s", text);
	for (char *w = strtok(copy, " "); w && n < WORDS; w = strtok(NULL, " "))
		word[n++] = w;
	if (aug_chain_parse(c, word, n, &e) != CVT_OK) {
		check(false, "%s: %s", text, e.text);
		exit(1);
	}
}

static void apply(
	const struct aug_chain *c, const struct rng_site *site, bool frozen, struct scene *s)
{
	struct cvt_err e = {0};
	if (aug_chain_apply(c, 0, site, frozen, &s->row, &e) != CVT_OK) {
		check(false, "%s", e.text);
		exit(1);
	}
}

/* Row `index` through the chain; a sum that tells one result from another. */
static uint64_t result(const struct aug_chain *c, struct rng_site site, uint64_t index)
{
	struct scene s = {0};
	uint64_t sum = 14695981039346656037u;
	make(&s, 1, 7);
	site.index = index;
	apply(c, &site, false, &s);
	for (size_t i = 0; i < image_bytes(&s.row); i++)
		sum = (sum ^ s.row.image.data[i]) * 1099511628211u;
	aug_row_free(&s.row);
	return sum;
}

/* ---- what chance is keyed by ------------------------------------------------------- */

static void test_keys(void)
{
	enum { N = 40 };
	struct aug_chain c;
	uint64_t forth[N];
	const struct rng_site site = {.seed = 3, .stage = 1, .epoch = 2};
	size_t same = 0, others = 0;
	parse(&c, "pad-crop=4 hflip rotate=20 color-jitter=.4,.4,.4,.1");
	for (uint64_t i = 0; i < N; i++)
		forth[i] = result(&c, site, i);
	for (uint64_t i = N; i-- > 0;)
		same += result(&c, site, i) == forth[i];
	check(same == N, "a row's draw does not depend on the rows before it");
	for (size_t i = 1; i < N; i++)
		others += forth[i] != forth[i - 1];
	check(others == N - 1, "rows draw differently");
	struct rng_site other[] = {site, site, site, site, site};
	other[0].seed++;
	other[1].stage++;
	other[2].epoch++;
	other[3].copy++;
	other[4].view++;
	for (size_t i = 0; i < 5; i++)
		check(result(&c, other[i], 0) != forth[0], "key %zu changes the draw", i);
	aug_chain_free(&c);
	parse(&c, "hflip:1 pad-crop=4 hflip rotate=20 color-jitter=.4,.4,.4,.1");
	check(result(&c, site, 0) != forth[0], "an operation's place changes its draw");
	aug_chain_free(&c);
}

/* ---- how often --------------------------------------------------------------------- */

/* Share of rows that a chain changes. */
static double share(const char *text)
{
	struct aug_chain c;
	size_t changed = 0;
	parse(&c, text);
	struct aug_chain none = {0};
	parse(&none, "");
	const uint64_t original = result(&none, (struct rng_site){0}, 0);
	for (uint64_t i = 0; i < ROWS; i++)
		changed += result(&c, (struct rng_site){.seed = 1}, i) != original;
	aug_chain_free(&c);
	aug_chain_free(&none);
	return (double)changed / ROWS;
}

static void test_frequencies(void)
{
	static const struct {
		const char *chain;
		double share;
	} cases[] = {{"hflip", 0.5}, {"vflip", 0.5}, {"hflip:0.2", 0.2}, {"hflip:1", 1},
		{"hflip:0", 0}, {"grayscale", 1}, {"color-jitter:0.8=.4", 0.8},
		{"one-of:0.3 hflip:1 vflip:1 end", 0.3}, {"one-of hflip vflip end", 0.5}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const double p = cases[i].share, got = share(cases[i].chain);
		const double room = 4.5 * sqrt(p * (1 - p) / ROWS);
		check(fabs(got - p) <= room, "%s changes %.3f of the rows, wanted %g",
			cases[i].chain, got, p);
	}
}

static void test_choices(void)
{
	struct aug_chain c, single[3];
	static const char *const words[3] = {"hflip:1", "vflip:1", "grayscale"};
	size_t count[3] = {0};
	parse(&c, "one-of hflip:1 vflip:1 grayscale end");
	for (size_t k = 0; k < 3; k++)
		parse(&single[k], words[k]);
	for (uint64_t i = 0; i < 900; i++) {
		const uint64_t got = result(&c, (struct rng_site){.seed = 1}, i);
		for (size_t k = 0; k < 3; k++)
			count[k] += got == result(&single[k], (struct rng_site){.seed = 1}, i);
	}
	for (size_t k = 0; k < 3; k++) {
		check(count[k] > 240 && count[k] < 360, "one-of takes %s %zu times of 900",
			words[k], count[k]);
		aug_chain_free(&single[k]);
	}
	check(count[0] + count[1] + count[2] == 900, "one-of takes exactly one");
	aug_chain_free(&c);
}

/* ---- frozen rows and clips --------------------------------------------------------- */

static bool same_numbers(const float *a, const float *b, size_t n)
{
	size_t same = 0;
	for (size_t i = 0; i < n; i++)
		same += a[i] == b[i];
	return same == n;
}

static bool same_row(const struct scene *a, const struct scene *b)
{
	return a->row.H == b->row.H && a->row.W == b->row.W
	       && memcmp(a->row.image.data, b->row.image.data, image_bytes(&a->row)) == 0
	       && memcmp(a->row.plane[0].data, b->row.plane[0].data, a->row.T * a->row.H * a->row.W)
			  == 0
	       && same_numbers(a->box, b->box, 5) && same_numbers(a->point, b->point, 3);
}

/* A frozen row through `text` is what any row becomes through `sure`. */
static void frozen_is(const char *text, const char *sure)
{
	struct aug_chain c, want;
	size_t same = 0;
	parse(&c, text);
	parse(&want, sure);
	for (uint64_t i = 0; i < 20; i++) {
		struct scene a = {0}, b = {0};
		const struct rng_site site = {.index = i};
		make(&a, 1, i);
		make(&b, 1, i);
		apply(&c, &site, true, &a);
		apply(&want, &site, false, &b);
		same += same_row(&a, &b);
		aug_row_free(&a.row);
		aug_row_free(&b.row);
	}
	check(same == 20, "validation rows: %s is %s", text, *sure ? sure : "nothing");
	aug_chain_free(&c);
	aug_chain_free(&want);
}

static void test_clip(const char *text)
{
	struct aug_chain c;
	size_t equal = 0;
	parse(&c, text);
	for (uint64_t i = 0; i < 50; i++) {
		struct scene s = {0};
		const struct rng_site site = {.index = i};
		make(&s, 3, i);
		apply(&c, &site, false, &s);
		const size_t n = image_bytes(&s.row) / 3;
		equal += memcmp(s.row.image.data, s.row.image.data + n, n) == 0
			 && memcmp(s.row.image.data, s.row.image.data + 2 * n, n) == 0;
		aug_row_free(&s.row);
	}
	check(equal == 50, "all frames of a clip are treated alike: %s", text);
	aug_chain_free(&c);
}

/* ---- what moves along -------------------------------------------------------------- */

/* Is the spot where its keypoint, box, mask and depth say? */
static bool together(const struct scene *s)
{
	const struct aug_row *r = &s->row;
	const float x = s->point[0], y = s->point[1];
	const bool in = x >= 0 && y >= 0 && x < (float)r->W && y < (float)r->H;
	if ((s->point[2] == 1) != in)
		return false;
	if (!in)
		return true;
	const size_t at = (size_t)y * r->W + (size_t)x;
	float depth;
	memcpy(&depth, r->plane[1].data + 4 * at, 4);
	return r->image.data[3 * at] > 128 && r->plane[0].data[at] == 1 && depth == 5
	       && s->box[0] == 3 && s->box[1] < x && x < s->box[3] && s->box[2] < y
	       && y < s->box[4];
}

/* No pixel of the mask lies (by its middle) outside the box; a box that is gone leaves none. */
static bool boxed(const struct scene *s)
{
	const struct aug_row *r = &s->row;
	const float *b = s->box;
	for (size_t at = 0; at < r->H * r->W; at++) {
		const size_t row = at / r->W;
		const float x = (float)(at - row * r->W) + 0.5f, y = (float)row + 0.5f;
		if (r->plane[0].data[at] == 1
			&& (b[0] < 0 || x < b[1] || y < b[2] || x > b[3] || y > b[4]))
			return false;
	}
	return b[0] == -1 ? b[1] == 0 && b[4] == 0
			  : b[1] >= 0 && b[1] < b[3] && b[3] <= (float)r->W && b[2] >= 0
				    && b[2] < b[4] && b[4] <= (float)r->H;
}

static void test_moves(const char *text, bool may_leave)
{
	struct aug_chain c;
	size_t good = 0, in_boxes = 0, left = 0;
	parse(&c, text);
	for (uint64_t i = 0; i < 400; i++) {
		struct scene s = {0};
		const struct rng_site site = {.index = i};
		make(&s, 1, i);
		apply(&c, &site, false, &s);
		good += together(&s);
		in_boxes += boxed(&s);
		left += s.box[0] < 0;
		aug_row_free(&s.row);
	}
	check(good == 400, "picture, mask, depth and keypoint stay together: %s (%zu)", text, good);
	check(in_boxes == 400, "boxes hold their masks: %s (%zu)", text, in_boxes);
	check((left > 0) == may_leave, "%s: boxes that left are class -1 (%zu)", text, left);
	aug_chain_free(&c);
}

/* Keypoints 0 and 1 are a pair: a mirror swaps them, turning upside down does not. */
static void test_pairs(void)
{
	static const int32_t flip[3] = {1, 0, 2};
	struct aug_chain c;
	struct scene s = {0};
	float point[9] = {1, 2, 1, 20, 3, 0, 5, 5, 1};
	const float mirrored[9] = {W - 20, 3, 0, W - 1, 2, 1, W - 5, 5, 1};
	const float down[9] = {W - 20, H - 3, 0, W - 1, H - 2, 1, W - 5, H - 5, 1};
	make(&s, 1, 0);
	s.row.keypoints = point;
	s.row.K = 3;
	s.row.flip = flip;
	parse(&c, "hflip:1");
	apply(&c, &(struct rng_site){0}, false, &s);
	check(same_numbers(point, mirrored, 9), "a mirror swaps left and right points");
	aug_chain_free(&c);
	parse(&c, "vflip:1");
	apply(&c, &(struct rng_site){0}, false, &s);
	check(same_numbers(point, down, 9), "turning upside down swaps no points");
	aug_chain_free(&c);
	aug_row_free(&s.row);
}

int main(void)
{
	static const char *const clips[] = {"pad-crop=4", "crop=16", "rotate=40,bilinear",
		"random-resized-crop=16", "hflip", "vflip", "color-jitter=.4,.4,.4,.1",
		"one-of hflip:1 grayscale end", "resize=9,50"};
	test_keys();
	test_frequencies();
	test_choices();
	frozen_is("hflip vflip:0.9 grayscale:0.5", "");
	frozen_is("color-jitter=.4,.4,.4,.1 pad-crop=4 rotate=30", "");
	frozen_is("hflip:1 grayscale", "hflip:1 grayscale");
	frozen_is("crop=16,20", "center-crop=16,20");
	frozen_is("random-resized-crop=20", "resize=20");
	frozen_is("one-of hflip:1 vflip:1 end", "");
	frozen_is("one-of resize=12 center-crop=12 end", "resize=12");
	for (size_t i = 0; i < sizeof clips / sizeof *clips; i++)
		test_clip(clips[i]);
	test_moves("hflip:1", false);
	test_moves("vflip", false);
	test_moves("resize=48,40", false);
	test_moves("resize=17,45,nearest", false);
	test_moves("pad-crop=9", true);
	test_moves("pad-crop=9,reflect", true);
	test_moves("crop=10,12", true);
	test_moves("center-crop=9,26 hflip", true);
	test_moves("random-resized-crop=24", true);
	test_moves("rotate=180", false);
	test_moves("rotate=30,bilinear", false);
	test_moves("hflip pad-crop=3 random-resized-crop=30,0.5,1 vflip", true);
	test_pairs();
	return failures != 0;
}
