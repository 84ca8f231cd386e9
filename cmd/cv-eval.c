/* cv-eval: a stream with predictions to numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../formats/source.h"
#include "../libcore/cli.h"
#include "eval/fid.h"
#include "eval/print.h"
#include "eval/rows.h"
#include "rate.h"

enum { MOST = 32 };

struct options {
	const char *report, *as, *format, *truth, *predicted, *fid, *field;
	bool per_class, confusion, by_part;
	size_t part;
	enum eval_form form;
};

struct work {
	const struct options *o;
	const struct cli_common *common;
	const struct cli *cli;
	struct source *in;
	struct head head; /* a copy: class names are printed after the end */
	struct eval_fields fields;
	struct eval_rows rows;
	const struct metric *metric[MOST];
	struct tally tally[MOST];
	bool asked[MOST]; /* by name: its tables are printed, too */
	size_t metrics;
	bool epoch_ended;
	struct rate rate;
};

/* ---- options ----------------------------------------------------------------------- */

static int list(void)
{
	for (const struct metric *const *m = metrics; *m; m++)
		printf("%s\t%s\n", (*m)->name, (*m)->help);
	return CVT_OK;
}

static int understand(struct options *o, const struct cli *c, struct cvt_err *e)
{
	static const char *const forms[] = {
		[EVAL_TEXT] = "text", [EVAL_TSV] = "tsv", [EVAL_JSON] = "json"};
	if (c->operands > 1)
		return cvt_fail(e, CVT_USAGE,
			"'%s': one input at a time; join several with cv-read", c->operand[1]);
	if (o->part > INT32_MAX)
		return cvt_fail(e, CVT_USAGE, "--part: 0 for training rows, 1 for validation rows");
	TRY(o->fid ? cli_refuse(c, "per-class confusion report truth predicted",
		    "compares each row with its truth; --fid compares two sets", e)
		   : cli_refuse(c, "field", "names the features of --fid FILE; add it", e));
	for (int i = 0; i < 3; i++)
		if (strcmp(o->as, forms[i]) == 0) {
			o->form = (enum eval_form)i;
			return CVT_OK;
		}
	return cvt_fail(e, CVT_USAGE, "--as: '%s' is unknown; there are text, tsv and json", o->as);
}

/* ---- which measures ---------------------------------------------------------------- */

static const char *missing(unsigned needs)
{
	if (needs & METRIC_MASK)
		return "'prediction' as a mask";
	if (needs & METRIC_MAP)
		return "a prediction with a number for each pixel (f4)";
	if (needs & METRIC_SCORE)
		return "'logits' or 'probs'; cv-embed --output logits makes them";
	return "'prediction', 'logits' or 'probs'";
}

/* Adds a measure once. */
static int add_metric(struct work *w, const struct metric *m, bool asked, struct cvt_err *e)
{
	for (size_t i = 0; i < w->metrics; i++)
		if (w->metric[i] == m) {
			w->asked[i] = w->asked[i] || asked;
			return CVT_OK;
		}
	if (m->needs & ~w->fields.has)
		return cvt_fail(e, CVT_INPUT, "%s: %s needs %s", source_name(w->in), m->name,
			missing(m->needs));
	if (w->metrics == MOST)
		return cvt_fail(e, CVT_USAGE, "--report: too many measures");
	if (m == metric_find("nll") || m == metric_find("ece"))
		w->fields.sums = true;
	w->asked[w->metrics] = asked;
	w->metric[w->metrics] = m;
	return tally_start(&w->tally[w->metrics++], m, w->fields.classes, e);
}

static int unknown_metric(const char *word, struct cvt_err *e)
{
	const char *names[MOST];
	char shown[200];
	size_t n = 0;
	for (const struct metric *const *m = metrics; *m && n < MOST; m++)
		names[n++] = (*m)->name;
	const size_t near = mem_nearest(word, names, n);
	return cvt_fail(e, CVT_USAGE, "--report: '%s' is unknown; %s%s%s",
		mem_printable(shown, sizeof shown, word),
		near < n ? "did you mean '" : "see cv-eval --list", near < n ? names[near] : "",
		near < n ? "'?" : "");
}

