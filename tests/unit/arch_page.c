/*
 * cv-arch(5) against the code: its list of layers is what the operators' own tables say (arch_page
 * --write puts it there), and every example in it builds.
 */
#include "arch_built.h"

static const char page_name[] = "libcore/arch/cv-arch.5";
static const char first_mark[] = ".\\\" layers: made by tests/unit/arch_page.c\n";
static const char last_mark[] = ".\\\" end of layers\n";

/* ---- the list ---------------------------------------------------------------------- */

static int put_positional(struct str *s, const struct nn_op *op, struct cvt_err *e)
{
	for (size_t i = 0; i < NN_ARGS && op->arg[i].name; i++) {
		const struct nn_arg *a = &op->arg[i];
		if (a->positional)
			TRY(str_printf(s, e, " %sAr %s%s", a->required ? "" : "Op ", a->name,
				op->flags & NN_VARIADIC ? " No ..." : ""));
	}
	if (op->inputs != 1 && op->inputs != 0)
		TRY(str_puts(s, " No { Ar pipe No , ... }", e));
	return str_puts(s, "\n", e);
}

/* What is known about each argument, one behind the other. */
static int put_arguments(struct str *s, const struct nn_op *op, struct cvt_err *e)
{
	for (size_t i = 0; i < NN_ARGS && op->arg[i].name; i++) {
		const struct nn_arg *a = &op->arg[i];
		TRY(str_printf(s, e, ".br\n.Ar %s", a->name));
		if (!a->required && !a->word && !strstr(a->help, "default"))
			TRY(str_printf(s, e, " No = %g", a->value));
		TRY(str_printf(s, e, " :\n%s\n", a->help));
	}
	return CVT_OK;
}

static int put_layers(struct str *s, struct cvt_err *e)
{
	TRY(str_printf(s, e, "%s.Bl -tag -width Ds\n", first_mark));
	for (const struct nn_op *const *op = nn_ops; *op; op++) {
		TRY(str_printf(s, e, ".It Ic %s", (*op)->name));
		TRY(put_positional(s, *op, e));
		TRY(str_printf(s, e, "%s\n", (*op)->help));
		TRY(put_arguments(s, *op, e));
	}
	return str_printf(s, e, ".El\n%s", last_mark);
}

static void read_page(struct str *page)
{
	struct cvt_err e = {0};
	char line[1024];
	FILE *f = fopen(page_name, "r");
	(void)str_puts(page, "", &e);
	while (f && fgets(line, sizeof line, f))
		(void)str_puts(page, line, &e);
	if (f)
		(void)fclose(f);
}

static bool write_page(
	const struct str *page, const char *first, const char *last, const struct str *layers)
{
	FILE *f = fopen(page_name, "w");
	if (!f)
		return false;
	(void)fwrite(page->p, 1, (size_t)(first - page->p), f);
	(void)fputs(layers->p, f);
	(void)fputs(last + strlen(last_mark), f);
	return fclose(f) == 0;
}

static void test_layers(const struct str *page, bool write)
{
	struct str layers = {0};
	struct cvt_err e = {0};
	const int code = put_layers(&layers, &e);
	const char *first = strstr(page->p, first_mark), *last = strstr(page->p, last_mark);
	const bool marked = code == CVT_OK && first && last && first < last;
	if (write)
		check(marked && write_page(page, first, last, &layers), "layers written");
	else
		check(marked && strstr(page->p, layers.p) == first,
			"%s lists the layers as they are (else: build/unit/arch_page --write)",
			page_name);
	free(layers.p);
}

/* ---- the examples ------------------------------------------------------------------ */

/* A literal display that has an input line is a whole network; mdoc's \& and \e are undone. */
static void test_example(const char *from, const char *to)
{
	struct str text = {0};
	struct cvt_err e = {0};
	struct built b;
	const struct how how = {.classes = 10};
	for (; from < to; from++) {
		if (strncmp(from, "\\&", 2) == 0)
			from++;
		else
			(void)str_add(&text, from, 1, &e);
	}
	if (!text.p)
		return;
	build_text(&b, text.p, &how);
	check(b.code == CVT_OK, "the example '%.30s...' builds %s", strchr(text.p, '\n') + 1,
		b.e.text);
	free(text.p);
	close_built(&b);
}

static size_t test_examples(const struct str *page)
{
	static const char begin[] = ".Bd -literal -offset indent\n", end[] = ".Ed\n";
	size_t n = 0;
	for (const char *p = page->p; (p = strstr(p, begin)) != NULL;) {
		const char *from = p + strlen(begin);
		const char *to = strstr(from, end);
		if (!to)
			break;
		if (strncmp(from, "input ", 6) == 0) {
			test_example(from, to);
			n++;
		}
		p = to;
	}
	return n;
}

int main(int argc, char **argv)
{
	struct str page = {0};
	read_page(&page);
	test_layers(&page, argc > 1 && strcmp(argv[1], "--write") == 0);
	check(test_examples(&page) >= 4, "the page has examples");
	free(page.p);
	return failures > 0;
}
