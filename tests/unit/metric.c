/* Every measure against figures worked out by hand, however the rows are dealt out. */
#include "../../libcore/metric/metric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void check(bool good, const char *what)
{
	printf("%s %s\n", good ? "ok" : "not ok", what);
	failures += !good;
}

enum { ROWS = 6, CLASSES = 7 };
static const int32_t truth[ROWS] = {0, 1, 2, 2, 1, 0};
static const int32_t answer[ROWS] = {0, 1, 2, 1, -1, 2};

/* Reports of m after the rows were added `at_once` by `at_once`. */
static struct report measure(const char *name, const struct metric_rows *all, size_t at_once)
{
	const struct metric *m = metric_find(name);
	struct report r = {0};
	struct tally t;
	struct cvt_err e = {0};
	int code = m ? tally_start(&t, m, 0, &e) : CVT_USAGE;
	for (size_t at = 0; at < all->rows && code == CVT_OK; at += at_once) {
		struct metric_rows some = *all;
		some.rows = all->rows - at < at_once ? all->rows - at : at_once;
		if (all->truth) {
			some.truth += at;
			some.answer += at;
		}
		if (all->score)
			some.score += at * all->classes;
		if (all->truth_mask) {
			some.truth_mask += at * all->pixels;
			some.answer_mask += at * all->pixels;
		}
		code = tally_add(&t, &some, &e);
	}
	if (code == CVT_OK)
		code = m->report(&t, &r, &e);
	if (m)
		tally_free(&t);
	if (code != CVT_OK) {
		printf("not ok %s: %s\n", name, e.text);
		failures++;
	}
	return r;
}

static double value(const struct report *r, const char *name)
{
	for (size_t i = 0; i < r->values; i++)
		if (strcmp(r->value[i].name, name) == 0)
			return r->value[i].value;
	return NAN;
}

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

static void check_accuracy(void)
{
	const struct metric_rows all = {.rows = ROWS, .truth = truth, .answer = answer};
	for (size_t n = 1; n <= ROWS; n++) {
		struct report r = measure("accuracy", &all, n);
		check(near(value(&r, "accuracy"), 3.0 / 6), "accuracy");
		report_free(&r);
	}
}

static void check_per_class(void)
{
	const struct metric_rows all = {.rows = ROWS, .truth = truth, .answer = answer};
	for (size_t n = 1; n <= ROWS; n += 2) {
		struct report r = measure("per_class", &all, n);
		const double *c = r.tables == 1 ? r.table[0].cell : NULL;
		check(c && r.table[0].rows == 3 && c[4] == 2 && near(c[1], 1) && near(c[5], 0.5)
				&& near(c[2], 0.5) && near(c[3], 2.0 / 3) && near(c[11], 0.5),
			"rows, precision, recall and F1 of classes");
		check(near(value(&r, "balanced-accuracy"), 0.5)
				&& near(value(&r, "macro-f1"), (2.0 / 3 + 0.5 + 0.5) / 3),
			"balanced accuracy, macro F1");
		report_free(&r);
	}
}

static void check_confusion(void)
{
	const struct metric_rows all = {.rows = ROWS, .truth = truth, .answer = answer};
	static const double want[] = {1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0};
	for (size_t n = 1; n <= ROWS; n += 2) {
		struct report r = measure("confusion", &all, n);
		bool good = r.tables == 1 && r.table[0].with_none && r.table[0].columns == 4;
		for (size_t i = 0; i < 12 && good; i++)
			good = near(r.table[0].cell[i], want[i]);
		check(good, "confusion, with a column for no prediction; grown as classes are met");
		report_free(&r);
	}
}