static int add_asked(struct work *w, struct cvt_err *e)
{
	char *copy, *word[MOST];
	size_t n;
	TRY(cli_words(w->o->report, "--report", &copy, word, MOST, &n, e));
	int code = CVT_OK;
	for (size_t i = 0; i < n && code == CVT_OK; i++) {
		const struct metric *m = metric_find(word[i]);
		code = m ? add_metric(w, m, true, e) : unknown_metric(word[i], e);
	}
	free(copy);
	return code;
}

static int choose_metrics(struct work *w, struct cvt_err *e)
{
	const bool masks = w->fields.masks;
	if (w->o->report)
		TRY(add_asked(w, e));
	for (const struct metric *const *m = metrics; *m && !w->o->report; m++)
		if ((*m)->standard && !((*m)->needs & ~w->fields.has))
			TRY(add_metric(w, *m, false, e));
	if (w->o->per_class)
		TRY(add_metric(w, metric_find(masks ? "miou" : "per-class"), true, e));
	if (w->o->confusion)
		TRY(add_metric(w, metric_find("confusion"), true, e));
	return CVT_OK;
}

/* ---- from begin to end ------------------------------------------------------------- */

static int open_all(struct work *w, struct cvt_err *e)
{
	const struct cli_common *c = w->common;
	const char *path = w->cli->operands ? w->cli->operand[0] : c->input;
	const struct dataset_options data = {.format = w->o->format, .max_memory = c->max_memory};
	TRY(cli_refuse_stdin(w->cli, e));
	TRY(source_open(&w->in, path, &data, e));
	TRY(output_refuse_input(c->output, source_fd(w->in), e));
	if (c->metrics)
		TRY(output_refuse_input(c->metrics, source_fd(w->in), e));
	TRY(head_copy(&w->head, source_head(w->in), e));
	if (w->o->fid)
		return CVT_OK;
	w->fields = (struct eval_fields){.truth = w->o->truth,
		.answer = w->o->predicted,
		.by_part = w->o->by_part,
		.part = (int32_t)w->o->part};
	TRY(eval_choose(&w->fields, &w->head, source_name(w->in), e));
	return choose_metrics(w, e);
}

static int count_batch(struct work *w, const struct batch *b, struct cvt_err *e)
{
	if (w->epoch_ended)
		return cvt_fail(e, CVT_INPUT,
			"%s: several epochs, which hold the same rows again; evaluate one: cv-read "
			"--epochs 1",
			source_name(w->in));
	if (eval_take(&w->rows, &w->fields, b, e) != CVT_OK)
		return cvt_fail_at(e, "%s", source_name(w->in));
	for (size_t i = 0; i < w->metrics; i++)
		if (tally_add(&w->tally[i], &w->rows.r, e) != CVT_OK)
			return cvt_fail_at(e, "%s", source_name(w->in));
	return CVT_OK;
}

static int read_all(struct work *w, struct cvt_err *e)
{
	for (;;) {
		struct batch *b;
		enum stream_event event;
		TRY(source_next(w->in, &b, &event, e));
		if (event == STREAM_DONE)
			return CVT_OK;
		if (event == STREAM_BATCH) {
			TRY(count_batch(w, b, e));
			rate_add(&w->rate, b->rows);
		}
		w->epoch_ended = w->epoch_ended || event == STREAM_EPOCH;
	}
}

static int make_report(const struct work *w, struct report *r, struct cvt_err *e)
{
	uint64_t rows = 0;
	for (size_t i = 0; i < w->metrics; i++) {
		const size_t tables = r->tables;
		rows = w->tally[i].rows;
		TRY(w->metric[i]->report(&w->tally[i], r, e));
		while (r->tables > tables && !w->asked[i])
			report_drop_table(r);
	}
	TRY(report_count(r, "rows", rows, e));
	if (w->rows.unlabelled > 0 || w->o->form != EVAL_TEXT)
		TRY(report_count(r, "unlabelled", w->rows.unlabelled, e));
	if (rows == 0 && !w->common->allow_empty)
		return cvt_fail(e, CVT_INPUT,
			"%s: no rows with a known '%s' to compare (%llu without)",
			source_name(w->in), w->fields.truth,
			(unsigned long long)w->rows.unlabelled);
	return CVT_OK;
}

