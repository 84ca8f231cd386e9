/*
 * Operations against Pillow and torchvision, byte for byte: tests/golden/aug/pillow.safetensors,
 * which make_aug.py wrote (it says what the names mean). Runs from the top folder, as tests/run.sh
 * starts it.
 */
#include "../../formats/safetensors.h"
#include "../../libcore/aug/chain.h"
#include "../../libcore/aug/colour.h"
#include "../../libcore/aug/effect.h"
#include "../../libcore/aug/smooth.h"
#include "../../libcore/aug/warp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD = 100, NUMBERS = 8 };

static int failures;

static void check(bool good, const char *what)
{
	printf("%s %s\n", good ? "ok" : "not ok", what);
	failures += !good;
}

/* ---- operations without chance ------------------------------------------------------ */

/* What stands behind the "=": numbers, and then a word or nothing. */
struct values {
	double v[NUMBERS];
	const char *word;
};

static void read_values(const char *text, struct values *to)
{
	*to = (struct values){.word = ""};
	for (size_t i = 0; *text; i++) {
		char *end;
		const double v = strtod(text, &end);
		if (end == text || i == NUMBERS) {
			to->word = text;
			return;
		}
		to->v[i] = v;
		text = *end == ',' ? end + 1 : end;
	}
}

static int do_cut(struct aug_row *r, const struct values *a, struct cvt_err *e)
{
	const struct aug_window w = {
		(ptrdiff_t)a->v[0], (ptrdiff_t)a->v[1], (size_t)a->v[2], (size_t)a->v[3]};
	return aug_cut(r, &w, strcmp(a->word, "reflect") == 0 ? BORDER_REFLECT : BORDER_ZERO, e);
}

static int do_scale(struct aug_row *r, const struct values *a, struct cvt_err *e)
{
	const struct aug_window w = {
		(ptrdiff_t)a->v[0], (ptrdiff_t)a->v[1], (size_t)a->v[2], (size_t)a->v[3]};
	return aug_scale(r, &w, (size_t)a->v[4], (size_t)a->v[5], FILTER_BILINEAR, e);
}

static int do_turn(struct aug_row *r, const struct values *a, struct cvt_err *e)
{
	const bool nearest = strcmp(a->word, "nearest") == 0;
	return aug_turn(r, a->v[0], nearest ? FILTER_NEAREST : FILTER_BILINEAR, e);
}

static int do_brightness(struct aug_row *r, const struct values *a, struct cvt_err *e)
{
	(void)e;
	colour_brightness(r->image.data, r->H * r->W, r->C, (float)a->v[0]);
	return CVT_OK;
}

static int do_contrast(struct aug_row *r, const struct values *a, struct cvt_err *e)
{
	(void)e;
	colour_contrast(r->image.data, r->H * r->W, r->C, (float)a->v[0]);
	return CVT_OK;
}

static int do_saturation(struct aug_row *r, const struct values *a, struct cvt_err *e)
{
	(void)e;
	colour_saturation(r->image.data, r->H * r->W, r->C, (float)a->v[0]);
	return CVT_OK;
}

static int do_hue(struct aug_row *r, const struct values *a, struct cvt_err *e)
{
	(void)e;
	colour_hue(r->image.data, r->H * r->W, r->C, a->v[0]);
	return CVT_OK;
}

static enum aug_filter filter_of(const struct values *a)
{
	return strcmp(a->word, "nearest") == 0 ? FILTER_NEAREST : FILTER_BILINEAR;
}

static int do_affine(struct aug_row *r, const struct values *a, struct cvt_err *e)
{
	const double *v = a->v;
	const struct aug_affine m = {v[0], v[1], v[2], v[3], v[4], v[5], false};
	return aug_affine_apply(r, &m, filter_of(a), e);
}

static int do_warp(struct aug_row *r, const struct values *a, struct cvt_err *e)
{
	struct aug_map m;
	memcpy(m.m, a->v, sizeof m.m);
	return aug_warp(r, &m, filter_of(a), e);
}

static int do_blur(struct aug_row *r, const struct values *a, struct cvt_err *e)
{
	return smooth_blur(r, (size_t)a->v[0], a->v[1], e);
}

static int do_effect(struct aug_row *r, const struct values *a, struct cvt_err *e)
{
	for (int k = 0; k < EFFECTS; k++)
		if (strcmp(effect_name[k], a->word) == 0)
			return effect_apply((enum effect)k, a->v[0], FILTER_NEAREST, r, e);
	return cvt_fail(e, CVT_INPUT, "no effect");
}

static const struct primitive {
	const char *name;
	int (*apply)(struct aug_row *r, const struct values *a, struct cvt_err *e);
} primitives[] = {
	{"cut", do_cut},
	{"scale", do_scale},
	{"turn", do_turn},
	{"brightness", do_brightness},
	{"contrast", do_contrast},
	{"saturation", do_saturation},
	{"hue", do_hue},
	{"affine", do_affine},
	{"warp", do_warp},
	{"blur", do_blur},
	{"effect", do_effect},
};
enum { PRIMITIVES = sizeof primitives / sizeof *primitives };

