/* eval_print: a report as text, TSV and JSON (see eval_print.h). */
#include "print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../formats/output.h"

enum { NAME = 300, FIGURE = 340, TEXT_NAME = 24, TEXT_DECIMALS = 4, DECIMALS = 8 };

/* The name of class c, safe for a terminal and without tabs. */
static const char *class_name(const struct head_classes *classes, size_t c, char *to)
{
	if (classes && c < classes->n && classes->name[c])
		return mem_printable(to, NAME, classes->name[c]);
	(void)snprintf(to, NAME, "%zu", c);
	return to;
}

static const char *figure(
	char *to, enum report_kind kind, double v, int decimals, const char *undefined)
{
	if (isnan(v))
		return undefined;
	(void)snprintf(to, FIGURE, "%.*f", kind == REPORT_COUNT ? 0 : decimals, v);
	return to;
}

static enum report_kind kind_of(const struct report_table *t, size_t column)
{
	return t->square ? REPORT_COUNT : t->column[column].kind;
}

/* Class c has a name that is more than its number. */
static bool has_name(const struct head_classes *classes, size_t c)
{
	char name[NAME], number[NAME];
	return strcmp(class_name(classes, c, name), class_name(NULL, c, number)) != 0;
}

/* ---- text -------------------------------------------------------------------------- */

static int cell_width(const struct report_table *t)
{
	char text[FIGURE];
	double most = (double)t->columns;
	for (size_t i = 0; i < t->rows * t->columns; i++)
		most = t->cell[i] > most ? t->cell[i] : most;
	const int width = (int)strlen(figure(text, REPORT_COUNT, most, 0, ""));
	const int least = !t->square ? 9 : t->with_none ? 4 : 1;
	return width > least ? width : least;
}

static int name_width(const struct report_table *t, const struct head_classes *classes)
{
	char name[NAME];
	size_t width = strlen("class");
	for (size_t c = 0; c < t->rows; c++) {
		const size_t n = strlen(class_name(classes, c, name));
		width = n > width ? n : width;
	}
	return width < TEXT_NAME ? (int)width : TEXT_NAME;
}

/* Columns of a square are called by number (names would be too wide), so rows show theirs, too. */
static bool shows_numbers(const struct report_table *t, const struct head_classes *classes)
{
	bool names = false;
	for (size_t c = 0; c < t->rows && t->square; c++)
		names = names || has_name(classes, c);
	return names;
}

static int text_heading(struct str *to, const struct report_table *t, bool numbers, int names,
	int width, struct cvt_err *e)
{
	TRY(str_printf(to, e, "\n%s%s\n", t->name,
		t->square ? " (down: the truth, across: the prediction)" : ""));
	TRY(str_printf(to, e, "%s%-*s", numbers ? "     " : "", names, "class"));
	for (size_t k = 0; k < t->columns; k++)
		if (!t->square)
			TRY(str_printf(to, e, " %*s", width, t->column[k].name));
		else if (t->with_none && k + 1 == t->columns)
			TRY(str_printf(to, e, " %*s", width, "none"));
		else
			TRY(str_printf(to, e, " %*zu", width, k));
	return str_puts(to, "\n", e);
}

static int text_table(struct str *to, const struct report_table *t,
	const struct head_classes *classes, struct cvt_err *e)
{
	char name[NAME], text[FIGURE];
	const int width = cell_width(t), names = name_width(t, classes);
	const bool numbers = shows_numbers(t, classes);
	TRY(text_heading(to, t, numbers, names, width, e));
	for (size_t c = 0; c < t->rows; c++) {
		if (numbers)
			TRY(str_printf(to, e, "%4zu ", c));
		TRY(str_printf(to, e, "%-*s", names, class_name(classes, c, name)));
		for (size_t k = 0; k < t->columns; k++)
			TRY(str_printf(to, e, " %*s", width,
				figure(text, kind_of(t, k), t->cell[c * t->columns + k],
					TEXT_DECIMALS, "-")));
		TRY(str_puts(to, "\n", e));
	}
	return CVT_OK;
}

/* ---- TSV --------------------------------------------------------------------------- */

static int tsv_table(struct str *to, const struct report_table *t,
	const struct head_classes *classes, struct cvt_err *e)
{
	char name[NAME], text[FIGURE];
	TRY(str_printf(to, e, "\n%s", t->square ? t->name : "class"));
	for (size_t k = 0; k < t->columns; k++)
		if (!t->square)
			TRY(str_printf(to, e, "\t%s", t->column[k].name));
		else if (t->with_none && k + 1 == t->columns)
			TRY(str_puts(to, "\tnone", e));
		else
			TRY(str_printf(to, e, "\t%s", class_name(classes, k, name)));
	TRY(str_puts(to, "\n", e));
	for (size_t c = 0; c < t->rows; c++) {
		TRY(str_puts(to, class_name(classes, c, name), e));
		for (size_t k = 0; k < t->columns; k++)
			TRY(str_printf(to, e, "\t%s",
				figure(text, kind_of(t, k), t->cell[c * t->columns + k], DECIMALS,
					"-")));
		TRY(str_puts(to, "\n", e));
	}
	return CVT_OK;
}

/* ---- JSON -------------------------------------------------------------------------- */

/* Keys with '_', which jq takes without quotes. */
static int json_key(struct str *to, const char *name, struct cvt_err *e)
{
	TRY(str_puts(to, "\"", e));
	for (const char *s = name; *s; s++)
		TRY(str_add(to, *s == '-' ? "_" : s, 1, e));
	return str_puts(to, "\": ", e);
}