static int write_report(const struct work *w, const struct report *r, struct cvt_err *e)
{
	struct str text = {0};
	const char *truth = w->fields.truth;
	const struct head_classes *names = truth ? head_classes(&w->head, truth) : NULL;
	int code = eval_print(&text, r, names, w->o->form, e);
	if (code == CVT_OK)
		code = eval_write_metrics(w->common->metrics, r, e);
	if (code == CVT_OK)
		code = eval_write(w->common->output, &text, e);
	free(text.p);
	return code;
}

static int run(struct work *w, struct cvt_err *e)
{
	struct report r = {0};
	const struct dataset_options reading = {
		.format = w->o->format, .max_memory = w->common->max_memory};
	int code = open_all(w, e);
	if (code == CVT_OK && w->o->fid) {
		const struct eval_fid fid = {
			w->o->fid, w->o->field, w->o->by_part, (int32_t)w->o->part};
		code = eval_fid(w->in, &fid, &reading, &r, e);
	} else if (code == CVT_OK) {
		rate_start_last(&w->rate, w->cli, &w->head);
		TRY(read_all(w, e));
		rate_stop(&w->rate);
		code = make_report(w, &r, e);
	}
	if (code == CVT_OK)
		code = write_report(w, &r, e);
	report_free(&r);
	return code;
}

static void close_all(struct work *w)
{
	rate_stop(&w->rate);
	for (size_t i = 0; i < w->metrics; i++)
		tally_free(&w->tally[i]);
	eval_rows_free(&w->rows);
	head_free(&w->head);
	source_close(w->in);
}

int main(int argc, char **argv)
{
	struct options o = {.as = "text", .field = "embedding"};
	struct cli_common common = {.threads = 1};
	struct cli_option options[] = {
		{"per-class", 0, CLI_FLAG, NULL, &o.per_class,
			"precision, recall and F1 of each class", 0, NULL},
		{"confusion", 0, CLI_FLAG, NULL, &o.confusion, "which class was taken for which", 0,
			NULL},
		{"report", 0, CLI_TEXT, "NAME,...", &o.report,
			"measures instead of the usual ones (cv-eval --list)", CLI_LIST, NULL},
		{"as", 0, CLI_TEXT, "FORM", &o.as, "text, tsv or json", 0, NULL},
		{"part", 0, CLI_COUNT, "N", &o.part,
			"only rows of part N: 0 training, 1 validation (default: all)", 0,
			&o.by_part},
		{"truth", 0, CLI_TEXT, "FIELD", &o.truth,
			"the truth (default: label, for masks mask)", 0, NULL},
		{"predicted", 0, CLI_TEXT, "FIELD", &o.predicted,
			"what is compared with it (default: prediction, else logits, else probs)",
			0, NULL},
		{"fid", 0, CLI_TEXT, "FILE", &o.fid,
			"Frechet distance of --field to that of another stream, instead", 0, NULL},
		{"field", 0, CLI_TEXT, "NAME", &o.field, "features for --fid", 0, NULL},
		{"format", 0, CLI_TEXT, "NAME", &o.format,
			"what the input is (default: by content)", 0, NULL},
		{0},
	};
	const struct cli_program program = {
		.name = "cv-eval",
		.summary = "Compares predictions with the truth and prints figures.",
		.usage = "[OPTION]... [INPUT]",
		.examples = "  cv-read cifar.tar.gz --split test | cv-embed -w net.safetensors "
			    "--output logits |\n"
			    "    cv-eval --per-class\n"
			    "  cv-knn --bank train.cvt test.cvt | cv-eval --as json --confusion "
			    ">result.json\n",
		.options = options,
		.common = &common,
		.operands_are_source = true,
	};
	struct cvt_err e = {0};
	struct cli c;
	bool done;
	int code = cli_parse(&c, &program, argc, argv, &done, &e);
	if (code == CVT_OK && !done && common.list) {
		done = true;
		code = list();
	}
	if (code == CVT_OK && !done)
		code = understand(&o, &c, &e);
	struct work w = {.o = &o, .common = &common, .cli = &c};
	head_init(&w.head);
	if (code == CVT_OK && !done)
		code = run(&w, &e);
	close_all(&w);
	return cli_end(&c, code, &e, false);
}
