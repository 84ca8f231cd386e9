/*
 * Every wrong or hostile architecture text ends in its message, soon, at its line and column.
 */
#include "arch_built.h"

#include "../../libcore/rng.h"

#include <time.h>

/* ---- wrong texts ------------------------------------------------------------------- */

/* Behind "input image 8 8 3\n"; the message must begin so, after "x:". */
static const struct {
	const char *text, *message;
} wrong[] = {
	{"convv 3 3", "2:1: there is no layer or macro 'convv'; did you mean 'conv'?"},
	{"def blok = relu\nblock 3",
		"3:1: there is no layer or macro 'block'; did you mean 'blok'?"},
	{"relu | conv 3 3 strid=2", "2:17: conv has no argument 'strid'; did you mean 'stride'?"},
	{"conv 3 3 2", "2:10: conv takes 2 values: C K; by name: stride pad"},
	{"conv 3", "2:1: conv: K is missing"},
	{"conv 3 3 stride=1 stride=2", "2:19: conv: 'stride' is given twice"},
	{"conv 3 3 C=1", "2:10: conv: 'C' is given twice"},
	{"conv 3 wdith", "2:8: 'wdith' has no value here"},
	{"let width = 3\nconv 3 wdith", "3:8: 'wdith' has no value here; did you mean 'width'?"},
	{"conv 3 3+q", "2:10: 'q' has no value here"},
	{"conv 4/0 3", "2:6: '4/0' divides by zero"},
	{"conv 4e9 3", "2:6: '4e9' is beyond a thousand millions"},
	{"conv 3 3x", "2:10: '3x' is no value"},
	{"conv 0.5.5 3", "2:9: '0.5.5' is no value"},
	{"g: ( conv 4 3 | a: { conv 3 3 } )", "2:20: g.a: sum: its inputs are"},
	{"a: relu\nb: relu | a: relu", "3:11: two elements are called 'a'; the other is at 2:1"},
	{"x: ( a: relu ) | x.a: relu", "2:18: two elements are called 'x.a'"},
	{"{ conv 3 3 , conv 3 3 }", "2:14: '0.weight' is the parameter of another element already"},
	{"a: relu | @b", "2:11: @b: no element of that name comes before; did you mean '@a'?"},
	{"@imag", "2:1: @imag: no element of that name comes before; did you mean '@image'?"},
	{"g: ( relu | =g )", "2:13: =g: no element of that name comes before"},
	{"def m = relu | m\nm", "2:16: the macro 'm' calls itself"},
	{"def a = b\ndef b = relu | a\na", "3:16: the macro 'a' calls itself"},
	{"def m c d=1 = conv c d\nm", "3:1: m: c is missing"},
	{"def m c d=1 = conv c d\nm 1 2 3", "3:7: m takes 2 values: c d"},
	{"def m c d=1 = conv c d\nm e=3", "3:3: m has no argument 'e'; did you mean"},
	{"def m = relu\ndef m = relu\nm", "3:5: 'def m' is there already"},
	{"let m = 1\nlet m = 2", "3:5: 'let m' is there already"},
	{"input image 3", "2:7: 'input image' is there already"},
	{"net a\nrelu\nnet a\nrelu", "4:5: 'net a' is there already"},
	{"let a = b\nlet b = 1", "2:9: 'b' has no value here"},
	{"let a = a", "2:9: 'a' has no value here"},
	{"input Image 3", "2:7: 'Image' is no field"},
	{"input a 0", "2:9: '0' is 0; it must be a whole number"},
	{"input a 60000 60000", "2:7: a row of 'a' is too large"},
	{"( relu", "2:7: expected '|' or the ')' of the bracket at 2:1, but the text ends"},
	{"{ relu | relu ]", "2:15: expected '|', ',' or the '}' of the bracket at 2:1, not ']'"},
	{"( relu , relu )", "2:8: expected '|' or the ')'"},
	{"relu )", "2:6: expected '|' or the end of the line, not ')'"},
	{"relu | | relu", "2:8: expected a layer, a macro or a bracket, not '|'"},
	{"relu |", "2:7: expected a layer, a macro or a bracket, but the text ends"},
	{"relu | let a = 3", "2:8: expected a layer, a macro or a bracket, not 'let'"},
	{"{ }", "2:3: expected a layer"},
	{"x..y: relu", "2:1: expected a name"},
	{"3 *relu", "2:1: expected a layer, a macro or a bracket, not '3'"},
	{"1.5 * relu", "2:1: '1.5' is 1.5; it must be a whole number from 0 to 10000"},
	{"relu ; relu", "2:6: expected '|' or the end of the line, not ';'"},
	{"# \xc3\xa4\xc3\xb6\n\xc3\xa4",
		"3:1: expected a layer, a macro or a bracket, not '\xc3\xa4'"},
	{"(\trelu \xe2\x82\xac",
		"2:8: expected '|' or the ')' of the bracket at 2:1, not '\xe2\x82\xac'"},
	{"mul { id }", "2:1: mul: takes 2 inputs, not 1"},
	{"cat", "2:1: cat joins branches"},
	{"def m = relu\nm { id }", "3:1: the macro 'm' takes no braces"},
	{"id 3", "2:1: id takes no arguments"},
	{"net a b\nconv 3 3", "the network"},
	{"up 2 mode=bilinaer", "2:1: up: mode"},
	{"conv 2x3 3", "2:6: conv: C is one number, not 2x3"},
	{"conv 4 3 bias=0x1", "2:15: conv: bias is one number, not 0x1"},
	{"let k = 1x2\nup k", "3:4: up: S is one number, not 1x2"},
	{"flatten | reshape 12 4x16", "2:22: reshape: D is one number, not 4x16"},
	{"relu | state: ( a: bn )", "2:17: 'state.a.weight': model files keep names"},
	{"ema: bn", "2:1: 'ema.weight': model files keep names that begin so"},
	{"__metadata__: param 3", "2:1: '__metadata__': model files keep names"},
	{"bn momentum=2", "2:1: bn: momentum must be in 0..1, not 2"},
	{"bn eps=-1", "2:1: bn: eps must be at least 0, not -1"},
	{"ln eps=-1", "2:1: ln: eps must be at least 0, not -1"},
	{"gn 3 eps=-1", "2:1: gn: eps must be at least 0, not -1"},
	{"100 * ( 100 * relu )", "2:9: the network has more than 10000 elements"},
	{"", "the network has no layers"},
};