static void check_too_many_classes(void)
{
	const int32_t big = 2147483647;
	const struct metric_rows one = {.rows = 1, .truth = &big, .answer = &big};
	static const char *const names[] = {"per-class", "confusion"};
	for (int i = 0; i < 2; i++) {
		struct tally t;
		struct cvt_err e = {0};
		check(tally_start(&t, metric_find(names[i]), 0, &e) == CVT_OK
				&& tally_add(&t, &one, &e) == CVT_INPUT,
			"a hostile class number is refused before memory is taken");
		tally_free(&t);
	}
}

/* Scores of two rows over seven classes. */
static void check_scores(void)
{
	static const int32_t which[] = {5, 6};
	static const float score[] = {0, 0, 0, 0, 0, 0, -1, 0, 3, 0, 2, 1, 5, 0};
	const int32_t best[] = {
		metric_argmax(score, CLASSES), metric_argmax(score + CLASSES, CLASSES)};
	check(best[0] == 0 && best[1] == 5, "of equal scores the lower class is the greater");
	const float nan[] = {1, NAN};
	check(metric_argmax(nan, 2) == -1, "NaN has no greatest");
	const struct metric_rows all = {
		.rows = 2, .classes = CLASSES, .truth = which, .answer = best, .score = score};
	struct report r = measure("top5", &all, 1);
	check(near(value(&r, "top5"), 0), "top 5: ties count before the higher class");
	report_free(&r);
	static const int32_t fourth[] = {4, 4};
	const struct metric_rows hit = {
		.rows = 2, .classes = CLASSES, .truth = fourth, .answer = best, .score = score};
	r = measure("top5", &hit, 2);
	check(near(value(&r, "top5"), 1), "top 5: hits");
	report_free(&r);
	r = measure("nll", &all, 1);
	const double first = log(6 + exp(-1));
	const double second = log(3 + exp(3) + exp(2) + exp(1) + exp(5));
	check(near(value(&r, "nll"), (first + second) / 2), "nll of logits");
	report_free(&r);
}

static void check_probs(void)
{
	static const int32_t which[] = {0, 1, 1}, best[] = {0, 1, 0};
	static const float p[] = {0.75F, 0.25F, 0, 1, 0.75F, 0.25F};
	const struct metric_rows all = {
		.rows = 3, .classes = 2, .truth = which, .answer = best, .score = p, .probs = true};
	struct report r = measure("nll", &all, 2);
	check(near(value(&r, "nll"), (-log(0.75) - log(0.25)) / 3), "nll of probabilities");
	report_free(&r);
	r = measure("ece", &all, 2);
	check(near(value(&r, "ece"), fabs(1 - 1.5) / 3),
		"ece: one bin half right, one certain and right");
	report_free(&r);
	r = measure("top5", &all, 3);
	check(r.values == 0, "top 5 of two classes says nothing");
	report_free(&r);
}

static void check_masks(void)
{
	static const unsigned char t[] = {0, 0, 1, 1, 255, 2, 2, 0},
				   a[] = {0, 1, 1, 1, 1, 255, 2, 0};
	const struct metric_rows all = {.rows = 2, .pixels = 4, .truth_mask = t, .answer_mask = a};
	for (size_t n = 1; n <= 2; n++) {
		struct report r = measure("miou", &all, n);
		check(near(value(&r, "miou"), (2.0 / 3 + 2.0 / 3 + 1.0 / 2) / 3)
				&& near(value(&r, "pixel-accuracy"), 5.0 / 7),
			"mean intersection over union, without ignored pixels");
		report_free(&r);
	}
}

static void check_list(void)
{
	bool good = metric_find("per-class") == metric_find("per_class") && !metric_find("per")
		    && !metric_find("");
	for (const struct metric *const *m = metrics; *m; m++)
		good = good && metric_find((*m)->name) == *m && (*m)->help && (*m)->add
		       && (*m)->report;
	check(good, "every measure is found by its name, '-' like '_'");
}

int main(void)
{
	check_accuracy();
	check_per_class();
	check_confusion();
	check_too_many_classes();
	check_scores();
	check_probs();
	check_masks();
	check_list();
	return failures != 0;
}
