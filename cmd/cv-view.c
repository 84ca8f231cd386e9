/*
 * cv-view: look. At a stream, a data set or a model file: its head, its numbers, its history,
 * whether it is whole, where it differs from another, its pictures as a grid; and at architectures.
 * Each way of looking is a file view_*.c; this one chooses it, opens what it needs, and ends.
 */
#include "view/arch.h"
#include "view/curves.h"
#include "view/view.h"

#include <stdlib.h>
#include <string.h>

typedef int look(
	struct view_input *in, const struct view_options *o, struct output *out, struct cvt_err *e);

int view_head(
	struct view_input *in, const struct view_options *o, struct output *out, struct cvt_err *e)
{
	struct str head = {0}, text = {0};
	(void)o;
	if (!in->source)
		return view_model_head(in, false, out, e);
	int code = head_format(source_head(in->source), &head, e);
	if (code == CVT_OK)
		code = view_lines(&text, head.p, head.n, "\n", e);
	if (code == CVT_OK)
		code = view_flush(&text, out, e);
	free(head.p);
	free(text.p);
	return code;
}

int view_validate(
	struct view_input *in, const struct view_options *o, struct output *out, struct cvt_err *e)
{
	struct batch *b = NULL;
	(void)out;
	if (!in->source) /* its form was checked whole when it was opened */
		return view_finite(in, e);
	for (;;) {
		TRY(view_next(in, o, &b, NULL, e));
		if (!b)
			break;
	}
	return CVT_OK;
}

/* One way of looking, chosen by its option. */
struct mode {
	const char *name;
	look *look;
	bool chosen;
	bool rows_only; /* models have nothing of the kind */
	bool binary;
};

static int choose(const struct view_options *o, struct mode *mode, struct cvt_err *e)
{
	const struct mode modes[] = {
		{"head", view_head, o->head, false, false},
		{"stat", view_stat, o->stat, false, false},
		{"validate", view_validate, o->validate, false, false},
		{"history", view_history, o->history, false, false},
		{"diff", NULL, o->diff, false, false},
		{"npy", view_npy, o->npy != NULL, true, true},
		{"tsv", view_tsv, o->tsv, true, false},
		{"arch", NULL, o->arch || o->summary, false, false},
		{"curves", NULL, o->curves, false, true},
		{"grid", view_grid, o->grid, true, true},
	};
	const size_t n = sizeof modes / sizeof *modes;
	const char *first = NULL;
	*mode = modes[n - 1]; /* what is done when nothing is said */
	for (size_t i = 0; i < n; i++) {
		if (!modes[i].chosen)
			continue;
		if (first)
			return cvt_fail(e, CVT_USAGE,
				"--%s and --%s are two ways of looking; choose one", first,
				modes[i].name);
		first = modes[i].name;
		*mode = modes[i];
	}
	if (o->lets && !o->summary)
		return cvt_fail(e, CVT_USAGE,
			"--let: is for --summary; the text itself stays as it was written");
	return CVT_OK;
}

static const char no_rows[] = "counts the rows of a stream or a data set, and none are looked at";

/* The operand (or -i FILE, or stdin), looked at. */
static int look_at(const struct mode *mode, const char *path, const struct cli *c,
	const struct view_options *o, struct output *out, struct cvt_err *e)
{
	struct view_input in;
	int code = view_open(&in, path, o, e);
	if (code == CVT_OK && mode->rows_only && !in.source)
		code = cvt_fail(e, CVT_USAGE, "%s: is a model; --stat and --head show it", in.name);
	if (code == CVT_OK && !in.source)
		code = cli_refuse(c, "metrics", no_rows, e);
	if (code == CVT_OK && in.source)
		code = output_refuse_input(o->common.output, source_fd(in.source), e);
	if (code == CVT_OK && in.source)
		rate_start_last(&in.rate, c, source_head(in.source));
	if (code == CVT_OK)
		code = mode->look(&in, o, out, e);
	if (code == CVT_OK && in.source)
		code = rate_finish(&in.rate, e);
	view_close(&in);
	return code;
}

static int compare(const struct cli *c, const struct view_options *o, struct output *out,
	bool *different, struct cvt_err *e)
{
	struct view_input a = {0}, b = {0};
	struct str text = {0};
	int code = view_open(&a, c->operand[0], o, e);
	if (code == CVT_OK)
		code = view_open(&b, c->operand[1], o, e);
	if (code == CVT_OK)
		code = view_diff(&a, &b, o, &text, e);
	*different = code == CVT_OK && text.n > 0;
	if (code == CVT_OK)
		code = view_flush(&text, out, e);
	view_close(&a);
	view_close(&b);
	free(text.p);
	return code;
}

/* --arch needs no operand; --summary alone looks into a model. */
static int look_at_arch(
	const char *path, const struct view_options *o, struct output *out, struct cvt_err *e)
{
	struct view_input in;
	if (o->arch)
		return view_arch(NULL, o, out, e);
	int code = view_open(&in, path, o, e);
	if (code == CVT_OK)
		code = view_arch(&in, o, out, e);
	view_close(&in);
	return code;
}

enum { MOST_SCALE = 256 };

static int check_operands(const struct cli *c, const struct mode *mode,
	const struct view_options *o, struct cvt_err *e)
{
	const bool many = strcmp(mode->name, "curves") == 0;
	if (o->count_given && o->count == 0)
		return cvt_fail(e, CVT_USAGE, "--count: at least 1");
	if (o->scale > MOST_SCALE)
		return cvt_fail(e, CVT_USAGE, "--scale %zu: at most %d", o->scale, MOST_SCALE);
	const size_t wanted = strcmp(mode->name, "diff") == 0 ? 2 : 1;
	if (wanted == 2 && c->operands != 2)
		return cvt_fail(e, CVT_USAGE, "--diff compares two files; name both");
	if (!many && c->operands + (o->common.input ? 1 : 0) > wanted)
		return cvt_fail(e, CVT_USAGE,
			"one thing at a time; name one file (two with --diff, several with "
			"--curves)");
	return mode->binary ? cli_refuse_terminal(o->common.output, e) : CVT_OK;
}