/* Names have passed mem_printable: they are UTF-8 without control characters. */
static int json_string(struct str *to, const char *text, struct cvt_err *e)
{
	TRY(str_puts(to, "\"", e));
	for (const char *s = text; *s; s++) {
		if (*s == '"' || *s == '\\')
			TRY(str_puts(to, "\\", e));
		TRY(str_add(to, s, 1, e));
	}
	return str_puts(to, "\"", e);
}

static int json_values(struct str *to, const struct report *r, struct cvt_err *e)
{
	char text[FIGURE];
	for (size_t i = 0; i < r->values; i++) {
		const struct report_value *v = &r->value[i];
		TRY(str_puts(to, i ? ", " : "", e));
		TRY(json_key(to, v->name, e));
		TRY(str_puts(to, figure(text, v->kind, v->value, DECIMALS, "null"), e));
	}
	return CVT_OK;
}

/* A square is {"classes": [names], "counts": [[...], ...]}. */
static int json_square(struct str *to, const struct report_table *t,
	const struct head_classes *classes, struct cvt_err *e)
{
	char name[NAME];
	TRY(str_puts(to, "{\"classes\": [", e));
	for (size_t c = 0; c < t->rows; c++) {
		TRY(str_puts(to, c ? ", " : "", e));
		TRY(json_string(to, class_name(classes, c, name), e));
	}
	TRY(str_puts(to, "], \"counts\": [", e));
	for (size_t c = 0; c < t->rows; c++) {
		TRY(str_puts(to, c ? ",\n  [" : "\n  [", e));
		for (size_t k = 0; k < t->columns; k++)
			TRY(str_printf(
				to, e, "%s%.0f", k ? ", " : "", t->cell[c * t->columns + k]));
		TRY(str_puts(to, "]", e));
	}
	return str_puts(to, "]}", e);
}

/* Other tables are a list of objects, one a class. */
static int json_table(struct str *to, const struct report_table *t,
	const struct head_classes *classes, struct cvt_err *e)
{
	char name[NAME], text[FIGURE];
	TRY(str_puts(to, "[", e));
	for (size_t c = 0; c < t->rows; c++) {
		TRY(str_puts(to, c ? ",\n  {\"class\": " : "\n  {\"class\": ", e));
		TRY(json_string(to, class_name(classes, c, name), e));
		for (size_t k = 0; k < t->columns; k++) {
			TRY(str_puts(to, ", ", e));
			TRY(json_key(to, t->column[k].name, e));
			TRY(str_puts(to,
				figure(text, kind_of(t, k), t->cell[c * t->columns + k], DECIMALS,
					"null"),
				e));
		}
		TRY(str_puts(to, "}", e));
	}
	return str_puts(to, "]", e);
}

static int print_json(struct str *to, const struct report *r, const struct head_classes *classes,
	struct cvt_err *e)
{
	TRY(str_puts(to, "{", e));
	TRY(json_values(to, r, e));
	for (size_t i = 0; i < r->tables; i++) {
		const struct report_table *t = &r->table[i];
		TRY(str_puts(to, ",\n ", e));
		TRY(json_key(to, t->name, e));
		TRY(t->square ? json_square(to, t, classes, e) : json_table(to, t, classes, e));
	}
	return str_puts(to, "}\n", e);
}

/* ---- all --------------------------------------------------------------------------- */

int eval_print(struct str *to, const struct report *r, const struct head_classes *classes,
	enum eval_form form, struct cvt_err *e)
{
	char text[FIGURE];
	if (form == EVAL_JSON)
		return print_json(to, r, classes, e);
	for (size_t i = 0; i < r->values; i++) {
		const struct report_value *v = &r->value[i];
		const bool tsv = form == EVAL_TSV;
		TRY(str_printf(to, e, "%s%s%s\n", v->name, tsv ? "\t" : " ",
			figure(text, v->kind, v->value, tsv ? DECIMALS : TEXT_DECIMALS, "-")));
	}
	for (size_t i = 0; i < r->tables; i++)
		TRY(form == EVAL_TSV ? tsv_table(to, &r->table[i], classes, e)
				     : text_table(to, &r->table[i], classes, e));
	return CVT_OK;
}

int eval_print_metrics(struct str *to, const struct report *r, bool tsv, struct cvt_err *e)
{
	char text[FIGURE];
	if (!tsv) {
		TRY(str_puts(to, "{", e));
		TRY(json_values(to, r, e));
		return str_puts(to, "}\n", e);
	}
	for (size_t i = 0; i < r->values; i++)
		TRY(str_printf(to, e, "%s%s", i ? "\t" : "", r->value[i].name));
	TRY(str_puts(to, "\n", e));
	for (size_t i = 0; i < r->values; i++)
		TRY(str_printf(to, e, "%s%s", i ? "\t" : "",
			figure(text, r->value[i].kind, r->value[i].value, DECIMALS, "-")));
	return str_puts(to, "\n", e);
}

int eval_write(const char *path, const struct str *text, struct cvt_err *e)
{
	struct output *out;
	TRY(output_open(&out, path, e));
	const int code = output_write(out, text->p, text->n, e);
	if (code == CVT_OK)
		return output_commit(out, e);
	output_abandon(out);
	return code;
}

int eval_write_metrics(const char *path, const struct report *r, struct cvt_err *e)
{
	const size_t n = path ? strlen(path) : 0;
	struct str text = {0};
	if (!path)
		return CVT_OK;
	int code = eval_print_metrics(&text, r, n > 4 && strcmp(path + n - 4, ".tsv") == 0, e);
	if (code == CVT_OK)
		code = eval_write(path, &text, e);
	free(text.p);
	return code;
}
