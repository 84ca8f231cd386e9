/*
 * view: what cv-view looks at, and its ways of looking, one a file. A way of looking writes to an
 * output that main opened and will commit.
 */
#ifndef CVT_VIEW_H
#define CVT_VIEW_H

#include "../../formats/output.h"
#include "../../formats/source.h"
#include "../../libcore/cli.h"
#include "../rate.h"

struct view_options {
	struct cli_common common;
	bool head, stat, validate, history, diff, grid, tsv, overlay, summary, curves;
	const char *npy, *arch, *lets, *field, *format, *split;
	size_t count, columns, scale;
	bool count_given;
};

/* An operand: rows (a stream or a data set), or a model file. */
struct view_input {
	char *name;            /* printable */
	struct source *source; /* NULL = a model */
	struct state_dict model;
	struct rate rate; /* of the rows seen so far */
};

/* path NULL = stdin. */
int view_open(
	struct view_input *in, const char *path, const struct view_options *o, struct cvt_err *e);
void view_close(struct view_input *in);
/* The next rows; *b is NULL at the end. Counts epochs in *epochs (may be NULL). CVT_INPUT at the
 * end of a stream without rows, unless --allow-empty. */
int view_next(struct view_input *in, const struct view_options *o, struct batch **b, size_t *epochs,
	struct cvt_err *e);
int view_check_rows(const struct view_input *in, const struct view_options *o, struct cvt_err *e);
/* CVT_INPUT when a tensor of the model holds infinite numbers, or none: its weights are of no use. */
int view_finite(const struct view_input *in, struct cvt_err *e);
/* Writes what was gathered and empties it. */
int view_flush(struct str *text, struct output *out, struct cvt_err *e);

/* What one can know about a row of this field: "4x5x3", "-" for a number, "Mx5", "*". */
int view_shape(struct str *text, const struct head_field *f, struct cvt_err *e);
/* A number as short as it can be read back; f4 for floats. */
int view_number(struct str *text, const struct tensor *t, size_t item, struct cvt_err *e);
/* Text of a padded field's row; control characters, backslashes and what is no UTF-8 as \ooo. */
int view_text(struct str *text, const struct tensor *t, size_t row, struct cvt_err *e);
/* Lines of a file, with `end` in place of newlines; but for these and tabs, control characters, and what
 * is no UTF-8, as \ooo. */
int view_lines(struct str *text, const char *lines, size_t n, const char *end, struct cvt_err *e);
/* True for name and caption, and for other u1 fields of one dimension a row if that varies. */
bool view_is_text(const struct head_field *f);
/* The name of a class, or NULL. */
const char *view_class(const struct head *h, const char *field, long long number);

/* The ways of looking. */
int view_head(
	struct view_input *in, const struct view_options *o, struct output *out, struct cvt_err *e);
int view_stat(
	struct view_input *in, const struct view_options *o, struct output *out, struct cvt_err *e);
int view_validate(
	struct view_input *in, const struct view_options *o, struct output *out, struct cvt_err *e);
int view_history(
	struct view_input *in, const struct view_options *o, struct output *out, struct cvt_err *e);
int view_tsv(
	struct view_input *in, const struct view_options *o, struct output *out, struct cvt_err *e);
int view_npy(
	struct view_input *in, const struct view_options *o, struct output *out, struct cvt_err *e);
int view_grid(
	struct view_input *in, const struct view_options *o, struct output *out, struct cvt_err *e);
/* Both must be rows, or both models. *text says what differs first, and stays empty if nothing
 * does. */
int view_diff(struct view_input *a, struct view_input *b, const struct view_options *o,
	struct str *text, struct cvt_err *e);

/* Of models. */
int view_model_head(
	const struct view_input *in, bool with_numbers, struct output *out, struct cvt_err *e);
int view_model_diff(const struct view_input *a, const struct view_input *b, struct str *text,
	struct cvt_err *e);

#endif