static void test_wrong(const char *text, const char *message)
{
	struct built b;
	struct str whole = {0};
	struct cvt_err e;
	const struct how how = {0};
	(void)str_printf(&whole, &e, "input image 8 8 3\n%s", text);
	build_text(&b, whole.p, &how);
	const char *found =
		strstr(b.e.text, "has no nameless network") ? "the network" : b.e.text + 2;
	found += *found == ' ';
	check(b.code != CVT_OK && strncmp(found, message, strlen(message)) == 0, "%d %s", b.code,
		b.e.text);
	free(whole.p);
	close_built(&b);
}

/* Texts of megabytes: `head`, then `n` times `part`, then `tail`. */
static const struct {
	const char *head, *part;
	size_t n;
	const char *tail, *message;
} hostile[] = {
	{"", "(", 65, "relu", "nested more than 64 deep"},
	{"", "( ", 1000000, "", "an architecture has at most 1048576 bytes"},
	{"", "(", 1000000, "", "nested more than 64 deep"},
	{"", "{[(", 300000, "", "nested more than 64 deep"},
	{"", "mul{", 200000, "", "nested more than 64 deep"},
	{"", "relu|", 10000, "relu", "more than 10000 elements"},
	{"", "\n", 1000000, "q", ":1000002:1: there is no layer"},
	{"", "x", 1000000, "", "expected a layer"},
	{"conv ", "9", 1000000, "", "expected a value"},
	{"conv ", "1+", 99, "", "is no value"},
	{"", "let a = 1\n", 2, "", "'let a' is there already"},
	{"def m", " a", 100, "", "two parameters are called 'a'"},
	{"input x", " 1", 7, "", "more than 6 dimensions"},
	{"", "9999 * ( ", 60, "relu", "expected '|' or the ')'"},
	{"conv 3 3", " stride=1", 100000, "", "'stride' is given twice"},
	{"relu ", "\x01", 100, "", "not '\\001'"},
};

static void test_hostile(size_t i)
{
	struct built b;
	struct str text = {0};
	struct cvt_err e;
	const struct how how = {0};
	(void)str_printf(&text, &e, "input image 8 8 3\n%s", hostile[i].head);
	for (size_t k = 0; k < hostile[i].n; k++)
		(void)str_puts(&text, hostile[i].part, &e);
	(void)str_puts(&text, hostile[i].tail, &e);
	const clock_t start = clock();
	build_text(&b, text.p, &how);
	const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	check(b.code == CVT_USAGE && strstr(b.e.text, hostile[i].message) && seconds < 5,
		"%zu bytes: %.150s", text.n, b.e.text);
	free(text.p);
	close_built(&b);
}

