/* cli_files: what a program writes must not be among what it reads: a file that the line names twice
 * would be gone before it was read, or with it what somebody wanted to keep (see cli_private.h). */
#include "cli_private.h"

#include <string.h>
#include <sys/stat.h>

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;
	return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev
	       && x.st_ino == y.st_ino;
}

/* The file that this word of the line names for reading, or NULL. Of NAME|FILE a word that could be a
 * NAME is none: an output may be called as an architecture is. */
static const char *read_file(const struct cli *c, const struct cli_token *t)
{
	const struct cli_common *common = c->program->common;
	const struct cli_option *o = t->option;
	if (!o)
		return c->program->operands_are_source ? t->text : NULL;
	if (!o->arg || !t->text || o->to == &common->output || o->to == &common->metrics)
		return NULL;
	if (!strstr(o->arg, "FILE") && !strstr(o->arg, "STREAM") && !strstr(o->arg, "MODEL"))
		return NULL;
	return strstr(o->arg, "NAME") && !strpbrk(t->text, "./") ? NULL : t->text;
}

static int refuse_read(const struct cli *c, const char *written, struct cvt_err *e)
{
	for (size_t i = 0; written && i < c->tokens; i++) {
		const char *file = read_file(c, &c->token[i]);
		const char *equals = file ? strchr(file, '=') : NULL; /* STAGE=FILE */
		if (file
			&& (same_file(file, written) || (equals && same_file(equals + 1, written))))
			return cvt_fail(
				e, CVT_USAGE, "%s is read, too; write to another file", written);
	}
	return CVT_OK;
}

int cli_refuse_read(const struct cli *c, struct cvt_err *e)
{
	const char *output = c->program->common->output, *metrics = c->program->common->metrics;
	struct stat s;
	if (output && metrics
		&& (stat(output, &s) == 0 ? same_file(output, metrics)
					  : strcmp(output, metrics) == 0))
		return cvt_fail(
			e, CVT_USAGE, "-o and --metrics are both %s; name two files", output);
	TRY(refuse_read(c, output, e));
	return refuse_read(c, metrics, e);
}