static int view(
	const struct cli *c, const struct view_options *o, bool *different, struct cvt_err *e)
{
	struct mode mode;
	struct output *out;
	const char *path = c->operands ? c->operand[0] : o->common.input;
	TRY(choose(o, &mode, e));
	TRY(check_operands(c, &mode, o, e));
	if (o->common.list || !mode.look)
		TRY(cli_refuse(c, "metrics", no_rows, e));
	TRY(output_open(&out, o->common.output, e));
	int code;
	if (o->common.list)
		code = view_arch_list(out, e);
	else if (mode.look)
		code = look_at(&mode, path, c, o, out, e);
	else if (strcmp(mode.name, "diff") == 0)
		code = compare(c, o, out, different, e);
	else if (strcmp(mode.name, "arch") == 0)
		code = look_at_arch(path, o, out, e);
	else
		code = view_curves((const char *const *)c->operand, c->operands, out, e);
	if (code == CVT_OK)
		return output_commit(out, e);
	output_abandon(out);
	return code;
}

enum { MOST_OPTIONS = 24 };

static void list_options(struct view_options *o, struct cli_option table[MOST_OPTIONS])
{
	const struct cli_option list[] = {
		{NULL, 0, CLI_FLAG, NULL, NULL, "Look", 0, NULL},
		{"grid", 0, CLI_FLAG, NULL, &o->grid, "the first pictures as one PNG (the default)",
			0, NULL},
		{"head", 0, CLI_FLAG, NULL, &o->head,
			"the text of HEAD, or what a model says of itself", 0, NULL},
		{"stat", 0, CLI_FLAG, NULL, &o->stat,
			"every field (tensor) in numbers, and class counts", 0, NULL},
		{"validate", 0, CLI_FLAG, NULL, &o->validate,
			"say nothing if all is well, else exit 3", 0, NULL},
		{"history", 0, CLI_FLAG, NULL, &o->history,
			"the pipeline that made it, to run again", 0, NULL},
		{"diff", 0, CLI_FLAG, NULL, &o->diff,
			"where two first differ: exit 0 nowhere, 1 there", 0, NULL},
		{"tsv", 0, CLI_FLAG, NULL, &o->tsv, "rows as tab-separated text", 0, NULL},
		{"npy", 0, CLI_TEXT, "FIELD", &o->npy, "one field of all rows as a numpy file", 0,
			NULL},
		{"arch", 0, CLI_TEXT, "NAME|FILE", &o->arch,
			"the text of an architecture, or of a model's", 0, NULL},
		{"summary", 0, CLI_FLAG, NULL, &o->summary,
			"its (or a model's) elements, shapes, parameters, FLOP", 0, NULL},
		{"let", 0, CLI_TEXT, "NAME=N,...", &o->lets,
			"with --summary: values of the text's lets, such as width=16", CLI_LIST,
			NULL},
		{"curves", 0, CLI_FLAG, NULL, &o->curves,
			"what cv-train --metrics wrote (one or more files) as one PNG", 0, NULL},
		{NULL, 0, CLI_FLAG, NULL, NULL, "How", 0, NULL},
		{"count", 'n', CLI_COUNT, "N", &o->count,
			"this many rows; default: 64 in a grid, else all", 0, &o->count_given},
		{"columns", 0, CLI_COUNT, "N", &o->columns,
			"pictures side by side; default: a square", 0, NULL},
		{"scale", 0, CLI_COUNT, "N", &o->scale,
			"pixels a pixel; default: so that one sees it", 0, NULL},
		{"field", 0, CLI_TEXT, "NAME", &o->field,
			"whose pictures; default: image and its views", 0, NULL},
		{"overlay", 0, CLI_FLAG, NULL, &o->overlay,
			"draw mask, boxes, keypoints on them, and predictions beside", 0, NULL},
		{"split", 0, CLI_TEXT, "NAME", &o->split, "of a data set that has several", 0,
			NULL},
		{"format", 0, CLI_TEXT, "NAME", &o->format,
			"what the input is, if its content does not tell", 0, NULL},
		{0},
	};
	_Static_assert(sizeof list <= MOST_OPTIONS * sizeof *list, "more room for options");
	memcpy(table, list, sizeof list);
}

int main(int argc, char **argv)
{
	struct view_options o = {0};
	struct cli_option table[MOST_OPTIONS];
	list_options(&o, table);
	const struct cli_program program = {
		.name = "cv-view",
		.summary = "Look at streams, data sets, models and architectures.",
		.usage = "[OPTION]... [FILE]",
		.examples = "cv-read digits/ --split test | cv-view -n 100 -o grid.png\n"
			    "cv-view --stat train.cvt\n"
			    "cv-view --history net.safetensors\n"
			    "cv-view --diff a.cvt b.cvt && echo equal\n"
			    "cv-view --tsv scores.cvt | sort -k3n | head\n"
			    "cv-view --arch resnet20 --summary\n"
			    "cv-view --curves a.jsonl b.jsonl -o curves.png",
		.options = table,
		.common = &o.common,
		.operands_are_source = true,
	};
	struct cli c;
	struct cvt_err e = {0};
	bool done = false, different = false;
	int code = cli_parse(&c, &program, argc, argv, &done, &e);
	if (code == CVT_OK && !done)
		code = view(&c, &o, &different, &e);
	code = cli_end(&c, code, &e, false);
	return code == CVT_OK && different ? 1 : code;
}