/* Macros that call macros: deep, and doubling each time. */
static void test_macro_bombs(void)
{
	static const struct {
		const char *count, *message;
	} bomb[] = {{"", "nested more than 64 deep"}, {"2 * ", "more than 10000 elements"}};
	for (size_t k = 0; k < 2; k++) {
		struct built b;
		struct str text = {0};
		struct cvt_err e;
		const struct how how = {0};
		(void)str_puts(&text, "input image 3\ndef m0 = relu\n", &e);
		for (int i = 1; i < 500; i++)
			(void)str_printf(&text, &e, "def m%d = %sm%d\n", i, bomb[k].count, i - 1);
		(void)str_puts(&text, k ? "m40" : "m499", &e);
		build_text(&b, text.p, &how);
		check(b.code == CVT_USAGE && strstr(b.e.text, bomb[k].message), "%s", b.e.text);
		free(text.p);
		close_built(&b);
	}
}

/* Zoo texts with bytes and pieces changed, put in, taken out: built or refused in good form, and
 * what arch_export writes is a text. */
static void mutate(struct rng *r, char *text, size_t room)
{
	static const char *const piece[] = {"|", ",", "(", ")", "{", "}", "[", "]", "@", "=", ":",
		"\n", " ", "3 * ", "%", "conv 4 3 ", "x: ", "id ", "def a = ", "let b = ", "net c ",
		"@0", "=0", "/", "-", "1e9", "0", "99999", "embedding: ", "# "};
	size_t n = strlen(text);
	for (uint64_t k = 1 + rng_below(r, 5); k > 0; k--) {
		const char *p = piece[rng_below(r, sizeof piece / sizeof *piece)];
		const size_t at = rng_below(r, n), most = n - at < 20 ? n - at : 20;
		const size_t out = rng_below(r, 2) ? rng_below(r, most) : 0;
		if (rng_below(r, 4) == 0)
			text[at] = (char)(1 + rng_below(r, 255));
		const size_t more = strlen(p);
		if (n - out + more + 1 > room || n - out == 0)
			continue;
		memmove(text + at + more, text + at + out, n - at - out + 1);
		memcpy(text + at, p, more); /* NOLINT(bugprone-not-null-terminated-result) */
		n = n - out + more;
	}
}

static bool exports(const struct built *b)
{
	struct arch *again = NULL;
	struct str text = {0};
	struct cvt_err e;
	const bool good = arch_export(b->arch, &text, &e) == CVT_OK
			  && arch_parse(&again, "x", text.p, &e) == CVT_OK;
	arch_free(again);
	free(text.p);
	return good;
}

static void test_mutations(void)
{
	enum { TEXTS = 3000, ROOM = 4096 };
	static char text[ROOM];
	size_t zoo = 0, bad = 0, built = 0;
	struct rng r;
	rng_for(&r, 1, RNG_METHOD, 5, 5);
	while (arch_zoo[zoo].name)
		zoo++;
	for (size_t i = 0; i < TEXTS; i++) {
		struct built b;
		const struct how how = {.classes = 10, .headless = i % 2};
		(void)snprintf(text, sizeof text, "%s", arch_zoo[rng_below(&r, zoo)].text);
		mutate(&r, text, sizeof text);
		build_text(&b, text, &how);
		const bool form = b.code == CVT_OK || strncmp(b.e.text, "x:", 2) == 0
				  || b.code == CVT_INPUT || b.code == CVT_LIMIT;
		if (!form || (b.arch && !exports(&b))) {
			printf("# %d %s\n%s\n", b.code, b.e.text, text);
			bad++;
		}
		built += b.code == CVT_OK;
		close_built(&b);
	}
	check(bad == 0 && built > TEXTS / 100, "%d changed texts, of which %zu are networks", TEXTS,
		built);
}

static void test_loading(void)
{
	struct arch *a = NULL;
	struct cvt_err e = {0};
	check(arch_load(&a, "resnet21", &e) == CVT_USAGE
			&& strstr(e.text, "did you mean 'resnet20'?"),
		"%s", e.text);
	check(arch_load(&a, "/nowhere/x.arch", &e) == CVT_USAGE, "%s", e.text);
	check(arch_load(&a, "/", &e) == CVT_SYSTEM, "%s", e.text);
	check(arch_load(&a, "/dev/zero", &e) != CVT_OK && !a, "%s", e.text);
}

int main(void)
{
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		test_wrong(wrong[i].text, wrong[i].message);
	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
		test_hostile(i);
	test_macro_bombs();
	test_mutations();
	test_loading();
	return failures > 0;
}
