/* cli_files: what is wrong about the files of a line is said before any work is done. What a program
 * writes must not be among what it reads: a file that the line names twice would be gone before it was
 * read, or with it what somebody wanted to keep. No file is without a name, and standard input is read
 * once (see cli_private.h). */
#include "cli_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;
	return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev
	       && x.st_ino == y.st_ino;
}

static bool names_file(const struct cli_option *o)
{
	static const char *const kinds[] = {"FILE", "STREAM", "MODEL", "PAIRS"};
	for (size_t i = 0; o->arg && i < sizeof kinds / sizeof *kinds; i++)
		if (strstr(o->arg, kinds[i]))
			return true;
	return false;
}

/* An operand is the input, or @FILE among the words of a chain. */
static const char *read_operand(const struct cli *c, const char *text)
{
	if (c->program->operands_are_source)
		return text;
	return *text == '@' ? text + 1 : NULL;
}

/* The file that this word of the line names for reading, or NULL. Of NAME|FILE a word that could be a
 * NAME is none: an output may be called as an architecture is. */
static const char *read_file(const struct cli *c, const struct cli_token *t)
{
	const struct cli_common *common = c->program->common;
	const struct cli_option *o = t->option;
	if (!o)
		return read_operand(c, t->text);
	if (!t->text || !names_file(o) || o->to == &common->output || o->to == &common->metrics)
		return NULL;
	return strstr(o->arg, "NAME") && !strpbrk(t->text, "./") ? NULL : t->text;
}

int cli_refuse_read(const struct cli *c, const char *written, const char *except, struct cvt_err *e)
{
	for (size_t i = 0; written && i < c->tokens; i++) {
		const struct cli_option *o = c->token[i].option;
		const bool excepted = except && o && o->name && strcmp(o->name, except) == 0;
		const char *file = excepted ? NULL : read_file(c, &c->token[i]);
		const char *equals = file ? strchr(file, '=') : NULL; /* STAGE=FILE */
		if (file
			&& (same_file(file, written) || (equals && same_file(equals + 1, written))))
			return cvt_fail(
				e, CVT_USAGE, "%s is read, too; write to another file", written);
	}
	return CVT_OK;
}

static int refuse_written(const struct cli *c, struct cvt_err *e)
{
	const char *output = c->program->common->output, *metrics = c->program->common->metrics;
	struct stat s;
	if (output && metrics
		&& (stat(output, &s) == 0 ? same_file(output, metrics)
					  : strcmp(output, metrics) == 0))
		return cvt_fail(
			e, CVT_USAGE, "-o and --metrics are both %s; name two files", output);
	TRY(cli_refuse_read(c, output, NULL, e));
	return cli_refuse_read(c, metrics, NULL, e);
}

/* --metrics "$M" where M is not set. */
static int refuse_unnamed(const struct cli *c, struct cvt_err *e)
{
	for (size_t i = 0; i < c->tokens; i++) {
		const struct cli_option *o = c->token[i].option;
		if (o && c->token[i].text && !*c->token[i].text && names_file(o)
			&& !strstr(o->arg, "NAME"))
			return cvt_fail(e, CVT_USAGE,
				"%s%s: a file without a name; is a variable not set?",
				o->name ? "--" : "-",
				o->name ? o->name : (char[]){o->letter, '\0'});
	}
	return CVT_OK;
}

static bool is_stdin(const struct cli_token *t, const char *file)
{
	const char *equals = t->option && file && *t->option->arg == '[' ? strchr(file, '=') : NULL;
	return file && strcmp(equals ? equals + 1 : file, "-") == 0; /* [STAGE=]FILE */
}

/* What the word is called in a message. */
static const char *stdin_name(const struct cli_token *t, char *to, size_t size)
{
	if (!t)
		return "the input";
	if (!t->option)
		return *t->text == '@' ? "@-" : "operand -";
	(void)snprintf(to, size, "--%s", t->option->name ? t->option->name : "");
	return to;
}

/* At most one word of the line names standard input, none when `taken`: nothing else is the input. */
static int refuse_stdin(const struct cli *c, bool taken, struct cvt_err *e)
{
	const struct cli_token *other = NULL;
	char a[100], b[100];
	for (size_t i = 0; i < c->tokens; i++) {
		const struct cli_token *t = &c->token[i];
		if (!is_stdin(t, read_file(c, t)))
			continue;
		if (other || taken)
			return cvt_fail(e, CVT_USAGE,
				"%s and %s both want standard input, which comes once; put one of "
				"them into a file",
				stdin_name(other, a, sizeof a), stdin_name(t, b, sizeof b));
		other = t;
	}
	return CVT_OK;
}

int cli_refuse_stdin(const struct cli *c, struct cvt_err *e)
{
	const bool named =
		c->program->common->input || (c->program->operands_are_source && c->operands);
	return refuse_stdin(c, !named, e);
}

/* The input is named in one way, and standard input, which comes once, by one word. */
static int refuse_twice(const struct cli *c, struct cvt_err *e)
{
	if (c->program->operands_are_source && c->operands && c->program->common->input)
		return cvt_fail(e, CVT_USAGE, "name the input as an operand or with -i, not both");
	return refuse_stdin(c, false, e);
}

int cli_check_files(const struct cli *c, struct cvt_err *e)
{
	TRY(refuse_unnamed(c, e));
	TRY(refuse_twice(c, e));
	return refuse_written(c, e);
}