/* ---- one result -------------------------------------------------------------------- */

static int apply_chain(struct aug_row *r, const char *word, struct cvt_err *e)
{
	const struct rng_site site = {.seed = 1};
	struct aug_chain chain;
	int code = aug_chain_parse(&chain, &word, 1, e);
	if (code == CVT_OK)
		code = aug_chain_apply(&chain, 0, &site, false, r, e);
	aug_chain_free(&chain);
	return code;
}

static int apply_word(struct aug_row *r, const char *word, struct cvt_err *e)
{
	const size_t n = strcspn(word, "=");
	for (size_t i = 0; i < PRIMITIVES; i++)
		if (strlen(primitives[i].name) == n && strncmp(word, primitives[i].name, n) == 0) {
			struct values a;
			read_values(word + n + (word[n] == '='), &a);
			return primitives[i].apply(r, &a, e);
		}
	return apply_chain(r, word, e);
}

static int load(struct aug_row *r, const struct tensor *t, struct cvt_err *e)
{
	void *p = NULL;
	*r = (struct aug_row){.T = 1, .H = t->dims[0], .W = t->dims[1], .C = t->dims[2]};
	r->image.size = r->C;
	TRY(mem_grow(&p, &r->image.capacity, t->bytes, 1, e));
	r->image.data = p;
	memcpy(p, t->data, t->bytes);
	return CVT_OK;
}

/* Sums of floats in another order may fall on the other side of a half. */
static bool near(const struct aug_row *r, const struct tensor *want, int most)
{
	const unsigned char *p = want->data;
	for (size_t i = 0; i < want->bytes; i++)
		if (abs(r->image.data[i] - p[i]) > most)
			return false;
	return true;
}

static void compare(const struct state_dict *d, const struct state_entry *want)
{
	struct cvt_err e = {0};
	struct aug_row r = {0};
	char word[WORD], what[2 * WORD + sizeof e.text];
	const char *at = strchr(want->name, '@');
	const struct tensor *in = state_get(d, at + 1);
	(void)snprintf(word, sizeof word, "%.*s", (int)(at - want->name), want->name);
	int code = in ? load(&r, in, &e) : CVT_INPUT;
	if (code == CVT_OK)
		code = apply_word(&r, word, &e);
	const bool same = code == CVT_OK && r.H == want->t.dims[0] && r.W == want->t.dims[1]
			  && near(&r, &want->t, strncmp(word, "blur", 4) == 0);
	(void)snprintf(what, sizeof what, "%.99s is Pillow's %s", want->name, e.text);
	check(same, what);
	aug_row_free(&r);
}

/* ---- magnitudes -------------------------------------------------------------------- */

/* As torchvision's RandAugment (31 bins) and AutoAugment (10) print them for 32 x 48 pixels. */
static void test_magnitudes(void)
{
	static const struct {
		enum effect effect;
		size_t bin, bins;
		double want;
	} known[] = {
		{ShearX, 9, 31, 0.09000000357627869},
		{TranslateX, 9, 31, 6.525680065155029},
		{TranslateY, 9, 31, 4.3504533767700195},
		{Rotate, 9, 31, 9.0},
		{Color, 9, 31, 0.26999998092651367},
		{Posterize, 9, 31, 7.0},
		{Solarize, 9, 31, 178.5},
		{ShearX, 7, 10, 0.23333334922790527},
		{TranslateX, 7, 10, 16.918428421020508},
		{TranslateY, 7, 10, 11.278952598571777},
		{Rotate, 7, 10, 23.33333396911621},
		{Color, 7, 10, 0.699999988079071},
		{Posterize, 7, 10, 5.0},
		{Solarize, 7, 10, 56.66666793823242},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		const double m = effect_magnitude(
			&effect_space, known[i].effect, known[i].bin, known[i].bins, 32, 48);
		char what[WORD];
		(void)snprintf(what, sizeof what, "%s of bin %zu is %g",
			effect_name[known[i].effect], known[i].bin, known[i].want);
		check(m - known[i].want < 1e-6 && known[i].want - m < 1e-6, what);
	}
}

int main(void)
{
	struct state_dict d = {0};
	struct cvt_err e = {0};
	size_t results = 0;
	if (safetensors_read("tests/golden/aug/pillow.safetensors", &d, &e) != CVT_OK) {
		printf("not ok %s\n", e.text);
		return 1;
	}
	for (size_t i = 0; i < d.n; i++)
		if (strchr(d.entry[i].name, '@')) {
			compare(&d, &d.entry[i]);
			results++;
		}
	test_magnitudes();
	check(results > 100, "all results were there");
	state_free(&d);
	return failures != 0;
}
